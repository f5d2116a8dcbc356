"""Records as aiokafka's extension unpacks them, a batch at a time.

For every record aiokafka makes a ``ConsumerRecord``: eleven fields, a dict and a tuple
around an object that has offset, timestamp, key, value and headers already; and it takes
them one by one through two loops of the interpreter. Here a batch becomes a list in the
extension at once, and polls get parts of it. Topic and partition, which the inner object
lacks, are those of the poll. Checksums are left to google-crc32c, as
the extension computes them without the processor's instruction.

aiokafka has no setting for it, so this reaches into one consumer's fetcher: the
functions that take answers apart and hand records out get other classes for three
names. Positions and aborted transactions follow the same rules as in aiokafka; a test
holds such a consumer against an ordinary one on the same topics.
"""

from collections.abc import Iterator
from types import FunctionType, MethodType
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from google_crc32c import value as crc32c
from typing_extensions import override

from streams.kafka.layout import BEGINNING, FORMAT, UNCOUNTED
from streams.kafka.record import Record


def hand_out_unpacked(consumer: AIOKafkaConsumer) -> None:
    """Let a consumer that was just started hand out records without topic and partition."""
    fetcher = consumer._fetcher  # noqa: SLF001 - there is no other way in, see above
    names = {
        "MemoryRecords": CheckedBatches,
        "PartitionRecords": UnpackedRecords,
        "FetchResult": _Fetched,
    }
    for method in ("_proc_fetch_request", "fetched_records", "next_record"):
        given = getattr(type(fetcher), method)
        ours = FunctionType(
            given.__code__, given.__globals__ | names, method, given.__defaults__
        )
        setattr(fetcher, method, MethodType(ours, fetcher))


class CheckedBatches:
    """The whole batches of one fetched partition; each is checked when it is taken."""

    __slots__ = ("_at", "_checksum", "_end", "_fetched", "_version")

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched
        self._look(0)

    def size_in_bytes(self) -> int:
        """Return how much was fetched, the batch that was cut off included."""
        return len(self._fetched)

    def has_next(self) -> bool:
        """Whether a whole batch is left."""
        return self._at < self._end

    def next_batch(self) -> DefaultRecordBatch:
        """Return the next batch.

        Raises
        ------
        CorruptRecordException
            Its checksum is another than it says.
        """
        fetched, at, end = self._fetched, self._at, self._end
        if self._version < FORMAT:
            batch = MemoryRecords(fetched[at:end]).next_batch()
            good = batch.validate_crc()
        else:
            batch = DefaultRecordBatch(memoryview(fetched)[at:end])
            good = crc32c(fetched[at + BEGINNING.size : end]) == self._checksum
        if not good:
            raise CorruptRecordException(f"a wrong checksum, {at} bytes into a fetch")
        self._look(end)
        return batch

    def _look(self, at: int) -> None:
        """Look for a whole batch at a place."""
        fetched, size = self._fetched, len(self._fetched)
        self._at = self._end = at
        if size - at >= BEGINNING.size:
            _, length, _, self._version, self._checksum = BEGINNING.unpack_from(
                fetched, at
            )
            if at + UNCOUNTED + length <= size:
                self._end = at + UNCOUNTED + length


class UnpackedRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka is untyped here
    """What was fetched of a partition and not handed out yet."""

    next_fetch_offset: int
    _records_iterator: Iterator[list[Record]] | None
    _left: list[Record] | None = None
    """Of the batch that is being handed out."""

    def take(self, most: int | None) -> tuple[list[Record], bool]:
        """Hand out records, and say whether there may be more.

        What comes before a broken batch is handed out first; the next fetch begins with
        the broken one.

        Raises
        ------
        CorruptRecordException
            The next batch has another checksum than it says.
        """
        taken: list[Record] = []
        while most is None or len(taken) < most:
            try:
                left = self._left or next(self, None)
            except CorruptRecordException:
                if not taken:
                    raise
                return taken, False
            if left is None:
                return taken, False
            room = len(left) if most is None else most - len(taken)
            taken += left[:room]
            self._left = left[room:]
            self.next_fetch_offset = taken[-1].offset + 1
        return taken, True

    @override
    def _unpack_records(self) -> Iterator[list[Record]]:
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._wanted(batch):
                found: list[Record] = list(batch)
                first = self.next_fetch_offset
                if found and found[0].offset < first:
                    found = [one for one in found if one.offset >= first]
                if found:
                    yield found
            # The end that the batch tells: its last records may have been compacted away.
            self.next_fetch_offset = batch.next_offset

    def _wanted(self, batch: DefaultRecordBatch) -> bool:
        """Whether a batch has records for us: not a marker, not of an aborted transaction."""
        if not (batch.is_transactional or batch.is_control_batch):
            return True
        if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            aborted: set[int] = self._aborted_producers
            if batch.is_control_batch and self._contains_abort_marker(batch):
                aborted.discard(batch.producer_id)
            if batch.is_transactional and batch.producer_id in aborted:
                return False
        return not batch.is_control_batch


class _Fetched(FetchResult):  # type: ignore[misc]  # aiokafka is untyped here
    """What was fetched of a partition, as the fetcher keeps it."""

    _topic_partition: Any
    _partition_records: UnpackedRecords | None

    @override
    def getall(self, max_records: int | None = None) -> list[Record]:
        records = self._partition_records
        if not self.check_assignment(self._topic_partition) or records is None:
            return []
        taken, more = records.take(max_records)
        self._update_position()
        if not more:
            self._partition_records = None
        return taken

    @override
    def getone(self) -> Record | None:
        found = self.getall(1)
        return found[0] if found else None
