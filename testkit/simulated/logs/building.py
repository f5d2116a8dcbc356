"""Build batches of plain records, as a producer would."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatchBuilder

_ROOM_BYTES: Final = 1 << 24
NOBODY: Final = -1


class Plain(NamedTuple):
    """A record without place and moment."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def batch_of(records: Iterable[Plain], now_ms: int, producer_id: int = NOBODY) -> bytes:
    """Return a batch; one of a named producer begins its transaction, in epoch 0."""
    named = producer_id != NOBODY
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=int(named),
        producer_id=producer_id,
        producer_epoch=0 if named else NOBODY,
        base_sequence=0 if named else NOBODY,
        batch_size=_ROOM_BYTES,
    )
    for at, record in enumerate(records):
        builder.append(at, now_ms, record.key, record.value, list(record.headers))
    return bytes(builder.build())
