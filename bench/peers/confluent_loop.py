"""A confluent-kafka loop: librdkafka fetches and sends, offsets are committed behind it.

Usage: ``python -m bench.peers.confluent_loop BOOTSTRAP INPUT OUTPUT ORDERS BUYERS``.
``consume(n, timeout)`` would wait for ``n`` records: so one is waited for, and what
else has been fetched is taken with it.
"""

import signal
import sys
import threading
import time
from typing import Any, Final

import orjson
from confluent_kafka import Consumer, KafkaException, Message, Producer

from bench.peers.small import SmallWorld

_COMMIT_INTERVAL_S: Final = 0.2
_BATCH_MAX: Final = 1_000
_WAIT_S: Final = 0.1
_FLUSH_S: Final = 30.0


class Loop:
    """One consumer, one idempotent producer."""

    def __init__(self, arguments: list[str]) -> None:
        bootstrap, self._requests, self._decisions, orders, buyers = arguments
        self._world = SmallWorld(int(orders), int(buyers))
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
        self._lost: Any = None

    def run(self, over: threading.Event) -> None:
        """Decide until told to stop.

        Raises
        ------
        KafkaException
            A record could not be read, or an output was not acknowledged.
        """
        self._consumer.subscribe(
            [self._requests], on_revoke=lambda *_: self._commit(wait=True)
        )
        committed_at = time.monotonic()
        while not over.is_set():
            first = self._consumer.poll(_WAIT_S)
            if first is not None:
                self._decide(first)
                for message in self._consumer.consume(_BATCH_MAX, 0):
                    self._decide(message)
            self._producer.poll(0)
            if time.monotonic() - committed_at >= _COMMIT_INTERVAL_S:
                self._commit(wait=False)
                committed_at = time.monotonic()
        self._commit(wait=True)
        self._consumer.close()

    def _decide(self, message: Message) -> None:
        if message.error() is not None:
            raise KafkaException(message.error())
        request = orjson.loads(message.value() or b"")
        self._producer.produce(
            self._decisions,
            orjson.dumps(self._world.decide(request)),
            message.key(),
            message.partition() or 0,
            self._acknowledged,
        )

    def _acknowledged(self, error: Any, _: object) -> None:  # noqa: ANN401 - librdkafka's
        if error is not None:
            self._lost = error

    def _commit(self, *, wait: bool) -> None:
        """Commit all that was handed to us, once all of its outputs are safe."""
        if self._producer.flush(_FLUSH_S) or self._lost is not None:
            raise KafkaException(self._lost or "outputs were not acknowledged")
        try:
            if wait:
                self._consumer.commit(asynchronous=False)
            else:
                self._consumer.commit(asynchronous=True)
        except KafkaException as nothing_new:
            if nothing_new.args[0].name() != "_NO_OFFSET":
                raise


def main(arguments: list[str]) -> None:
    """Run until SIGTERM."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    Loop(arguments).run(over)


if __name__ == "__main__":
    main(sys.argv[1:])
