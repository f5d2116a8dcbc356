"""The bench's own Kafka work: topics, bulk writing, watermarks, counting outputs.

librdkafka does it, in threads of its own, so that the tools take less of the machine
than what they measure.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Final

from confluent_kafka import (
    OFFSET_END,
    Consumer,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from typing_extensions import override

from bench.options import BenchError
from bench.world import KeyedValue, watermark

_FLUSH_S: Final = 60.0
_REQUEST_S: Final = 30.0
_MARK_EVERY_S: Final = 3.0
_STILL_S: Final = 1.0
_LOOK_AGAIN_S: Final = 0.1
_COUNTED_AT_ONCE: Final = 10_000
_COUNT_WAIT_S: Final = 0.5
_MARKED: Final = ("orders", "buyers", "shops", "catalog")


def now_ms() -> int:
    """UTC ms of the wall clock."""
    return time.time_ns() // 1_000_000


class Writer:
    """Writes records in bulk and knows whether all of them arrived."""

    def __init__(self, bootstrap: str, compression: str = "none") -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "compression.type": compression,
                "linger.ms": 5,
                "batch.size": 500_000,
                "queue.buffering.max.messages": 1_000_000,
                "queue.buffering.max.kbytes": 1_000_000,
            }
        )

    def write(self, topic: str, rows: Iterable[KeyedValue]) -> int:
        """Write rows and wait until all are acknowledged; return how many there were.

        Raises
        ------
        BenchError
            Some were not.
        """
        count = 0
        for key, value, partition in rows:
            self._produce(topic, key, value, partition)
            count += 1
        self.flush()
        return count

    def _produce(self, topic: str, key: bytes, value: bytes, partition: int) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def mark(self, prefix: str, partitions: int) -> None:
        """Write a watermark with the present time to every partition of facts."""
        key, value = watermark(now_ms())
        for name in _MARKED:
            self.write(
                prefix + name, [(key, value, part) for part in range(partitions)]
            )

    def flush(self) -> None:
        """Wait until everything is acknowledged."""
        if self._producer.flush(_FLUSH_S):
            raise BenchError(f"the broker did not take all records in {_FLUSH_S:.0f} s")


class WatermarkWriter:
    """Renews the watermarks every three seconds while a worker runs; a context manager."""

    def __init__(self, bootstrap: str, prefix: str, partitions: int) -> None:
        self._writer = Writer(bootstrap)
        self._prefix = prefix
        self._partitions = partitions
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._writer.mark(self._prefix, self._partitions)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_MARK_EVERY_S):
            self._writer.mark(self._prefix, self._partitions)


class Ends:
    """How many records topics hold, by their end offsets: one request a look.

    A consumer asks for them, in one call. An admin client would make an object for
    each partition to wait for.
    """

    _isolation = "read_uncommitted"

    def __init__(self, bootstrap: str, topics: Sequence[str], partitions: int) -> None:
        self._wanted = [
            TopicPartition(topic, part, OFFSET_END)
            for topic in topics
            for part in range(partitions)
        ]
        self._asking = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "bench-counter",
                "enable.auto.commit": False,
                "isolation.level": self._isolation,
            }
        )

    def by_partition(self) -> dict[TopicPartition, int]:
        """Return the end offset of every partition.

        A topic that is new has leaders that do not know of it yet, so asks again.
        """
        until = time.monotonic() + _REQUEST_S
        while True:
            try:
                found = self._asking.offsets_for_times(self._wanted, _REQUEST_S)
            except KafkaException:
                if time.monotonic() > until:
                    raise
            else:
                wrong = next((one.error for one in found if one.error), None)
                if wrong is None:
                    return {one: one.offset for one in found}
                if time.monotonic() > until:
                    raise KafkaException(wrong)
            time.sleep(_LOOK_AGAIN_S)

    def total(self) -> int:
        """Return the sum of all end offsets."""
        return sum(self.by_partition().values())

    def records(self) -> int:
        """Return how many records there are."""
        return self.total()

    def close(self) -> None:
        """Let go of what it holds."""
        self._asking.close()

    def settle(self, within_s: float) -> None:
        """Wait until nothing has been added for a second, or the time is over."""
        until = time.monotonic() + within_s
        count, moved = self.total(), time.monotonic()
        while time.monotonic() < until and time.monotonic() - moved < _STILL_S:
            time.sleep(_LOOK_AGAIN_S)
            if (now := self.total()) != count:
                count, moved = now, time.monotonic()


class CommittedEnds(Ends):
    """The same for outputs written in transactions: only what is committed counts.

    The end of a transaction takes an offset too. Ends follow the progress of a run well
    enough, a few in a thousand; how many records there are is counted by reading them.
    """

    _isolation = "read_committed"

    @override
    def __init__(self, bootstrap: str, topics: Sequence[str], partitions: int) -> None:
        super().__init__(bootstrap, topics, partitions)
        self._reader = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "bench-counter",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        self._reader.assign(
            [TopicPartition(one.topic, one.partition, 0) for one in self._wanted]
        )
        self._read = 0

    @override
    def records(self) -> int:
        while found := self._reader.consume(_COUNTED_AT_ONCE, _COUNT_WAIT_S):
            self._read += sum(one.error() is None for one in found)
        return self._read

    @override
    def close(self) -> None:
        self._reader.close()
        super().close()


def delete_topics(admin: AdminClient, topics: Sequence[str]) -> None:
    """Delete topics; the broker frees their disk space a minute later."""
    for answer in admin.delete_topics(
        list(topics), operation_timeout=_REQUEST_S
    ).values():
        answer.result()
