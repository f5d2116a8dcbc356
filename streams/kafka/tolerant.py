"""Decode batches that the client cannot, record by record.

A broker accepts what its own parser accepts, which checks little more than lengths:
header names that are not UTF-8, unused attribute bits (aiokafka reads them as part of
the next number and so loses this record and the next), offsets of other records, bytes
after a compressed stream. Such a record must affect no other, so each is decoded by
itself, and an undecodable one becomes an :class:`~streams.records.unread.Unread` in its
place. Slow, and only used when the extension has failed.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import msgspec

from streams.kafka.inflation import InflationError, inflate
from streams.records.record import Record
from streams.records.record_format import (
    BEGINNING,
    CHECKED,
    CODEC,
    LOG_APPEND_TIME,
    Header,
)
from streams.records.remains import RawHeader
from streams.records.unread import Bounds, lost, undecodable

_MORE: Final = 0x80
_LONGEST: Final = 10
"""Most bytes of a 64-bit varint."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """A record decoded here (:class:`streams.records.record.Record`)."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[Header]


class _Raw(msgspec.Struct, frozen=True, gc=False):
    """A record as stored in its batch."""

    stored: bytes
    after_ms: int = 0
    """Ms after the first timestamp of the batch."""
    delta: int = 0
    """Offset relative to the first one of the batch, as the sender states it."""
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[RawHeader, ...] = ()
    problem: str | None = None
    """Why it cannot be decoded; None = decoded."""


def take_apart(stored: bytes, bounds: Bounds) -> list[Record]:
    """Decode a whole batch of format 2, whatever its records contain.

    Parameters
    ----------
    stored
        The batch as it was fetched; its checksum is correct.

    Returns
    -------
    list
        A record or placeholder for every offset; one placeholder for all if not even
        the offsets can be read.
    """
    base = BEGINNING.unpack_from(stored)[0]
    attributes, last, first_ms, latest_ms, *_, count = CHECKED.unpack_from(
        stored, BEGINNING.size
    )
    records = memoryview(stored)[BEGINNING.size + CHECKED.size :]
    span = base, base + last
    try:
        if attributes & CODEC:
            records = memoryview(inflate(attributes & CODEC, records))
        raws = list(_raws(records, count))
        places = _places([raw.delta for raw in raws], last)
    except (InflationError, ValueError) as problem:
        return [lost(stored, span, latest_ms, f"not a record batch: {problem}")]
    dated = attributes & LOG_APPEND_TIME
    return [
        _record(
            raw, base + place, latest_ms if dated else first_ms + raw.after_ms, bounds
        )
        for raw, place in zip(raws, places, strict=True)
    ]


def _places(deltas: list[int], last: int) -> list[int]:
    """Return the records' relative offsets: as stated, or consecutive ones if those are invalid.

    Brokers number the records of a batch consecutively, whatever these state; later
    compaction leaves gaps but never changes the order.
    """
    ascending = all(one < other for one, other in pairwise(deltas))
    if not deltas or (ascending and deltas[0] >= 0 and deltas[-1] <= last):
        return deltas
    if len(deltas) != last + 1:
        raise ValueError("offsets that contradict each other")
    return list(range(last + 1))


def _record(raw: _Raw, offset: int, timestamp: int, bounds: Bounds) -> Record:
    if raw.problem is not None:
        return lost(raw.stored, (offset, offset), timestamp, raw.problem)
    try:
        headers = [(name.decode(), value) for name, value in raw.headers]
    except UnicodeDecodeError:
        return undecodable(
            (raw.key, raw.value, raw.headers),
            (offset, timestamp),
            "a header's name is not UTF-8",
            bounds,
        )
    return Taken(offset, timestamp, raw.key, raw.value, headers)


def _raws(records: memoryview, count: int) -> Iterator[_Raw]:
    """Yield the records of a batch by their lengths.

    Raises
    ------
    ValueError
        The batch holds fewer records than it states.
    """
    at = 0
    for place in range(count):
        length, at = _number(records, at, len(records))
        end = at + length
        if length < 0 or end > len(records):
            raise ValueError(f"record {place} of {count} has no end")
        yield _raw(records[at:end], place)
        at = end


def _raw(body: memoryview, place: int) -> _Raw:
    stored, end, delta = body.tobytes(), len(body), place
    try:
        at = 1  # attributes: one byte, no bit in use
        after_ms, at = _number(body, at, end)
        delta, at = _number(body, at, end)
        key, at = _text(body, at)
        value, at = _text(body, at)
        number, at = _number(body, at, end)
        headers: list[RawHeader] = []
        for _ in range(number):
            name, at = _text(body, at)
            text, at = _text(body, at)
            headers.append((name or b"", text))
    except ValueError as problem:
        return _Raw(stored, delta=delta, problem=f"a record that is none: {problem}")
    if at != end:
        return _Raw(stored, delta=delta, problem=f"{end - at} bytes behind a record")
    return _Raw(stored, after_ms, delta, key, value, tuple(headers))


def _text(body: memoryview, at: int) -> tuple[bytes | None, int]:
    length, at = _number(body, at, len(body))
    if length < 0:
        return None, at
    if at + length > len(body):
        raise ValueError("a part is longer than its record")
    return body[at : at + length].tobytes(), at + length


def _number(body: memoryview, at: int, end: int) -> tuple[int, int]:
    """Read a varint (:mod:`streams.records.record_format`); return it and its end."""
    found = shift = 0
    for place in range(at, min(at + _LONGEST, end)):
        byte = body[place]
        found |= (byte & ~_MORE & 0xFF) << shift
        if byte < _MORE:
            return (found >> 1) ^ -(found & 1), place + 1
        shift += 7
    raise ValueError("a number without an end")
