"""What tests of the simulated logs write: batches as a client sends them."""

from collections.abc import Callable, Sequence
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatchBuilder

NOW_MS = 1_767_225_600_000

Row = tuple[bytes | None, bytes | None]
"""Key and value."""


def batch(
    rows: Sequence[Row] = ((b"k", b"v"),),
    *,
    producer: tuple[int, int, int] = (-1, -1, -1),
    transactional: bool = False,
    codec: int = 0,
    at_ms: Callable[[int], int] = lambda _: NOW_MS,
) -> bytes:
    """Return a batch; ``producer`` is id, epoch, first sequence number."""
    builder: Any = DefaultRecordBatchBuilder(
        2, codec, int(transactional), *producer, 2**20
    )
    for number, (key, value) in enumerate(rows):
        builder.append(number, at_ms(number), key, value, [])
    return bytes(builder.build())


def some(count: int, name: bytes = b"v") -> list[Row]:
    """Return so many records with different keys."""
    return [(b"%d" % number, name) for number in range(count)]
