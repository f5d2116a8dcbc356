"""One run: a sender, a receiver, and the combined reports of both."""

import multiprocessing
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

import msgspec

from streams.errors import SourceError
from streams.families.fast_refund.topics import CODE, DECISIONS, REQUESTS
from streams.processing.topics import DEAD_LETTERS
from streams.settings import Settings
from streams.settings.topics import topic_name
from streams.tools.drive import ipc, receiving, sending
from streams.tools.drive.clients import connection
from streams.tools.drive.measuring import LATENESS_QUANTILE, Measured
from streams.tools.drive.pacing import NS_PER_MS, NS_PER_S
from streams.tools.drive.rows import RowSource
from streams.tools.drive.sending import Sent
from streams.tools.drive.view import Look, ProgressView

ANSWERS: Final = tuple(row.name for row in (*DECISIONS, DEAD_LETTERS))
"""Topics of answers; the receiver names them by their index."""
_HEAD_START_S: Final = 2.0
_LOADED_PER_S: Final = 20_000
"""Rows per second that are certainly loaded before the start."""
_READY_S: Final = 60.0
_TICK_S: Final = 0.1


class TrafficRun(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a run."""

    source: RowSource
    preload_count: int
    """Most rows to be sent before the start."""
    length_s: float
    """Approximate length, seconds."""
    stamped: bool = True
    """Whether records carry the intended moment as their timestamp."""
    warm_up_s: float = 0.0
    patience_s: float = 15.0
    """Seconds without an answer after the last request; then missing answers are
    lost."""
    lateness_max_ms: float = 10.0
    """Limit of the lateness at 99.9 % of the requests; above it the generator measured
    itself."""


class RunOutcome(msgspec.Struct):
    """The results of a run."""

    run: TrafficRun
    start_ms: int
    measured: Measured
    sent: Sent
    took_s: float
    """Seconds from the start to the last answer."""

    @property
    def lost(self) -> int:
        """Return the number of requests without an answer."""
        return self.measured.outstanding

    @property
    def lateness_ms(self) -> float | None:
        """Return the generator's lateness at 99.9 %."""
        return self.measured.lateness.at(LATENESS_QUANTILE)

    @property
    def fell_behind(self) -> bool:
        """Whether the generator was later than allowed: the figures are not the worker's."""
        late_ms = self.lateness_ms
        return late_ms is not None and late_ms > self.run.lateness_max_ms

    @property
    def rate(self) -> float:
        """Return measured answers per second."""
        span_s = self.took_s - self.run.warm_up_s
        return self.measured.latency.count / span_s if span_s > 0 else 0.0


def drive(
    run: TrafficRun, settings: Settings, view: ProgressView, now_ms: Callable[[], int]
) -> RunOutcome:
    """Do one run; blocks until the last answer, or until patience ends.

    Raises
    ------
    SourceError
        A process failed: no broker, no topic, no file.
    """
    with _processes() as start:
        receiver = start(receiving.main, _receiving_job(settings))
        if not receiver.poll(_READY_S):
            raise SourceError("the receiver was not ready within a minute")
        _expect(receiver.recv_bytes())
        head_s = _HEAD_START_S + run.preload_count / _LOADED_PER_S
        start_ns = time.monotonic_ns() + int(head_s * NS_PER_S)
        start_ms = now_ms() + (start_ns - time.monotonic_ns()) // NS_PER_MS
        job = sending.SendingJob(
            run.source, connection(settings.kafka), start_ms, start_ns, run.stamped
        )
        measured = Measured(start_ns, run.length_s, run.warm_up_s)
        following = _Following(run, measured, start_ns, view)
        sent = following.until_over(start(sending.main, job), receiver)
        receiver.send_bytes(receiving.STOP)
        took_s = (measured.last_answer_ns - start_ns) / NS_PER_S
        return RunOutcome(run, start_ms, measured, sent, took_s)


def _receiving_job(settings: Settings) -> receiving.ReceivingJob:
    topics = settings.topics
    return receiving.ReceivingJob(
        connection(settings.kafka),
        topic_name(REQUESTS, topics),
        tuple(topic_name(row, topics) for row in (*DECISIONS, DEAD_LETTERS)),
        settings.partitions_of(CODE),
    )


@contextmanager
def _processes() -> Iterator[Callable[[Callable[..., None], Any], Connection]]:
    """Start processes that end with the block."""
    context = multiprocessing.get_context("spawn")
    started: list[BaseProcess] = []

    def start(main: Callable[..., None], job: Any) -> Connection:  # noqa: ANN401 - its own
        ours, theirs = context.Pipe()
        process = context.Process(target=main, args=(job, theirs), daemon=True)
        process.start()
        theirs.close()
        started.append(process)
        return ours

    try:
        yield start
    finally:
        for process in started:
            process.join(1.0)
            process.kill()
            process.join()


def _expect(message: bytes) -> bytes:
    """Return a message; raise if it reports that its process failed."""
    if message[:1] == ipc.FAILED:
        raise SourceError(message[1:].decode())
    return message


class _Following:
    """Processes messages of sender and receiver until the run is over."""

    def __init__(
        self, run: TrafficRun, measured: Measured, start_ns: int, view: ProgressView
    ) -> None:
        self._run, self._measured, self._view = run, measured, view
        self._start_ns = start_ns
        self._sent: Sent | None = None
        self._news_ns = start_ns
        self._looked = (time.monotonic_ns(), 0)

    def until_over(self, sender: Connection, receiver: Connection) -> Sent:
        """Return what was sent, once every answer has arrived or patience ends."""
        pipes: list[Any] = [sender, receiver]
        while not self._over():
            for pipe in wait(pipes, _TICK_S):
                self._take(_heard(pipe))
                if self._sent is not None and sender in pipes:
                    pipes.remove(sender)
            self._look()
        if self._sent is None:
            raise SourceError("the sender ended without a message")
        return self._sent

    def _over(self) -> bool:
        if self._sent is None:
            return False
        silent_ns = time.monotonic_ns() - self._news_ns
        return not self._measured.outstanding or (
            silent_ns > self._run.patience_s * NS_PER_S
        )

    def _take(self, message: bytes) -> None:
        kind, body = _expect(message)[:1], message[1:]
        before = self._measured.answered
        if kind == sending.ACKS:
            self._measured.acked(_numbers(body))
        elif kind == receiving.ANSWERS:
            self._measured.came(_numbers(body))
        elif kind == sending.DONE:
            self._sent = msgspec.json.decode(body, type=Sent)
        # Answers to other senders' requests do not extend patience.
        if kind != receiving.ANSWERS or self._measured.answered > before:
            self._news_ns = time.monotonic_ns()

    def _look(self) -> None:
        now_ns, measured = time.monotonic_ns(), self._measured
        before_ns, before = self._looked
        if now_ns - before_ns < NS_PER_S // 2:
            return
        self._looked = (now_ns, measured.answered)
        self._view.show(
            Look(
                (now_ns - self._start_ns) / NS_PER_S,
                measured.sent,
                measured.answered,
                measured.outstanding,
                (measured.answered - before) * NS_PER_S / (now_ns - before_ns),
                measured.latency.at(50.0),
                measured.latency.at(99.0),
                measured.lateness.at(LATENESS_QUANTILE),
            )
        )


def _heard(pipe: Any) -> bytes:  # noqa: ANN401 - of the pipes that wait was given
    try:
        message: bytes = pipe.recv_bytes()
    except EOFError:
        raise SourceError("a process of the run was killed") from None
    return message


def _numbers(body: bytes) -> "array[int]":
    found = array("q")
    found.frombytes(body)
    return found
