"""The remains of a record that does not fit its dead letter or cannot be decoded.

Its dead letter is cut. It says which parts are incomplete, how large the record is, and
its checksum, by which the original can be recognised.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec

from streams.records.record_format import Header

PARTS: Final = ("key", "value", "headers")
"""Parts of a record that may be cut."""

_OWN_BYTES: Final = 4_096
"""Reserve for our headers of a dead letter and the framing of its batch."""
_BEGINNING_BYTES: Final = 1_024
"""Bytes kept of a key or value that does not fit: enough to recognise it."""
_FRAMING_BYTES: Final = 10
"""Most bytes of the two lengths of a header."""

RawHeader: TypeAlias = tuple[bytes, bytes | None]
"""A header as it was sent: its name may be invalid UTF-8."""


class Remains(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The parts of a record that its dead letter holds."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    cut: tuple[str, ...] = ()
    """Which of :data:`PARTS` are incomplete; of a key or value the beginning is
    kept."""
    size: int = 0
    """Bytes of key, value and headers, or of the stored batch; 0 when nothing is cut."""
    checksum: str = ""
    """SHA-256 in hex, see :func:`checksum`; empty when nothing is cut."""
    last_offset: int | None = None
    """Offset of the last record, if the dead letter stands for several."""


def checksum(
    key: bytes | None, value: bytes | None, headers: Sequence[RawHeader]
) -> str:
    """Return the SHA-256 of key, value, and each header's name and value, concatenated."""
    digest = sha256(key or b"")
    digest.update(value or b"")
    for name, text in headers:
        digest.update(name)
        digest.update(text or b"")
    return digest.hexdigest()


def remains(
    key: bytes | None, value: bytes | None, headers: Sequence[RawHeader], room: int
) -> Remains:
    """Return what fits into a dead letter: the whole record, or parts of it.

    Headers go first, then the key, then the value. Headers whose names are invalid
    UTF-8 are left out: clients cannot read them.

    Parameters
    ----------
    room
        Size limit of the topic of dead letters, bytes.
    """
    left = room - _OWN_BYTES
    named = _named(headers)
    framed = _size(headers) + _FRAMING_BYTES * len(headers)
    lost = ["headers"] if len(named) < len(headers) else []
    if framed > left // 2:
        named, lost = [], ["headers"]
    else:
        left -= framed
    kept_key = _beginning(key, left, "key", lost)
    left -= len(kept_key or b"")
    kept_value = _beginning(value, left, "value", lost)
    if not lost:
        return Remains(key=key, value=value, headers=named)
    return Remains(
        key=kept_key,
        value=kept_value,
        headers=named,
        cut=tuple(part for part in PARTS if part in lost),
        size=len(key or b"") + len(value or b"") + _size(headers),
        checksum=checksum(key, value, headers),
    )


def raw_headers(headers: Sequence[Header]) -> list[RawHeader]:
    """Return headers with encoded names."""
    return [(name.encode(), text) for name, text in headers]


def _named(headers: Sequence[RawHeader]) -> list[Header]:
    found: list[Header] = []
    for name, text in headers:
        try:
            found.append((name.decode(), text))
        except UnicodeDecodeError:
            continue
    return found


def _size(headers: Sequence[RawHeader]) -> int:
    return sum(len(name) + len(text or b"") for name, text in headers)


def _beginning(
    text: bytes | None, left: int, part: str, lost: list[str]
) -> bytes | None:
    if text is None or len(text) <= left:
        return text
    lost.append(part)
    return text[:_BEGINNING_BYTES]
