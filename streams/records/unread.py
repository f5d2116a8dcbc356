"""Records that are not read: too large, or such as the client cannot take apart.

Each stands in the place of one record of the log, so that every consumer meets it where
it lies. To a reader it is a record without a usable value: a request becomes a dead
letter, a fact takes away what was known under its key.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from streams.records.json_values import Unreadable
from streams.records.record import Record
from streams.records.record_format import Header
from streams.records.remains import (
    RawHeader,
    Remains,
    checksum,
    raw_headers,
    remains,
)

TOO_LARGE: Final = "too_large"
UNDECODABLE: Final = "undecodable"
UNREAD_HEADER: Final = "refund_unread"
"""Of what tools hand on in the place of a record that is not read."""


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """How much of an input is read, and how much of it a letter may carry."""

    record_bytes: int
    """Key, value and headers of a record together; what has more is not read."""
    letter_bytes: int
    """What the letter of such a record may have at most; 0 = nothing but beginnings."""


class Unread(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What stands for a record that is not read (:class:`streams.records.record.Record`)."""

    offset: int
    timestamp: int
    key: bytes | None
    """Whole, or None where it is too long to be anybody's."""
    why: Unreadable
    remains: Remains
    """For its letter."""
    value: bytes | None = b""
    """Never None: it is no tombstone."""
    headers: Sequence[Header] = ()


def told_unread(record: Unread) -> Remains:
    """Return what is left of a record that is not read, with a header that says so."""
    told = (UNREAD_HEADER, f"{record.why.error}: {record.why.message}".encode())
    left = record.remains
    return msgspec.structs.replace(left, headers=[*left.headers, told])


def recalled(record: Record) -> Record:
    """Return what a consumer saw of a record that a tool has kept.

    One that could not be taken apart has the header of :func:`told_unread`.
    """
    for name, text in record.headers:
        if name == UNREAD_HEADER:
            _, _, message = (text or b"").decode(errors="replace").partition(": ")
            return Unread(
                offset=record.offset,
                timestamp=record.timestamp,
                key=record.key,
                why=Unreadable(UNDECODABLE, message[:200]),
                remains=Remains(key=record.key, value=record.value, headers=()),
            )
    return record


def remains_of(record: Record, room: int) -> Remains:
    """Return what a letter of so many bytes carries of a record."""
    if isinstance(record, Unread):
        return record.remains
    return remains(record.key, record.value, raw_headers(record.headers), room)


def reason(record: Record, found: Unreadable) -> Unreadable:
    """Return why a record could not be read: what was found of its value, or more."""
    return record.why if isinstance(record, Unread) else found


def bounded(records: list[Record], bounds: Bounds) -> list[Record]:
    """Put an :class:`Unread` in the place of every record that is too large."""
    most = bounds.record_bytes
    for (
        record
    ) in records:  # a tenth of a microsecond each, and mostly all there is to do
        key, value, headers = record.key, record.value, record.headers
        size = (len(key) if key else 0) + (len(value) if value else 0)
        if headers:
            for name, text in headers:
                size += len(name) + (len(text) if text else 0)
        if size > most:
            break
    else:
        return records
    return [
        record if (size := _size(record)) <= most else _too_large(record, size, bounds)
        for record in records
    ]


def _size(record: Record) -> int:
    headers = raw_headers(record.headers)
    named = sum(len(name) + len(text or b"") for name, text in headers)
    return len(record.key or b"") + len(record.value or b"") + named


def _too_large(record: Record, size: int, bounds: Bounds) -> Unread:
    key = record.key
    return Unread(
        offset=record.offset,
        timestamp=record.timestamp,
        key=key if key is None or len(key) <= bounds.record_bytes else None,
        why=Unreadable(
            TOO_LARGE, f"{size} bytes with key and headers, over {bounds.record_bytes}"
        ),
        remains=remains_of(record, bounds.letter_bytes),
    )


def undecodable(
    parts: tuple[bytes | None, bytes | None, Sequence[RawHeader]],
    at: tuple[int, int],
    message: str,
    bounds: Bounds,
) -> Unread:
    """Return what stands for a record whose parts are known, but not all as text.

    Parameters
    ----------
    parts
        Key, value, headers.
    at
        Offset and timestamp.
    """
    key, value, headers = parts
    offset, timestamp = at
    return Unread(
        offset=offset,
        timestamp=timestamp,
        key=key if key is None or len(key) <= bounds.record_bytes else None,
        why=Unreadable(UNDECODABLE, message[:200]),
        remains=remains(key, value, headers, bounds.letter_bytes),
    )


def lost(stored: bytes, span: tuple[int, int], timestamp: int, message: str) -> Unread:
    """Return what stands for records of which nothing can be told apart.

    Parameters
    ----------
    stored
        Their bytes in the log.
    span
        First and last offset.
    """
    first, last = span
    return Unread(
        offset=first,
        timestamp=timestamp,
        key=None,
        why=Unreadable(UNDECODABLE, message[:200]),
        remains=Remains(
            key=None,
            value=None,
            headers=(),
            cut=("key", "value", "headers"),
            size=len(stored),
            checksum=checksum(None, stored, ()),
            last_offset=last if last > first else None,
        ),
    )
