"""Offsets that groups have committed, and those that wait for a transaction to end."""

from collections.abc import Callable, Iterable, Mapping

import msgspec
from aiokafka.structs import TopicPartition

from testkit.simulated.cluster import Cluster
from testkit.simulated.groups.group import Group, State

_EXPIRING = (State.EMPTY, State.STABLE)


class Committed(msgspec.Struct, frozen=True, kw_only=True):
    """A committed offset."""

    offset: int
    metadata: str
    committed_ms: int
    expires_ms: int | None = None
    """When the client wants it gone, UTC ms; None = as the broker is configured."""
    order: int
    """Counts what was written to the coordinator's log: of two, the later write holds."""


class Offsets:
    """Offsets of one group."""

    def __init__(self) -> None:
        self.by_partition: dict[TopicPartition, Committed] = {}
        self.pending: dict[int, dict[TopicPartition, Committed]] = {}
        """Producer id -> what it commits in its open transaction."""

    def commit(self, partition: TopicPartition, committed: Committed) -> None:
        """Take an offset."""
        self.by_partition[partition] = committed

    def commit_pending(
        self, producer_id: int, partition: TopicPartition, committed: Committed
    ) -> None:
        """Take an offset that holds once the producer's transaction is committed."""
        self.pending.setdefault(producer_id, {})[partition] = committed

    def end(self, producer_id: int, *, commit: bool) -> dict[TopicPartition, Committed]:
        """End a producer's transaction; return the offsets that hold from now on."""
        pending = self.pending.pop(producer_id, {})
        if not commit:
            return {}
        taken = {}
        for partition, committed in pending.items():
            known = self.by_partition.get(partition)
            if known is None or known.order < committed.order:
                self.by_partition[partition] = taken[partition] = committed
        return taken

    def forget_topic(self, topic: str) -> None:
        """Drop what is committed for a topic that is deleted."""
        for offsets in (self.by_partition, *self.pending.values()):
            for partition in [found for found in offsets if found.topic == topic]:
                del offsets[partition]

    def expire(
        self,
        now_ms: int,
        retention_ms: int,
        base_ms: Callable[[Committed], int],
        kept_topics: Callable[[str], bool],
    ) -> None:
        """Drop what is older than the retention."""
        open_ = {tp for offsets in self.pending.values() for tp in offsets}
        for partition, found in list(self.by_partition.items()):
            if partition in open_ or kept_topics(partition.topic):
                continue
            expires_ms = found.expires_ms
            if expires_ms is None:
                expires_ms = base_ms(found) + retention_ms
            if now_ms >= expires_ms:
                del self.by_partition[partition]

    def is_empty(self) -> bool:
        """Tell whether nothing is committed nor about to be."""
        return not self.by_partition and not any(self.pending.values())

    def read(
        self, partitions: Iterable[TopicPartition] | None
    ) -> list[tuple[TopicPartition, Committed | None]]:
        """Return the committed offsets of partitions; None = of all that have one."""
        if partitions is None:
            return sorted(self.by_partition.items())
        return [(found, self.by_partition.get(found)) for found in partitions]


class AllOffsets:
    """Offsets of all groups."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._by_group: dict[str, Offsets] = {}
        self._order = 0

    def of(self, group_id: str) -> Offsets:
        """Return the offsets of a group; of an unknown one, none."""
        return self._by_group.get(group_id) or Offsets()

    def commit(
        self,
        group_id: str,
        offsets: Mapping[TopicPartition, tuple[int, str]],
        expires_ms: int | None = None,
    ) -> None:
        """Take checked offsets: each with its metadata."""
        kept = self._by_group.setdefault(group_id, Offsets())
        for tp, (offset, metadata) in offsets.items():
            kept.commit(tp, self._written(offset, metadata, expires_ms))
            self._tell(group_id, tp, offset, metadata)

    def commit_pending(
        self,
        group_id: str,
        producer_id: int,
        offsets: Mapping[TopicPartition, tuple[int, str]],
    ) -> None:
        """Take offsets that hold once the producer's transaction is committed."""
        kept = self._by_group.setdefault(group_id, Offsets())
        for tp, (offset, metadata) in offsets.items():
            kept.commit_pending(producer_id, tp, self._written(offset, metadata, None))

    def end_transaction(self, group_id: str, producer_id: int, *, commit: bool) -> None:
        """Let the offsets of a producer's transaction hold, or drop them."""
        taken = self.of(group_id).end(producer_id, commit=commit)
        for tp, one in taken.items():
            self._tell(group_id, tp, one.offset, one.metadata)

    def forget_topic(self, topic: str) -> None:
        """Drop what is committed for a topic that is deleted."""
        for offsets in self._by_group.values():
            offsets.forget_topic(topic)

    def forget_group(self, group_id: str) -> None:
        """Drop all offsets of a group."""
        self._by_group.pop(group_id, None)

    def expire(self, group: Group, retention_ms: int) -> None:
        """Drop what is older than the retention.

        The age of an offset begins when the group has lost its members; while it has some,
        with the commit, and only of a topic that nobody reads.
        """
        since_empty = group.protocol_type is not None and group.state is State.EMPTY
        watched = group.protocol_type is None or group.subscribed is not None
        if not since_empty and not (watched and group.state in _EXPIRING):
            return
        self.of(group.group_id).expire(
            self._cluster.now_ms(),
            retention_ms,
            lambda one: group.since_ms if since_empty else one.committed_ms,
            group.is_subscribed_to,
        )

    def _tell(
        self, group_id: str, tp: TopicPartition, offset: int, metadata: str
    ) -> None:
        observer = self._cluster.observer
        observer.committed(group_id, tp.topic, tp.partition, offset, metadata)

    def _written(self, offset: int, metadata: str, expires_ms: int | None) -> Committed:
        self._order += 1
        return Committed(
            offset=offset,
            metadata=metadata,
            committed_ms=self._cluster.now_ms(),
            expires_ms=expires_ms,
            order=self._order,
        )
