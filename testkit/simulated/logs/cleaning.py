"""What a broker removes from a log by itself: old segments, and superseded records.

Compaction as Kafka 4.3's cleaner does it: the active segment, what is not stable yet and
what is younger than the compaction lag stay; a record keeps its offset, a batch its header;
the last batch of a producer stays without records, so that its sequence numbers are known.
Tombstones, and markers whose transaction has no record left, stay for
``delete.retention.ms`` after a first run found them (KIP-534).
"""

from collections.abc import Iterable

from testkit.simulated.logs.batches import Batch, Record, decoded
from testkit.simulated.logs.partition_log import PartitionLog
from testkit.simulated.logs.rewriting import rewritten
from testkit.simulated.logs.segments import Segment


def retain(log: PartitionLog, now_ms: int) -> None:
    """Remove segments that are too old, or too many by size, from the log's start on."""
    if not log.settings.deletes:
        return
    _drop(log, _expired(log, now_ms))
    _drop(log, _in_excess(log))


def _expired(log: PartitionLog, now_ms: int) -> int:
    """Return how many segments are older than ``retention.ms``."""
    kept_ms, count = log.settings.retention_ms, 0
    if kept_ms < 0:
        return 0
    for segment in log.segments:
        if not segment.batches or now_ms - segment.latest_ms <= kept_ms:
            break
        count += 1
    return count


def _in_excess(log: PartitionLog) -> int:
    """Return how many segments the log can lose and still have ``retention.bytes``."""
    most, count = log.settings.retention_bytes, 0
    if most < 0:
        return 0
    left = sum(segment.size for segment in log.segments) - most
    for segment in log.segments:
        if not segment.batches or left < segment.size:
            break
        left -= segment.size
        count += 1
    return count


def _drop(log: PartitionLog, count: int) -> None:
    if count == len(log.segments):
        log.roll()
    for segment in log.segments[1 : count + 1]:
        if segment.base_offset > log.high_watermark:
            break
        log.start_at(segment.base_offset)


def compact(log: PartitionLog, now_ms: int) -> bool:
    """Remove what is superseded; return whether the log has changed."""
    until = _cleanable_until(log, now_ms)
    cleaned = [one for one in log.segments if one.base_offset < until]
    if not log.settings.compacts or not cleaned:
        return False
    run = _Run(log, now_ms, cleaned)
    changed = False
    for segment in cleaned:
        kept = [fresh for one in segment.batches for fresh in run.cleaned(one)]
        if kept != segment.batches:
            segment.replace(kept)
            changed = True
    return changed


def _cleanable_until(log: PartitionLog, now_ms: int) -> int:
    """Return the first offset that stays as it is."""
    until = min(log.last_stable_offset, log.segments[-1].base_offset)
    lag_ms = log.settings.compaction_lag_ms
    if lag_ms > 0:
        young = (
            one.base_offset for one in log.segments if one.latest_ms > now_ms - lag_ms
        )
        until = min(until, next(young, until))
    whole = [one.base_offset for one in log.segments if one.base_offset <= until]
    return whole[-1] if whole else 0


class _Run:
    """One run of the cleaner."""

    def __init__(
        self, log: PartitionLog, now_ms: int, cleaned: Iterable[Segment]
    ) -> None:
        self._now_ms = now_ms
        self._horizon_ms = now_ms + log.settings.tombstones_ms
        self._aborted: dict[int, list[tuple[int, int]]] = {}
        for ended in log.producers.aborted:
            span = ended.first_offset, ended.marker_offset
            self._aborted.setdefault(ended.producer_id, []).append(span)
        self._last_of = {
            number: known.sent[-1].last_offset
            for number, known in log.producers.known.items()
            if known.sent
        }
        self._known = {number: it.epoch for number, it in log.producers.known.items()}
        self._seen: dict[int, None] = {}
        """Producers of whose open transaction a record was seen in this run."""
        self._latest: dict[bytes, int] = {}
        for segment in cleaned:
            for batch in segment.batches:
                self._learn(batch)

    def _learn(self, batch: Batch) -> None:
        if batch.control or self._is_aborted(batch):
            return
        for record in decoded(batch):
            if record.key is not None:
                self._latest[record.key] = record.offset

    def _is_aborted(self, batch: Batch) -> bool:
        if not batch.transactional or batch.control:
            return False
        spans = self._aborted.get(batch.producer_id, ())
        return any(first <= batch.base_offset < end for first, end in spans)

    def cleaned(self, batch: Batch) -> list[Batch]:
        """Return what is left of a batch: one batch or none."""
        if batch.control:
            return self._marker(batch)
        records = decoded(batch)
        if batch.transactional:
            self._seen[batch.producer_id] = None
        kept: list[Record] = []
        if not self._is_aborted(batch):
            kept = [record for record in records if self._stays(batch, record)]
        if not kept:
            return self._without_records(batch)
        horizon_ms = batch.horizon_ms
        if horizon_ms is None and any(record.value is None for record in kept):
            horizon_ms = self._horizon_ms
        if len(kept) == len(records) and horizon_ms == batch.horizon_ms:
            return [batch]
        return [rewritten(batch, kept, horizon_ms)]

    def _stays(self, batch: Batch, record: Record) -> bool:
        if record.key is None or record.offset < self._latest[record.key]:
            return False
        horizon_ms = batch.horizon_ms
        dead = horizon_ms is not None and horizon_ms <= self._now_ms
        return record.value is not None or not dead

    def _marker(self, batch: Batch) -> list[Batch]:
        """Keep a marker as long as a record of its transaction is there, and then a while."""
        seen = batch.producer_id in self._seen
        self._seen.pop(batch.producer_id, None)
        if seen or not batch.count:
            return [batch] if seen else self._without_records(batch)
        if batch.horizon_ms is None:
            return [rewritten(batch, decoded(batch), self._horizon_ms)]
        if batch.horizon_ms > self._now_ms:
            return [batch]
        return self._without_records(batch)

    def _without_records(self, batch: Batch) -> list[Batch]:
        """Keep the header of the last batch of a producer."""
        last = self._last_of.get(batch.producer_id)
        if last is None:
            epoch = self._known.get(batch.producer_id)
            stays = batch.control and epoch == batch.producer_epoch
        else:
            stays = batch.last_offset == last
        if not stays:
            return []
        return [rewritten(batch, [], None)] if batch.count else [batch]
