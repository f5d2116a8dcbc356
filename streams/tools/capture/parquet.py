"""Parts as Parquet with zstd: small, typed, and read by every analytics tool."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from streams.tools.capture.record import Captured

SUFFIX: Final = ".parquet"
_HEADER: Final = pa.struct([("key", pa.string()), ("value", pa.binary())])
SCHEMA: Final = pa.schema(
    [
        pa.field("topic", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp_ms", pa.int64(), nullable=False),
        pa.field("timestamp_type", pa.int8(), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", pa.list_(_HEADER), nullable=False),
    ]
)
_ROW_GROUP: Final = 16_384
_READ_ROWS: Final = 128
"""Most rows converted to objects at once; it bounds how long a sender is busy."""


def write(path: Path, records: Sequence[Captured]) -> None:
    """Write one part."""
    columns: list[object] = [
        [record.topic for record in records],
        [record.partition for record in records],
        [record.offset for record in records],
        [record.timestamp for record in records],
        [record.timestamp_type for record in records],
        [record.key for record in records],
        [record.value for record in records],
        [
            [{"key": name, "value": value} for name, value in record.headers]
            for record in records
        ],
    ]
    arrays = [
        pa.array(column, type=field.type)
        for column, field in zip(columns, SCHEMA, strict=True)
    ]
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=SCHEMA),
        path,
        compression="zstd",
        row_group_size=_ROW_GROUP,
    )


def read(path: Path) -> Iterator[Captured]:
    """Yield the records of one part, holding a row group in memory.

    Raises
    ------
    OSError, ValueError
        The file is missing, or is not such a part.
    """
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_READ_ROWS):
            columns = [column.to_pylist() for column in batch.columns]
            for row in zip(*columns, strict=True):
                topic, partition, offset, at_ms, kind, key, value, pairs = row
                headers = tuple([(one["key"], one["value"]) for one in pairs])
                yield Captured(
                    topic, partition, offset, at_ms, kind, key, value, headers
                )
