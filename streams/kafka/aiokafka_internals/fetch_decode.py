"""Decode fetched records one batch at a time with aiokafka's C extension.

For every record aiokafka builds a ``ConsumerRecord``: eleven fields, a dict and a tuple
around an object that already has offset, timestamp, key, value and headers; and it
passes records one by one through two interpreted loops. Here the extension turns a
whole batch into a list, and polls get parts of it. The inner object has no topic and
partition: they are those of the poll. google-crc32c computes the checksums, because the
extension does not use the processor's CRC instruction.

A batch that the extension cannot decode, or decodes wrongly, is read by our own decoder
(:mod:`streams.kafka.tolerant`), and records over the size limits become placeholders
(:mod:`streams.records.unread`). Both happen here, because every consumer passes through
here and one record must not prevent others from being read.

aiokafka has no setting for this, so we patch one consumer's fetcher: in the functions
that decode responses and hand out records, three names refer to classes of ours.
Positions and aborted transactions follow the same rules as in aiokafka; a test compares
such a consumer with an ordinary one on the same topics.
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
"""No limit: for topics that we write."""


def hand_out_unpacked(consumer: AIOKafkaConsumer, bounds: Bounds = UNBOUNDED) -> None:
    """Make a just started consumer return records without topic and partition.

    A record over the bounds, or one that cannot be decoded, is returned as
    :class:`~streams.records.unread.Unread`.
    """
    names = {
        "MemoryRecords": CheckedBatches,
        "PartitionRecords": partial(UnpackedRecords, bounds=bounds),
        "FetchResult": _Fetched,
    }
    _rename(consumer, names)


def hand_out_all(consumer: AIOKafkaConsumer) -> None:
    """Make a just started consumer survive records that it cannot decode.

    For tools: records are aiokafka's own. An undecodable one has the parts that could
    be read, and the header ``refund_unread``.
    """
    names = {"MemoryRecords": CheckedBatches, "PartitionRecords": PlacedRecords}
    _rename(consumer, names)


def _rename(consumer: AIOKafkaConsumer, names: dict[str, Any]) -> None:
    """Replace global names in the functions of one consumer's fetcher."""
    fetcher = consumer._fetcher
    for method in ("_proc_fetch_request", "fetched_records", "next_record"):
        given = getattr(type(fetcher), method)
        ours = FunctionType(
            given.__code__, given.__globals__ | names, method, given.__defaults__
        )
        setattr(fetcher, method, MethodType(ours, fetcher))


class CheckedBatches:
    """The complete batches of one fetched partition; each is checked when it is taken."""

    __slots__ = ("_at", "_checksum", "_end", "_fetched", "_taken", "_version")

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched
        self._taken = slice(0, 0)
        self._look(0)

    def size_in_bytes(self) -> int:
        """Return the fetched size, including a truncated last batch."""
        return len(self._fetched)

    def has_next(self) -> bool:
        """Whether a complete batch is left."""
        return self._at < self._end

    def next_batch(self) -> DefaultRecordBatch:
        """Return the next batch.

        Raises
        ------
        CorruptRecordException
            Its checksum is wrong.
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
        """Return the bytes of the last batch that was taken."""
        return memoryview(self._fetched)[self._taken]

    def _look(self, at: int) -> None:
        """Look for a complete batch at a position."""
        fetched, size = self._fetched, len(self._fetched)
        self._at = self._end = at
        if size - at >= BEGINNING.size:
            _, length, _, self._version, self._checksum = BEGINNING.unpack_from(
                fetched, at
            )
            if at + UNCOUNTED + length <= size:
                self._end = at + UNCOUNTED + length


class UnpackedRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka is untyped here
    """The fetched records of a partition that are not handed out yet."""

    next_fetch_offset: int
    _records_iterator: Iterator[list[Record]] | None
    _left: list[Record] | None = None
    """The rest of the batch that is being handed out."""

    def __init__(self, *given: object, bounds: Bounds = UNBOUNDED) -> None:
        super().__init__(*given)
        self._bounds = bounds

    def take(self, most: int | None) -> tuple[list[Record], bool]:
        """Return records, and whether there may be more.

        Records before a corrupt batch are handed out first; the next fetch begins with
        the corrupt one.

        Raises
        ------
        CorruptRecordException
            The next batch has a wrong checksum.
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
            # The end offset in the batch header: its last records may have been
            # compacted away.
            self.next_fetch_offset = batch.next_offset

    def _records_of(self, batch: DefaultRecordBatch) -> list[Record]:
        """Return the records of a batch, decoded by the extension if it can."""
        stored: memoryview = self._records.taken()
        found: list[Record] | None
        try:
            found = _unpacked(batch, stored)
        except Exception:  # noqa: BLE001 - a sender can trigger any error
            found = None
        if found is None:
            return bounded(_by_hand(batch, stored, self._bounds), self._bounds)
        if len(stored) > self._bounds.record_bytes or _is_packed(batch):
            found = bounded(found, self._bounds)
        return found

    def _wanted(self, batch: DefaultRecordBatch) -> bool:
        """Whether a batch has records for us: no control batch, no aborted transaction."""
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
    """The same records, one by one, with topic and partition, as aiokafka's own."""

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
    """Return the records of a batch; None when their offsets are wrong.

    Raises
    ------
    Exception
        From the extension or a codec, when the batch cannot be read or is too large.
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
    # Compaction leaves gaps. If a sender numbers records differently, or a number is
    # read from the wrong position, the offset would be that of another record.
    if offsets and (
        offsets[0] < first or offsets[-1] > last or offsets != sorted(set(offsets))
    ):
        return None
    return found


def _plain(stored: memoryview, records: bytes) -> DefaultRecordBatch:
    """Return a batch as it would be if it were not compressed."""
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
    """The fetched records of a partition, as the fetcher keeps them."""

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
