"""Until when a certificate is valid; the standard library does not tell it of a file."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_END: Final = "-----END CERTIFICATE-----"
_VERSION_TAG: Final = 0xA0
_UTC_TIME: Final = 0x17
_LONG: Final = 0x80
"""From here on a length says how many bytes the length itself takes."""


def valid_until(path: str) -> datetime | None:
    """Return the end of the first certificate of a PEM file; None = it cannot be read."""
    try:
        first, end, _ = Path(path).read_text("ascii").partition(_END)
        text = first[first.index("-----BEGIN CERTIFICATE-----") :] + end
        return _end_of(ssl.PEM_cert_to_DER_cert(text))
    except (OSError, ValueError, LookupError, StopIteration):
        return None


def _end_of(der: bytes) -> datetime:
    """Walk down RFC 5280: certificate, its contents, validity, notAfter."""
    (_, certificate), *_ = _items(der)
    (_, contents), *_ = _items(certificate)
    fields = list(_items(contents))
    if fields[0][0] == _VERSION_TAG:
        del fields[0]
    _serial, _algorithm, _issuer, (_, validity), *_ = fields
    _, (tag, moment) = _items(validity)
    text = moment.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: 1950 to 2049
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _items(der: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each item, one after the other."""
    at = 0
    while at < len(der):
        tag, size = der[at], der[at + 1]
        at += 2
        if size >= _LONG:
            width = size - _LONG
            size = int.from_bytes(der[at : at + width])
            at += width
        yield tag, der[at : at + size]
        at += size
