import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, Producer

from streams.tools.drive import sending
from streams.tools.drive.rows import BEFORE_START, TimedRow
from streams.tools.drive.sending import Sender, SendingJob

MS = 1_000_000
START_MS = 1_800_000_000_000


class Message:
    """What a delivery report says of a record."""

    def __init__(self, partition: int, offset: int) -> None:
        self._partition, self._offset = partition, offset

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset


class FakeProducer:
    """The part of librdkafka's producer that is used: reports come with a poll."""

    def __init__(self, room: int = 1000, refuse: bytes | None = None) -> None:
        self.sent: list[tuple[str, bytes | None, int, int, int]] = []
        self._room, self._refuse = room, refuse
        self._refusals = 0
        self._reports: list[Callable[[], None]] = []

    def produce(  # noqa: PLR0913, PLR0917 - as librdkafka has it
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        on_delivery: Callable[..., None],
        timestamp: int,
        headers: object,
    ) -> None:
        del key, headers
        if len(self._reports) >= self._room:
            self._refusals += 1
            assert self._refusals < 1_000_000
            raise BufferError
        message = Message(partition, len(self.sent))
        error = (
            KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)
            if value == self._refuse and value is not None
            else None
        )
        self._reports.append(lambda: on_delivery(error, message))
        self.sent.append((topic, value, partition, timestamp, time.monotonic_ns()))

    def poll(self, timeout: float) -> int:
        del timeout
        reports, self._reports = self._reports, []
        for report in reports:
            report()
        return len(reports)

    def flush(self, timeout: float) -> int:
        self.poll(timeout)
        return 0


class Rows:
    """Rows as given."""

    def __init__(self, *rows: TimedRow) -> None:
        self._rows = rows

    def rows(self, start_ms: int) -> Iterator[TimedRow]:
        assert start_ms == START_MS
        yield from self._rows


class Endless:
    """Rows that must be there before the start, more than anybody waits for."""

    def rows(self, start_ms: int) -> Iterator[TimedRow]:
        assert start_ms == START_MS
        for _ in range(1_000_000):
            yield row(-1, timed=False)


def row(due_ms: int, value: bytes = b"v", *, timed: bool = True) -> TimedRow:
    due_ns = BEFORE_START if due_ms < 0 else due_ms * MS
    return TimedRow(due_ns, timed, "t", 1, b"k", value, [])


def sender(
    producer: FakeProducer, *rows: TimedRow, stamped: bool = True
) -> tuple[Sender, list[bytes], int]:
    told: list[bytes] = []
    start_ns = time.monotonic_ns() + 20 * MS
    job = SendingJob(Rows(*rows), {}, START_MS, start_ns, stamped)
    return Sender(cast("Producer", producer), job, told.append), told, start_ns


def acks(told: list[bytes]) -> list[tuple[Any, ...]]:
    numbers = array("q")
    for one in told:
        assert one[:1] == sending.ACKS
        numbers.frombytes(one[1:])
    return list(zip(*[iter(numbers)] * 4, strict=True))


def test_every_row_goes_out_at_its_moment_and_not_before() -> None:
    producer = FakeProducer()
    rows = [row(n * 5) for n in range(8)]
    one, told, start_ns = sender(producer, *rows)
    assert one.preload() == 0
    one.run()
    one.flush()
    for (*_, at_ns), wanted in zip(producer.sent, rows, strict=True):
        assert at_ns >= start_ns + wanted.due_ns
    found = acks(told)
    assert [due_ns for _, _, due_ns, _ in found] == [one.due_ns for one in rows]
    for (_, offset, due_ns, late_ns), (*_, at_ns) in zip(
        found, producer.sent, strict=True
    ):
        assert producer.sent[offset][4] == at_ns
        assert 0 <= late_ns <= at_ns - start_ns - due_ns


def test_what_is_late_goes_out_at_once_and_says_how_late_it_is() -> None:
    producer = FakeProducer()
    one, told, start_ns = sender(producer, row(0), row(1))
    one.preload()
    while time.monotonic_ns() < start_ns + 30 * MS:
        time.sleep(0.001)
    one.run()
    one.flush()
    assert all(late_ns >= 29 * MS for *_, late_ns in acks(told))


def test_what_must_be_there_before_goes_first_and_is_no_request() -> None:
    producer = FakeProducer()
    one, told, start_ns = sender(
        producer, row(-1, b"a", timed=False), row(-1, b"b", timed=False), row(0, b"c")
    )
    assert one.preload() == 2
    assert [value for _, value, *_ in producer.sent] == [b"a", b"b"]
    assert producer.sent[-1][4] < start_ns
    one.run()
    one.flush()
    assert [value for _, value, *_ in producer.sent] == [b"a", b"b", b"c"]
    assert len(acks(told)) == 1
    assert (one.requests, one.facts, one.refused) == (1, 0, 0)


def gone(message: bytes) -> None:
    """What sending a message comes to when the main process was killed."""
    assert message == sending.ACKS  # of nothing
    raise BrokenPipeError


def test_a_sender_that_loads_finds_out_that_nobody_listens() -> None:
    job = SendingJob(Endless(), {}, START_MS, time.monotonic_ns(), stamped=True)
    one = Sender(cast("Producer", FakeProducer()), job, gone)
    with pytest.raises(BrokenPipeError):
        one.preload()


def test_a_sender_that_waits_finds_out_that_nobody_listens() -> None:
    producer = FakeProducer()
    rows = Rows(row(1_000))
    job = SendingJob(rows, {}, START_MS, time.monotonic_ns(), stamped=True)
    one = Sender(cast("Producer", producer), job, gone)
    with pytest.raises(BrokenPipeError):
        one.run()
    assert producer.sent == []


def test_a_sender_that_the_broker_keeps_waiting_finds_out_that_nobody_listens() -> None:
    producer = FakeProducer(room=0)
    rows = Rows(row(0))
    job = SendingJob(rows, {}, START_MS, time.monotonic_ns(), stamped=True)
    one = Sender(cast("Producer", producer), job, gone)
    with pytest.raises(BrokenPipeError):
        one.run()


def test_a_full_producer_is_waited_for() -> None:
    producer = FakeProducer(room=1)
    one, told, _ = sender(producer, *[row(0)] * 50)
    one.preload()
    one.run()
    one.flush()
    assert len(acks(told)) == len(producer.sent) == 50


def test_what_the_broker_refuses_is_counted() -> None:
    producer = FakeProducer(refuse=b"large")
    one, told, _ = sender(
        producer, row(0, b"large"), row(0), row(0, b"large", timed=False)
    )
    one.preload()
    one.run()
    one.flush()
    assert len(acks(told)) == 1
    assert (one.requests, one.facts, one.refused) == (2, 1, 2)


def test_records_carry_the_intended_moment_unless_they_are_frozen() -> None:
    for stamped, wanted in ((True, START_MS + 7), (False, 0)):
        producer = FakeProducer()
        one, _, _ = sender(producer, row(7), stamped=stamped)
        one.preload()
        one.run()
        assert [at_ms for *_, at_ms, _ in producer.sent] == [wanted]
