"""What a sender may do to a topic with a single batch, kind by kind.

Each batch is one that a broker with default settings takes. In a batch of two the second
record is as good as any, but for the company that it keeps.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from faults.raw import RawBatch, RawRecord

MEGABYTE: Final = b"z" * 1_000_000
_TEN_MEGABYTES: Final = 10_000_000
_BOMB: Final = 100_000_000
_NOT_UTF8: Final = b"\xff\xfe"

Build = Callable[[bytes, bytes], RawBatch]
"""From the key and the value of a good record."""


def _one(**parts: object) -> Build:
    return lambda key, value: RawBatch(
        [RawRecord(**({"key": key, "value": value} | parts))]  # type: ignore[arg-type]  # any of them
    )


def _padded(value: bytes, size: int) -> bytes:
    """Return the same JSON object with a text that nobody reads."""
    fields = json.loads(value)
    return json.dumps(fields | {"reason": "x" * size}).encode()


def _beside(codec: str | None = None, after: bytes = b"", **parts: object) -> Build:
    """The hostile record first, and the good one behind it."""

    def build(key: bytes, value: bytes) -> RawBatch:
        hostile = RawRecord(**({"key": b"h", "value": b"{}"} | parts))  # type: ignore[arg-type]  # as above
        return RawBatch([hostile, RawRecord(key=key, value=value)], codec, after)

    return build


KINDS: Final[Mapping[str, Build]] = {
    "a header name that is not UTF-8": _one(headers=[(_NOT_UTF8, b"1")]),
    "such a name, in a compressed batch, beside a good record": _beside(
        "zstd", headers=[(_NOT_UTF8, b"1"), (b"good", None)]
    ),
    "a key of a megabyte": lambda _key, value: RawBatch(
        [RawRecord(key=MEGABYTE, value=value)]
    ),
    "a trace of a megabyte": _one(headers=[(b"traceparent", MEGABYTE)]),
    "five hundred traces": _one(headers=[(b"traceparent", b"z" * 55)] * 500),
    "a value of ten megabytes, compressed": lambda key, value: RawBatch(
        [RawRecord(key=key, value=_padded(value, _TEN_MEGABYTES))], "zstd"
    ),
    "attributes with bits that nobody uses": _beside(attributes=b"\x80"),
    "an offset that is not its own": _beside(delta=7),
    "an offset that is its neighbour's": _beside(delta=1),
    "a gzip stream with more behind its end": _beside("gzip", b"more"),
    "an lz4 frame with more behind its end": _beside("lz4", b"more"),
    "no date": lambda key, value: RawBatch([RawRecord(key=key, value=value)], at_ms=-1),
}
"""What harms one record at most: name -> batch."""


def bomb(key: bytes) -> RawBatch:
    """Return a batch of ten kilobytes that unpacks to a hundred megabytes."""
    return RawBatch([RawRecord(key=key, value=b" " * _BOMB)], "zstd")


def batches(
    good: Callable[[int], tuple[bytes, bytes]],
) -> Iterator[tuple[str, RawBatch]]:
    """Yield a batch of every kind, each around a good record of its own."""
    for number, (name, build) in enumerate(KINDS.items()):
        yield name, build(*good(number))
