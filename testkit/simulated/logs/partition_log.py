"""The log of a partition: what its leader appends, reads, ends and forgets."""

from bisect import bisect_right
from collections.abc import Callable, Iterator

from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.logs import batches as format2
from testkit.simulated.logs.batches import Batch, CorruptBatchError, Record
from testkit.simulated.logs.producers import Producers
from testkit.simulated.logs.results import UNKNOWN, AppendResult, Found
from testkit.simulated.logs.rewriting import marker, stamped
from testkit.simulated.logs.segments import Segment, batches_in
from testkit.simulated.logs.settings import LogSettings, log_settings
from testkit.simulated.logs.validation import problem_of


class PartitionLog:
    """Batches of one partition.

    Parameters
    ----------
    settings
        Those of the topic.
    grown
        Is called with each batch that was appended.
    """

    def __init__(
        self, settings: LogSettings, grown: Callable[[Batch], None] = lambda _: None
    ) -> None:
        self.settings = settings
        self.start_offset = 0
        self.end_offset = 0
        self.high_watermark = 0
        self.producers = Producers()
        self.segments = [Segment(0)]
        self._bases = [0]
        self._grown = grown
        self._stable = 0

    @property
    def last_stable_offset(self) -> int:
        """Offset up to which every transaction is over, within the high watermark."""
        return self._stable

    # -- writing ----------------------------------------------------------------

    def append(self, data: bytes, now_ms: int, leader_epoch: int = 0) -> AppendResult:
        """Append the batch of a client, or answer its repetition."""
        try:
            found = format2.batches_of(data)
        except CorruptBatchError:
            return AppendResult(ErrorCode.CORRUPT_MESSAGE)
        if len(found) != 1:
            return AppendResult(ErrorCode.INVALID_RECORD)
        (batch,) = found
        problem = problem_of(batch, self.settings, now_ms)
        if problem is not None:
            start = self.start_offset if problem.in_log else UNKNOWN
            return AppendResult(problem.error, log_start_offset=start)
        if batch.producer_id >= 0:
            repeated = self.producers.repetition_of(batch)
            if repeated is not None:
                return AppendResult(
                    ErrorCode.NONE,
                    repeated.base_offset,
                    repeated.latest_ms,
                    self.start_offset,
                    repeated.last_offset + 1,
                    repeated=True,
                )
            error = self.producers.refusal_of(batch)
            if error:
                return AppendResult(error, log_start_offset=self.start_offset)
        append_ms = UNKNOWN
        if self.settings.append_time:
            batch, append_ms = stamped(batch, now_ms), now_ms
        placed = self._add(batch, leader_epoch)
        if placed.producer_id >= 0:
            self.producers.add(placed)
        self._grown(placed)
        return AppendResult(
            ErrorCode.NONE,
            placed.base_offset,
            append_ms,
            self.start_offset,
            placed.next_offset,
        )

    def write_marker(
        self,
        producer_id: int,
        epoch: int,
        now_ms: int,
        *,
        commit: bool,
        leader_epoch: int = 0,
    ) -> AppendResult:
        """End the transaction of a producer in this partition."""
        if self.producers.stale_marker(producer_id, epoch):
            return AppendResult(ErrorCode.INVALID_PRODUCER_EPOCH)
        plain = marker(producer_id, epoch, now_ms, commit=commit)
        placed = self._add(plain, leader_epoch)
        self.producers.end(placed, committed=commit)
        self._grown(placed)
        return AppendResult(
            ErrorCode.NONE,
            placed.base_offset,
            UNKNOWN,
            self.start_offset,
            placed.next_offset,
        )

    def _add(self, batch: Batch, leader_epoch: int) -> Batch:
        active = self.segments[-1]
        if active.is_full_for(batch, self.settings):
            active = self.roll()
        placed = format2.placed(batch, self.end_offset, leader_epoch)
        active.add(placed)
        self.end_offset = placed.next_offset
        return placed

    def roll(self) -> Segment:
        """Begin a segment, so that the one before can be cleaned."""
        if self.segments[-1].batches:
            self.segments.append(Segment(self.end_offset))
            self._bases.append(self.end_offset)
        return self.segments[-1]

    def advance(self, high_watermark: int) -> bool:
        """Set the high watermark; return whether it or the last stable offset moved."""
        before = self.high_watermark, self._stable
        self.high_watermark = high_watermark
        self.producers.replicated(high_watermark)
        first = self.producers.first_unstable()
        stable = high_watermark
        if first is not None:
            stable = min(stable, max(first, self.start_offset))
        self._stable = stable
        return before != (high_watermark, stable)

    # -- reading ----------------------------------------------------------------

    def readable_until(self, *, committed: bool) -> int:
        """Return where the readable part ends, for one of the two isolation levels."""
        return self._stable if committed else self.high_watermark

    def read(self, offset: int, most: int, until: int, *, whole: bool = True) -> bytes:
        """Return stored bytes from the batch with an offset on, within one segment.

        Parameters
        ----------
        most
            Bytes.
        until
            See :meth:`readable_until`.
        whole
            Whether a first batch that is larger than ``most`` is returned whole;
            otherwise nothing is (KIP-74).
        """
        place = max(0, bisect_right(self._bases, offset) - 1)
        for segment in self.segments[place:]:
            found, first = segment.read(offset, max(most, 0), until)
            if first > most:
                return segment.read(offset, first, until)[0] if whole else b""
            if found:
                return found
        return b""

    def aborted_in(self, offset: int, size: int) -> list[tuple[int, int]]:
        """Return producer id and first offset of aborted transactions in a fetch."""
        if not self.producers.aborted:
            return []
        place = max(0, bisect_right(self._bases, offset) - 1)
        until = self.segments[place].indexed_after(offset, size)
        if until is None and place + 1 < len(self.segments):
            until = self._bases[place + 1]
        return self.producers.aborted_between(
            offset, self.end_offset if until is None else until
        )

    def batches(self) -> Iterator[Batch]:
        """Yield all stored batches."""
        return batches_in(self.segments)

    def decode(self) -> list[Record]:
        """Return every stored record from the log start on, with markers."""
        return [
            record
            for batch in self.batches()
            for record in format2.decoded(batch)
            if record.offset >= self.start_offset
        ]

    def find(self, timestamp_ms: int) -> Found | None:
        """Return the first record that is not older than a timestamp."""
        for segment in self.segments:
            if segment.latest_ms < timestamp_ms:
                continue
            for batch in segment.batches:
                if (
                    batch.latest_ms < timestamp_ms
                    or batch.last_offset < self.start_offset
                ):
                    continue
                for record in format2.decoded(batch):
                    if (
                        record.timestamp_ms >= timestamp_ms
                        and record.offset >= self.start_offset
                    ):
                        return Found(record.offset, record.timestamp_ms)
        return None

    # -- forgetting -------------------------------------------------------------

    def truncate(self, offset: int) -> int:
        """Lose everything from an offset on; a batch that it would cut goes whole.

        Returns
        -------
        int
            Where the log ends now.
        """
        offset = max(offset, self.start_offset)
        while len(self.segments) > 1 and self.segments[-1].base_offset >= offset:
            del self.segments[-1], self._bases[-1]
        active = self.segments[-1]
        last = active.batches[active.index_of(offset) :][:1]
        offset = min([offset, *(batch.base_offset for batch in last)])
        active.truncate(offset)
        self.end_offset = max(offset, self.start_offset)
        self._learn_producers(self.end_offset)
        self.advance(min(self.high_watermark, self.end_offset))
        return self.end_offset

    def _learn_producers(self, end: int) -> None:
        """Rebuild the producers from the log; those whose records are gone stay."""
        before, self.producers = self.producers, Producers()
        first = next((batch.base_offset for batch in self.batches()), end)
        for number, producer in before.known.items():
            if producer.sent and producer.sent[-1].last_offset < first:
                self.producers.known[number] = producer
        for batch in self.batches():
            if batch.control:
                self.producers.end(batch, committed=format2.commits(batch))
            elif batch.producer_id >= 0:
                self.producers.add(batch)

    def start_at(self, offset: int) -> None:
        """Raise the log start; whole segments below it are removed."""
        if offset <= self.start_offset:
            return
        self.start_offset = offset
        while len(self.segments) > 1 and self.segments[1].base_offset <= offset:
            del self.segments[0], self._bases[0]
        self.producers.started_at(offset)
        self.advance(max(self.high_watermark, offset))


def empty_log(chosen: dict[str, str] | None = None) -> PartitionLog:
    """Return a log with Kafka's default settings, but for what was chosen."""
    return PartitionLog(log_settings(chosen or {}))
