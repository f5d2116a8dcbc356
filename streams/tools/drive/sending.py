"""The sending process sends each row at its moment, or at once if that has passed.

While there is time it prepares rows in advance, so that reading files does not delay
it. It reports to the main process in batches: partition, offset, intended moment and
lateness of every request.
"""

import gc
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from streams.tools.drive.ipc import failures_sent
from streams.tools.drive.pacing import NS_PER_MS, NS_PER_S
from streams.tools.drive.rows import RowSource, TimedRow

AHEAD_ROWS: Final = 20_000
_SPARE_NS: Final = 200_000
"""Least time before the next row in which another row is prepared."""
_POLL_NS: Final = 3_000_000
"""Longer waits are spent polling for acknowledgements, with a resolution of 1 ms."""
_TELL_NUMBERS: Final = 4 * 512
_REPORT_NS: Final = 20_000_000
_FULL_S: Final = 0.005
_FLUSH_S: Final = 60.0

ACKS: Final = b"A"
"""Message type; four 64-bit numbers per request follow: partition, offset, due ns,
lateness ns."""
LOADED: Final = b"L"
"""Message type; the number of loaded rows follows."""
DONE: Final = b"D"
"""Message type; a JSON :class:`Sent` follows."""


class Sent(msgspec.Struct, frozen=True):
    """The totals of what was sent."""

    requests: int
    facts: int
    refused: int
    """Requests that the broker did not acknowledge."""


class SendingJob(msgspec.Struct, frozen=True):
    """The job of the process."""

    source: RowSource
    client: dict[str, Any]
    start_ms: int
    """UTC ms of the start; ``start_ns`` is the same moment."""
    start_ns: int
    """Monotonic."""
    stamped: bool
    """Whether records carry the intended moment as timestamp, else that of sending."""


class Sender:
    """Sends rows and reports their acknowledgements.

    Parameters
    ----------
    send
        Sends one message to the main process.
    """

    def __init__(
        self, producer: Producer, job: SendingJob, send: Callable[[bytes], None]
    ) -> None:
        self._producer = producer
        self._job = job
        self._to_main = send
        self._rows: Iterator[TimedRow] = job.source.rows(job.start_ms)
        self._ahead: deque[TimedRow] = deque()
        self._acks = array("q")
        self._reported_ns = 0
        self.requests = self.facts = self.refused = 0

    def preload(self) -> int:
        """Send the rows due before the start, as fast as the broker accepts them."""
        count = 0
        while self._prepare() and self._ahead[0].due_ns < 0:
            self._produce(self._ahead.popleft(), 0, self._fact_done)
            count += 1
            self._report_if_due()
        self.flush()
        return count

    def run(self) -> None:
        """Send the rows of the run at their moments."""
        more = True
        while self._ahead or (more and self._prepare()):
            wait_ns = self._job.start_ns + self._ahead[0].due_ns - time.monotonic_ns()
            if wait_ns <= 0:
                self._send(self._ahead.popleft(), -wait_ns)
            elif wait_ns > _SPARE_NS and more and len(self._ahead) < AHEAD_ROWS:
                more = self._prepare()
            else:
                self._wait(wait_ns)

    def flush(self) -> None:
        """Wait until everything is acknowledged or refused."""
        self.refused += self._producer.flush(_FLUSH_S)
        self._report()

    def _prepare(self) -> bool:
        row = next(self._rows, None)
        if row is None:
            return False
        self._ahead.append(row)
        return True

    def _wait(self, wait_ns: int) -> None:
        if self._report_if_due():
            return
        if wait_ns > _POLL_NS:
            self._producer.poll(min(wait_ns - _POLL_NS, _REPORT_NS) / NS_PER_S)
        else:
            time.sleep(wait_ns / NS_PER_S)

    def _send(self, row: TimedRow, late_ns: int) -> None:
        at_ms = self._job.start_ms + row.due_ns // NS_PER_MS if self._job.stamped else 0
        if row.timed:
            self.requests += 1
            done: Callable[..., None] = partial(self._acked, row.due_ns, late_ns)
        else:
            self.facts += 1
            done = self._fact_done
        self._produce(row, at_ms, done)
        self._producer.poll(0)
        if len(self._acks) >= _TELL_NUMBERS:
            self._report()

    def _produce(self, row: TimedRow, at_ms: int, done: Callable[..., None]) -> None:
        while True:
            try:
                self._producer.produce(
                    row.topic,
                    row.value,
                    row.key,
                    row.partition,
                    on_delivery=done,
                    timestamp=at_ms,
                    headers=row.headers,  # type: ignore[arg-type]  # null values are sent
                )
            except BufferError:
                self._producer.poll(_FULL_S)
                self._report_if_due()
            else:
                return

    def _acked(
        self, due_ns: int, late_ns: int, error: KafkaError | None, message: Message
    ) -> None:
        if error is not None:
            self.refused += 1
            return
        where = message.partition(), message.offset(), due_ns, late_ns
        self._acks.extend(where)  # type: ignore[arg-type]  # numbers on a delivered one

    def _fact_done(self, error: KafkaError | None, message: Message) -> None:
        del message
        if error is not None:
            self.refused += 1

    def _report_if_due(self) -> bool:
        """Report if a report is due; sending fails once the main process is gone."""
        due = time.monotonic_ns() - self._reported_ns > _REPORT_NS
        if due:
            self._report()
        return due

    def _report(self) -> None:
        """Report acknowledged requests, even if there are none."""
        self._reported_ns = time.monotonic_ns()
        self._to_main(ACKS + self._acks.tobytes())
        del self._acks[:]


def main(job: SendingJob, pipe: Connection) -> None:
    """Run the process: load, report, send, report."""
    with failures_sent(pipe):
        producer = Producer(
            job.client
            | {
                "linger.ms": 0,
                "acks": "all",
                "enable.idempotence": True,
                "socket.nagle.disable": True,
                "queue.buffering.max.messages": 200_000,
            }
        )
        sender = Sender(producer, job, pipe.send_bytes)
        loaded = sender.preload()
        pipe.send_bytes(LOADED + b"%d" % loaded)
        gc.collect()
        gc.disable()  # nothing here is cyclic
        sender.run()
        sender.flush()
        sent = Sent(sender.requests, sender.facts, sender.refused)
        pipe.send_bytes(DONE + msgspec.json.encode(sent))
