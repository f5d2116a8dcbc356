"""A confluent-kafka loop: librdkafka fetches and sends, offsets are committed behind it.

Usage: ``python -m bench.peers.confluent_loop BOOTSTRAP INPUT OUTPUT ORDERS BUYERS``.
``consume(n, timeout)`` would wait for ``n`` records: so one is waited for, and what
else has been fetched is taken with it. An offset may be committed once the delivery
report of its output is there; they come in order, so nothing waits for a flush.
"""

import signal
import sys
import threading
import time
from functools import partial
from typing import Final

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from bench.peers.typed import TypedWorld

_COMMIT_INTERVAL_S: Final = 0.2
_BATCH_MAX: Final = 1_000
_WAIT_S: Final = 0.1
_FLUSH_S: Final = 30.0


class Loop:
    """One consumer, one idempotent producer."""

    def __init__(self, arguments: list[str]) -> None:
        bootstrap, self._requests, self._decisions, orders, buyers = arguments
        self._world = TypedWorld(int(orders), int(buyers))
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 1,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{self._requests}-confluent",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
            }
        )
        self._done: dict[int, int] = {}
        """By partition: the offset after the last request whose output is safe."""
        self._lost: KafkaError | None = None

    def run(self, over: threading.Event) -> None:
        """Decide until told to stop.

        Raises
        ------
        KafkaException
            A record could not be read, or an output was not acknowledged.
        """
        self._consumer.subscribe([self._requests], on_revoke=lambda *_: self._finish())
        committed_at = time.monotonic()
        while not over.is_set():
            first = self._consumer.poll(_WAIT_S)
            if first is not None:
                self._decide(first)
                for message in self._consumer.consume(_BATCH_MAX, 0):
                    self._decide(message)
            self._producer.poll(0)
            if time.monotonic() - committed_at >= _COMMIT_INTERVAL_S:
                if offsets := self._safe():
                    self._consumer.commit(offsets=offsets, asynchronous=True)
                committed_at = time.monotonic()
        self._consumer.close()  # takes the partitions away first

    def _decide(self, message: Message) -> None:
        if message.error() is not None:
            raise KafkaException(message.error())
        partition, offset = message.partition() or 0, message.offset() or 0
        self._producer.produce(
            self._decisions,
            self._world.answer(message.value() or b""),
            message.key(),
            partition,
            partial(self._acknowledged, partition, offset + 1),
        )

    def _acknowledged(
        self, partition: int, end: int, error: KafkaError | None, _: object
    ) -> None:
        if error is None:
            self._done[partition] = end
        else:
            self._lost = self._lost or error

    def _safe(self) -> list[TopicPartition]:
        """Return the offsets to commit, and forget them."""
        if self._lost is not None:
            raise KafkaException(self._lost)
        done, self._done = self._done, {}
        return [TopicPartition(self._requests, *pair) for pair in done.items()]

    def _finish(self) -> None:
        """Wait for all outputs and commit what they answer."""
        if self._producer.flush(_FLUSH_S):
            raise TimeoutError("outputs were not acknowledged")
        if offsets := self._safe():
            self._consumer.commit(offsets=offsets, asynchronous=False)


def main(arguments: list[str]) -> None:
    """Run until SIGTERM."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    Loop(arguments).run(over)


if __name__ == "__main__":
    main(sys.argv[1:])
