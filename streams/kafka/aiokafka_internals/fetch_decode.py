"""Records as aiokafka's extension unpacks them, a batch at a time.

For every record aiokafka makes a ``ConsumerRecord``: eleven fields, a dict and a tuple
around an object that has offset, timestamp, key, value and headers already; and it takes
them one by one through two loops of the interpreter. Here a batch becomes a list in the
extension at once, and polls get parts of it. Topic and partition, which the inner object
lacks, are those of the poll. Checksums are left to google-crc32c, as
the extension computes them without the processor's instruction.

What the extension cannot take apart, or takes apart wrongly, is read by hand
(:mod:`streams.kafka.tolerant`), and what is larger than is read is taken out
(:mod:`streams.records.unread`): here, because every consumer passes here, and because one
record must not keep the others from being read.

aiokafka has no setting for it, so this reaches into one consumer's fetcher: the
functions that take answers apart and hand records out get other classes for three
names. Positions and aborted transactions follow the same rules as in aiokafka; a test
holds such a consumer against an ordinary one on the same topics.
"""

from collections.abc import Iterator
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords
from google_crc32c import value as crc32c
from typing_extensions import override

from streams.kafka.aiokafka_internals.codecs import GZIP
from streams.kafka.inflation import GZIP_SURE_BYTES, check_size, inflate
from streams.kafka.tolerant import take_apart
from streams.records.record import Record
from streams.records.record_format import BEGINNING, CHECKED, CODEC, FORMAT, UNCOUNTED
from streams.records.unread import Bounds, Unread, bounded, lost, told_unread

UNBOUNDED: Final = Bounds(1 << 62, 1 << 62)
"""Whatever is there: for topics that we write."""


def hand_out_unpacked(consumer: AIOKafkaConsumer, bounds: Bounds = UNBOUNDED) -> None:
    """Let a consumer that was just started hand out records without topic and partition.

    What is over the bounds, or cannot be taken apart, comes as
    :class:`~streams.records.unread.Unread`.
    """
    names = {
        "MemoryRecords": CheckedBatches,
        "PartitionRecords": partial(UnpackedRecords, bounds=bounds),
        "FetchResult": _Fetched,
    }
    _rename(consumer, names)


def hand_out_all(consumer: AIOKafkaConsumer) -> None:
    """Let a consumer that was just started survive what it cannot take apart.

    For tools: records are aiokafka's own. One that cannot be taken apart comes with what
    is left of it, and says so in the header ``refund_unread``.
    """
    names = {"MemoryRecords": CheckedBatches, "PartitionRecords": PlacedRecords}
    _rename(consumer, names)


def _rename(consumer: AIOKafkaConsumer, names: dict[str, Any]) -> None:
    """Let the functions of one consumer's fetcher mean other classes by some names."""
    fetcher = consumer._fetcher
    for method in ("_proc_fetch_request", "fetched_records", "next_record"):
        given = getattr(type(fetcher), method)
        ours = FunctionType(
            given.__code__, given.__globals__ | names, method, given.__defaults__
        )
        setattr(fetcher, method, MethodType(ours, fetcher))


class CheckedBatches:
    """The whole batches of one fetched partition; each is checked when it is taken."""

    __slots__ = ("_at", "_checksum", "_end", "_fetched", "_taken", "_version")

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched
        self._taken = slice(0, 0)
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
        self._taken = slice(at, end)
        self._look(end)
        return batch

    def taken(self) -> memoryview:
        """Return the bytes of the batch that was taken last."""
        return memoryview(self._fetched)[self._taken]

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

    def __init__(self, *given: object, bounds: Bounds = UNBOUNDED) -> None:
        super().__init__(*given)
        self._bounds = bounds

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
                found = self._records_of(batch)
                first = self.next_fetch_offset
                if found and found[0].offset < first:
                    found = [one for one in found if one.offset >= first]
                if found:
                    yield found
            # The end that the batch tells: its last records may have been compacted away.
            self.next_fetch_offset = batch.next_offset

    def _records_of(self, batch: DefaultRecordBatch) -> list[Record]:
        """Return what a batch holds, by the extension if that can read it."""
        stored: memoryview = self._records.taken()
        found: list[Record] | None
        try:
            found = _unpacked(batch, stored)
        except Exception:  # noqa: BLE001 - whatever a sender made it stumble over
            found = None
        if found is None:
            return bounded(_by_hand(batch, stored, self._bounds), self._bounds)
        if len(stored) > self._bounds.record_bytes or _is_packed(batch):
            found = bounded(found, self._bounds)
        return found

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


class PlacedRecords(UnpackedRecords):
    """The same, one by one and with their place, as aiokafka's own."""

    @override
    def _unpack_records(self) -> Iterator[Any]:
        for records in super()._unpack_records():
            for record in records:
                self.next_fetch_offset = record.offset + 1
                yield self._placed(record)

    def _placed(self, record: Record) -> ConsumerRecord:
        told = told_unread(record) if isinstance(record, Unread) else record
        key, value = told.key, told.value
        return ConsumerRecord(
            *self._tp,
            record.offset,
            record.timestamp,
            getattr(record, "timestamp_type", 0),
            key,
            value,
            None,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
            tuple(told.headers),
        )


def _is_packed(batch: DefaultRecordBatch) -> bool:
    return not isinstance(batch, DefaultRecordBatch) or bool(batch.attributes & CODEC)


def _unpacked(batch: DefaultRecordBatch, stored: memoryview) -> list[Record] | None:
    """Return the records of a batch; None when they are not where they say they are.

    Raises
    ------
    Exception
        Of the extension and of the codecs, when it cannot be read; or it is too large.
    """
    if not isinstance(batch, DefaultRecordBatch):  # before 0.11
        return list(batch)
    if codec := batch.attributes & CODEC:
        packed = stored[BEGINNING.size + CHECKED.size :]
        if codec == GZIP and len(packed) > GZIP_SURE_BYTES:
            batch = _plain(stored, inflate(codec, packed))
        else:
            check_size(codec, packed)
    found: list[Record] = list(batch)
    offsets = [one.offset for one in found]
    first, last = batch.base_offset, batch.base_offset + batch.last_offset_delta
    if offsets == list(range(first, last + 1)):
        return found
    # Compaction leaves gaps. A sender that numbers records otherwise, or a number that
    # was read in the wrong place, would answer for somebody else's record.
    if offsets and (
        offsets[0] < first or offsets[-1] > last or offsets != sorted(set(offsets))
    ):
        return None
    return found


def _plain(stored: memoryview, records: bytes) -> DefaultRecordBatch:
    """Return a batch as it would be without compression."""
    attributes, *rest = CHECKED.unpack_from(stored, BEGINNING.size)
    beginning = bytes(stored[: BEGINNING.size]) + CHECKED.pack(
        attributes & ~CODEC, *rest
    )
    return DefaultRecordBatch(beginning + records)


def _by_hand(
    batch: DefaultRecordBatch, stored: memoryview, bounds: Bounds
) -> list[Record]:
    if isinstance(batch, DefaultRecordBatch):
        return take_apart(bytes(stored), bounds)
    span = batch.base_offset, batch.next_offset - 1
    return [
        lost(bytes(stored), span, 0, "a batch of an old format that cannot be read")
    ]


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
