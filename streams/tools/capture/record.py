"""A captured record; it can be used like a consumed one."""

from typing import Final

import msgspec

Headers = tuple[tuple[str, bytes | None], ...]


class Captured(msgspec.Struct, frozen=True, gc=False):
    """A record of a topic, byte for byte; null and empty are kept apart."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """UTC ms."""
    timestamp_type: int
    """0 = set by the sender, 1 = by the broker."""
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


_OVERHEAD_BYTES: Final = 60


def size_bytes(record: Captured) -> int:
    """Return the approximate memory size of a record, bytes."""
    headers = sum(len(name) + len(value or b"") for name, value in record.headers)
    return _OVERHEAD_BYTES + len(record.key or b"") + len(record.value or b"") + headers
