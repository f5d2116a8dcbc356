"""Build the headers of our records: CloudEvents in binary mode, the source, the trace.

Values are UTF-8 text, numbers decimal. The common headers of a slice are built once, in
the format of a record batch; each record adds its id and source offset.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from streams.records.record_format import VARINTS, Block, Header, before_value, header

TRACEPARENT: Final = "traceparent"
SOURCE_TOPIC: Final = "source_topic"
SOURCE_PARTITION: Final = "source_partition"
SOURCE_OFFSET: Final = "source_offset"

_DIGITS_BEYOND_64_BITS: Final = 20

_TRACE_BYTES: Final = 55
_EVERY: Final = 9
"""Number of headers of each of our records, without a trace that is passed through."""
_COUNT: Final = VARINTS[_EVERY]
_START: Final = _COUNT + header("ce_specversion", b"1.0") + before_value("ce_id")
_TRACED: Final = VARINTS[_EVERY + 1]
_BEFORE_TRACE: Final = before_value(TRACEPARENT) + VARINTS[_TRACE_BYTES]
_JSON: Final = header("content-type", b"application/json")


def cloud_time(at_ms: int) -> bytes:
    """Return a moment as RFC 3339 UTC with milliseconds, the format of CloudEvents ``time``."""
    return b"%s.%03dZ" % (_second(at_ms // 1000), at_ms % 1000)


@lru_cache(maxsize=2)  # consecutive slices usually share the second
def _second(at_s: int) -> bytes:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}".encode()


@lru_cache(maxsize=1024)
def _place(topic: str, partition: int) -> bytes:
    return (
        _JSON
        + header(SOURCE_TOPIC, topic.encode())
        + header(SOURCE_PARTITION, b"%d" % partition)
        + before_value(SOURCE_OFFSET)
    )


class SliceHeaders:
    """The headers of one slice's outputs.

    Parameters
    ----------
    types
        Outcome or kind -> CloudEvents type, for every record this slice may write.
    at_ms
        The moment of decision, UTC ms; the same for the whole slice.
    """

    __slots__ = ("_shared", "_types")

    def __init__(
        self,
        types: dict[str, bytes],
        source: bytes,
        topic: str,
        partition: int,
        at_ms: int,
    ) -> None:
        self._types = types
        time = header("ce_time", cloud_time(at_ms))
        self._shared = source + time + _place(topic, partition)

    def build(
        self, kind: str, identity: str, source_offset: int, passed: Sequence[Header]
    ) -> Block:
        """Return the headers of one record.

        Parameters
        ----------
        kind
            Key into ``types``.
        identity
            ``ce_id``: the decision or notice id.
        passed
            Headers of the source record; a valid ``traceparent`` is passed through.
        """
        name, offset = identity.encode(), b"%d" % source_offset
        own = b"".join(
            (
                _START,
                VARINTS[len(name)],
                name,
                self._types[kind],
                self._shared,
                VARINTS[len(offset)],
                offset,
            )
        )
        return _with_trace(own, passed) if passed else own


def passed_on(headers: Sequence[Header]) -> list[Header]:
    """Return the headers of a record that are passed through: the first valid trace.

    Longer traces of later versions and all other headers are not passed through: what
    is copied into every output must have a size limit.
    """
    for one in headers:
        if one[0] == TRACEPARENT and one[1] is not None and _is_trace(one[1]):
            return [one]
    return []


_is_trace: Final = re.compile(
    rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
).fullmatch
"""W3C Trace Context, 3.2: version, trace, span, flags."""


def _with_trace(own: Block, passed: Sequence[Header]) -> Block:
    for name, value in passed:
        if name == TRACEPARENT and value is not None and _is_trace(value):
            return b"".join((_TRACED, own[len(_COUNT) :], _BEFORE_TRACE, value))
    return own


def event_types(kinds: Sequence[str]) -> dict[str, bytes]:
    """Return the header value ``refund.KIND.v1`` for every kind."""
    return {kind: header("ce_type", f"refund.{kind}.v1".encode()) for kind in kinds}


def event_source(name: str) -> bytes:
    """Return the ``ce_source`` header; ``name`` is a URI reference without spaces."""
    return header("ce_source", name.encode())


def number(headers: Sequence[Header], name: str) -> int | None:
    """Read a decimal header; None when it is missing or not a number."""
    for key, value in headers:
        if key == name:
            return int(value) if value is not None and is_offset(value) else None
    return None


def is_offset(value: bytes) -> bool:
    """Whether a header value is a decimal number of 64 bits, as all of ours are."""
    return value.isdigit() and len(value) < _DIGITS_BEYOND_64_BITS


def text(headers: Sequence[Header], name: str) -> str | None:
    """Read a text header; None when it is missing; invalid UTF-8 is replaced."""
    for key, value in headers:
        if key == name:
            return None if value is None else value.decode(errors="replace")
    return None
