"""What is left of a record that does not fit its dead letter, or cannot be taken apart.

Its letter is cut then. It says which parts are not whole, how large the record is, and
its checksum, so that whoever fetches the original knows that it is the one.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, TypeAlias

import msgspec

from streams.records.record_format import Header

PARTS: Final = ("key", "value", "headers")
"""What of a record may be cut."""

_OWN_BYTES: Final = 4_096
"""Our headers of a letter and the framing of its batch, generously."""
_BEGINNING_BYTES: Final = 1_024
"""What is kept of a key or value that does not fit: enough to see what it is."""
_FRAMING_BYTES: Final = 10
"""The two lengths of a header at most."""

RawHeader: TypeAlias = tuple[bytes, bytes | None]
"""A header as it was sent: its name need not be UTF-8."""


class Remains(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a letter carries of a record."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    cut: tuple[str, ...] = ()
    """Which of :data:`PARTS` are not whole; of a key or value the beginning is kept."""
    size: int = 0
    """Bytes of key, value and headers, or of the stored batch; 0 when nothing is cut."""
    checksum: str = ""
    """SHA-256 in hex, see :func:`checksum`; empty when nothing is cut."""
    last_offset: int | None = None
    """Of a letter that stands for several records: the offset of the last one."""


def checksum(
    key: bytes | None, value: bytes | None, headers: Sequence[RawHeader]
) -> str:
    """Return the SHA-256 of key, value, and each header's name and value, in a row."""
    digest = sha256(key or b"")
    digest.update(value or b"")
    for name, text in headers:
        digest.update(name)
        digest.update(text or b"")
    return digest.hexdigest()


def remains(
    key: bytes | None, value: bytes | None, headers: Sequence[RawHeader], room: int
) -> Remains:
    """Return what a letter has room for: the whole record, or parts of it.

    Headers go first, then the key, then the value. Names of headers that are not UTF-8
    are left out: what no client can read must not be handed on.

    Parameters
    ----------
    room
        Bytes that the topic of dead letters takes at most.
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
    """Return headers as they are sent."""
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
