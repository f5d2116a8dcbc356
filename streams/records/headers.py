"""Headers of what we write: CloudEvents in binary mode, the source, the trace.

Values are UTF-8 text, numbers decimal. What every record of a slice shares is built
once per slice; a record adds its id and its source offset.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

Header = tuple[str, bytes]
Received = tuple[str, bytes | None]
"""What others send may have headers without a value."""

TRACEPARENT: Final = "traceparent"
SOURCE_TOPIC: Final = "source_topic"
SOURCE_PARTITION: Final = "source_partition"
SOURCE_OFFSET: Final = "source_offset"

_DIGITS_BEYOND_64_BITS: Final = 20

_SPEC: Final = ("ce_specversion", b"1.0")
_JSON: Final = ("content-type", b"application/json")


def cloud_time(at_ms: int) -> bytes:
    """Return RFC 3339 UTC with milliseconds, as CloudEvents wants ``time``."""
    return b"%s.%03dZ" % (_second(at_ms // 1000), at_ms % 1000)


@lru_cache(
    maxsize=2
)  # a slice's moment lies in the second of the one before, as a rule
def _second(at_s: int) -> bytes:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}".encode()


class SliceHeaders:
    """The headers of one slice's outputs.

    Parameters
    ----------
    types
        Outcome or kind -> CloudEvents type, for every record this slice may write.
    at_ms
        The moment of decision, UTC ms; one for the slice.
    """

    __slots__ = ("_offset_free", "_types", "source_offset")

    def __init__(
        self,
        types: dict[str, Header],
        source: Header,
        topic: str,
        partition: int,
        at_ms: int,
    ) -> None:
        self._types = types
        self._offset_free: tuple[Header, ...] = (
            source,
            ("ce_time", cloud_time(at_ms)),
            _JSON,
            (SOURCE_TOPIC, topic.encode()),
            (SOURCE_PARTITION, str(partition).encode()),
        )

    def build(
        self, kind: str, identity: str, source_offset: int, passed: Sequence[Header]
    ) -> list[Header]:
        """Return the headers of one record.

        Parameters
        ----------
        kind
            Key into ``types``.
        identity
            ``ce_id``: the decision or notice id.
        passed
            Headers of the source record; ``traceparent`` is passed through.
        """
        headers = [
            _SPEC,
            ("ce_id", identity.encode()),
            self._types[kind],
            *self._offset_free,
            (SOURCE_OFFSET, b"%d" % source_offset),
        ]
        if passed:
            headers += [header for header in passed if header[0] == TRACEPARENT]
        return headers


def event_types(kinds: Sequence[str]) -> dict[str, Header]:
    """Return ``refund.KIND.v1`` for every kind."""
    return {kind: ("ce_type", f"refund.{kind}.v1".encode()) for kind in kinds}


def event_source(name: str) -> Header:
    """Return the ``ce_source`` header; ``name`` is a URI reference without spaces."""
    return ("ce_source", name.encode())


def number(headers: Sequence[Received], name: str) -> int | None:
    """Read a decimal header; None when it is missing or no number."""
    for key, value in headers:
        if key == name:
            return int(value) if value is not None and is_offset(value) else None
    return None


def is_offset(value: bytes) -> bool:
    """Whether a header value is a decimal number that fits 64 bits, as all of ours do."""
    return value.isdigit() and len(value) < _DIGITS_BEYOND_64_BITS


def text(headers: Sequence[Received], name: str) -> str | None:
    """Read a text header; None when it is missing; what is not UTF-8 is replaced."""
    for key, value in headers:
        if key == name:
            return None if value is None else value.decode(errors="replace")
    return None
