"""What is read of a consumed record; aiokafka's ``ConsumerRecord`` has it all."""

from collections.abc import Sequence
from typing import Protocol


class Record(Protocol):
    """One consumed record."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """UTC ms, set by the producer or the broker."""
        ...

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...
