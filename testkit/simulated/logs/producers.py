"""What a partition knows of its idempotent producers (KIP-98), as Kafka 4.3 keeps it.

Of each producer the last five batches are known: one of them sent again is answered with
the offset it has. A producer that is not known, because its records are gone or it was
silent for a day, may start at any sequence number (KIP-360, KAFKA-7190); no broker of
today answers ``UNKNOWN_PRODUCER_ID``.
"""

from collections import deque
from typing import Final

import msgspec

from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.logs.batches import SEQUENCES, Batch

_REMEMBERED: Final = 5
EXPIRES_MS: Final = 86_400_000
"""The default of ``producer.id.expiration.ms``: silence after which one is forgotten."""


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A batch of a producer, as far as a repetition of it needs."""

    first_sequence: int
    last_sequence: int
    base_offset: int
    last_offset: int
    latest_ms: int


class Producer:
    """A producer in one partition."""

    __slots__ = ("epoch", "latest_ms", "sent", "transaction_from")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.sent: deque[Sent] = deque(maxlen=_REMEMBERED)
        self.latest_ms = -1
        """Timestamp of its last batch, UTC ms."""
        self.transaction_from: int | None = None
        """First offset of its open transaction."""

    def last_sequence(self) -> int:
        """Return the sequence number of its last record in this epoch; -1 = none."""
        return self.sent[-1].last_sequence if self.sent else -1

    def silent_for(self, now_ms: int) -> int:
        """Return ms since its last batch; 0 as long as its transaction is open."""
        return 0 if self.transaction_from is not None else now_ms - self.latest_ms

    def in_epoch(self, epoch: int) -> None:
        """Start over in another epoch, if it is one."""
        if epoch != self.epoch:
            self.epoch = epoch
            self.sent.clear()


class Ended(msgspec.Struct, frozen=True, gc=False):
    """A transaction that has ended in a partition."""

    producer_id: int
    first_offset: int
    marker_offset: int
    committed: bool
    stable_offset: int
    """The last stable offset once it has ended."""


class Producers:
    """The producers of one partition."""

    def __init__(self) -> None:
        self.known: dict[int, Producer] = {}
        self.asked_about: dict[int, tuple[int, int]] = {}
        """Producer whose first batch of a transaction is not in the log yet, though it was
        tried -> its epoch, and the lowest sequence number that was tried."""
        self._open: dict[int, int] = {}
        """Producer with an open transaction -> its first offset."""
        self._unreplicated: deque[Ended] = deque()
        """Ended, but the marker is not below the high watermark yet."""
        self.aborted: list[Ended] = []
        """Aborted transactions, in the order of their markers."""

    def repetition_of(self, batch: Batch) -> Sent | None:
        """Return the batch that this one repeats."""
        producer = self.known.get(batch.producer_id)
        if producer is None or producer.epoch != batch.producer_epoch:
            return None
        first, last = batch.first_sequence, batch.last_sequence
        for sent in producer.sent:
            if sent.first_sequence == first and sent.last_sequence == last:
                return sent
        return None

    def refusal_of(self, batch: Batch) -> ErrorCode:
        """Return why a client's batch, no repetition, is refused; ``NONE`` = it is not."""
        producer = self.known.get(batch.producer_id)
        if producer is not None and batch.producer_epoch < producer.epoch:
            return ErrorCode.INVALID_PRODUCER_EPOCH
        asked = self.asked_about.get(batch.producer_id)
        if asked is not None and batch.first_sequence > asked[1]:
            return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
        if producer is None:
            return ErrorCode.NONE
        new_epoch = batch.producer_epoch > producer.epoch
        expected = 0 if new_epoch else (producer.last_sequence() + 1) % SEQUENCES
        if batch.first_sequence != expected:
            return ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
        if producer.transaction_from is not None and not batch.transactional:
            return ErrorCode.INVALID_TXN_STATE
        return ErrorCode.NONE

    def ask_about(self, batch: Batch) -> None:
        """Note that a first batch of a transaction is tried (KIP-890).

        A later batch that overtakes it is refused as long as none was appended.
        """
        epoch, lowest = batch.producer_epoch, batch.first_sequence
        before = self.asked_about.get(batch.producer_id)
        if before is not None and before[0] >= epoch:
            same = before[0] == epoch
            epoch, lowest = before[0], min(before[1], lowest) if same else before[1]
        self.asked_about[batch.producer_id] = epoch, lowest

    def in_transaction(self, batch: Batch) -> bool:
        """Whether the producer of a batch has a transaction open here in its epoch."""
        producer = self.known.get(batch.producer_id)
        return (
            producer is not None
            and producer.transaction_from is not None
            and producer.epoch == batch.producer_epoch
        )

    def stale_marker(self, producer_id: int, epoch: int) -> bool:
        """Whether a marker is of an epoch that is over."""
        producer = self.known.get(producer_id)
        return producer is not None and epoch < producer.epoch

    def add(self, batch: Batch) -> None:
        """Take in a batch of records that is in the log."""
        number = batch.producer_id
        producer = self.known.get(number)
        if producer is None:
            producer = self.known[number] = Producer(batch.producer_epoch)
        producer.in_epoch(batch.producer_epoch)
        producer.sent.append(
            Sent(
                batch.first_sequence,
                batch.last_sequence,
                batch.base_offset,
                batch.last_offset,
                batch.latest_ms,
            )
        )
        producer.latest_ms = batch.latest_ms
        if batch.transactional:
            self.asked_about.pop(number, None)
        if batch.transactional and producer.transaction_from is None:
            producer.transaction_from = batch.base_offset
            self._open[number] = batch.base_offset

    def end(self, batch: Batch, *, committed: bool) -> None:
        """Take in a marker that is in the log.

        A marker without records before it is in the log, but changes nothing.
        """
        number = batch.producer_id
        producer = self.known.get(number)
        if producer is None:
            producer = self.known[number] = Producer(batch.producer_epoch)
        producer.in_epoch(batch.producer_epoch)
        producer.latest_ms = batch.latest_ms
        self.asked_about.pop(number, None)
        first, producer.transaction_from = producer.transaction_from, None
        if first is None:
            return
        self._open.pop(number, None)
        still_open = min(self._open.values(), default=batch.next_offset)
        ended = Ended(
            number,
            first,
            batch.base_offset,
            committed,
            min(still_open, batch.next_offset),
        )
        self._unreplicated.append(ended)
        if not committed:
            self.aborted.append(ended)

    def replicated(self, high_watermark: int) -> None:
        """Forget ended transactions whose marker is below the high watermark."""
        waiting = self._unreplicated
        while waiting and waiting[0].marker_offset < high_watermark:
            waiting.popleft()

    def first_unstable(self) -> int | None:
        """Return the first offset of the earliest transaction that is not over."""
        if not self._open and not self._unreplicated:
            return None
        waiting = [ended.first_offset for ended in self._unreplicated]
        return min([*self._open.values(), *waiting])

    def aborted_between(self, first: int, until: int) -> list[tuple[int, int]]:
        """Return producer id and first offset of aborted transactions in a fetch.

        Parameters
        ----------
        first
            The fetched offset.
        until
            Offset after what is fetched.
        """
        found = []
        for ended in self.aborted:
            if ended.marker_offset >= first and ended.first_offset < until:
                found.append((ended.producer_id, ended.first_offset))
            if ended.stable_offset >= until:
                break
        return found

    def expire(self, now_ms: int, after_ms: int = EXPIRES_MS) -> list[int]:
        """Forget producers that were silent for so long; return their ids."""
        gone = [
            number
            for number, producer in self.known.items()
            if producer.silent_for(now_ms) >= after_ms
        ]
        for number in gone:
            del self.known[number]
        return gone

    def forget(self, producer_id: int) -> None:
        """Forget one producer, as if it had been silent for too long."""
        self.known.pop(producer_id, None)
        self._open.pop(producer_id, None)

    def forget_all(self) -> None:
        """Forget every producer without an open transaction, as after a long silence."""
        self.expire(2**62, 1)

    def started_at(self, start_offset: int) -> None:
        """Forget aborted transactions that are below the start of the log."""
        self.aborted = [
            ended for ended in self.aborted if ended.marker_offset >= start_offset
        ]
