"""Records to write, and the partitions they belong into."""

import json
from dataclasses import dataclass
from typing import Final, TypeAlias

from streams.processing.partitioner import partition_of

PARTITIONS: Final = 4
"""Of every topic with partitions, in tests and fault runs."""

Header: TypeAlias = tuple[str, bytes | None]


@dataclass(frozen=True)
class Row:
    """One record to write; its topic without the prefix."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...] = ()


def row(topic: str, owner: str, key: str, **fields: object) -> Row:
    """Return a record of JSON fields, in the partition of its owner (a buyer, as a rule)."""
    value = json.dumps(fields, ensure_ascii=False).encode()
    return Row(topic, partition_of(owner, PARTITIONS), key.encode(), value)
