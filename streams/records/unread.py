"""Unread records: too large, or not decodable by the client.

Each is a placeholder at the offset of its record, so that every consumer sees it there.
To a reader it is a record without a usable value: a request becomes a dead letter, a
fact makes unknown what was known under its key.
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
"""Header of a placeholder that tools pass on for an unread record."""


class Bounds(msgspec.Struct, frozen=True, gc=False):
    """Size limits: for reading a record, and for its dead letter."""

    record_bytes: int
    """Largest key, value and headers together; larger records are not read."""
    letter_bytes: int
    """Largest dead letter of such a record; 0 = only the beginnings of its parts."""


class Unread(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The placeholder for an unread record (:class:`streams.records.record.Record`)."""

    offset: int
    timestamp: int
    key: bytes | None
    """The whole key; None = too long to be a valid id."""
    why: Unreadable
    remains: Remains
    """What its dead letter holds."""
    value: bytes | None = b""
    """Never None: an unread record is no tombstone."""
    headers: Sequence[Header] = ()


def told_unread(record: Unread) -> Remains:
    """Return the remains of an unread record, with a header that marks it."""
    told = (UNREAD_HEADER, f"{record.why.error}: {record.why.message}".encode())
    left = record.remains
    return msgspec.structs.replace(left, headers=[*left.headers, told])


def recalled(record: Record) -> Record:
    """Return a record that a tool has kept, as a consumer sees it.

    An undecodable one has the header of :func:`told_unread`.
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
    """Return the remains of a record for a dead letter of limited size, bytes."""
    if isinstance(record, Unread):
        return record.remains
    return remains(record.key, record.value, raw_headers(record.headers), room)


def reason(record: Record, found: Unreadable) -> Unreadable:
    """Return why a record is unreadable: by its value, or because it is unread."""
    return record.why if isinstance(record, Unread) else found


def bounded(records: list[Record], bounds: Bounds) -> list[Record]:
    """Replace every record that is too large with an :class:`Unread`."""
    most = bounds.record_bytes
    for record in records:  # a tenth of a microsecond each, and usually all
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
    """Return the placeholder for a record whose parts are known but not all valid text.

    Parameters
    ----------
    parts
        Key, value and headers.
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
    """Return the placeholder for records that cannot be decoded at all.

    Parameters
    ----------
    stored
        The bytes of the batch in the log.
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
