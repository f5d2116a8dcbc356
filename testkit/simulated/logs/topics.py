"""The topics of a cluster, and what the failure of a node does to them."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from testkit.simulated.logs.partitions import Partition
from testkit.simulated.logs.settings import log_settings
from testkit.simulated.observer import Observer


class Surroundings(Protocol):
    """What topics need of their cluster."""

    random: random.Random
    observer: Observer

    @property
    def nodes(self) -> Mapping[int, "Broker"]:
        """The brokers by number."""

    def now_ms(self) -> int:
        """Return the wall clock, UTC ms."""


class Broker(Protocol):
    """What topics need to know of a broker."""

    up: bool


class Topic:
    """One topic."""

    def __init__(self, name: str, topic_id: UUID, configs: Mapping[str, str]) -> None:
        self.name = name
        self.topic_id = topic_id
        self.configs = dict(configs)
        """What was chosen in place of the defaults."""
        self.partitions: list[Partition] = []

    @property
    def internal(self) -> bool:
        """Whether it is the brokers' own."""
        return self.name in ("__consumer_offsets", "__transaction_state")

    @property
    def copies(self) -> int:
        """Replicas of its partitions."""
        return len(self.partitions[0].replicas)


class Topics:
    """All topics of a cluster.

    Parameters
    ----------
    around
        The cluster.
    auto_create
        Partitions of a topic that is created because somebody asks for it; None = no
        topic is.
    """

    def __init__(self, around: Surroundings, auto_create: int | None = None) -> None:
        self._around = around
        self.auto_create = auto_create
        self.by_name: dict[str, Topic] = {}
        self.when_deleted: list[Callable[[str], None]] = []
        """Called with the name of a topic that is gone."""
        self.described: dict[tuple[int, bytes], bytes] = {}
        """Answers to metadata requests, until something in them changes."""
        self._slow: dict[int, None] = {}
        self._created = 0

    @property
    def observer(self) -> Observer:
        """Who is told."""
        return self._around.observer

    def now_ms(self) -> int:
        """Return the wall clock, UTC ms."""
        return self._around.now_ms()

    def changed(self) -> None:
        """Forget what metadata requests were answered."""
        self.described.clear()

    # -- topics -----------------------------------------------------------------

    def create(
        self,
        name: str,
        partitions: int,
        replicas: int | None = None,
        configs: Mapping[str, str] | None = None,
        placed: Sequence[list[int]] | None = None,
    ) -> Topic:
        """Create a topic; its id differs from that of an earlier one of its name.

        Parameters
        ----------
        replicas
            Of each partition; None = one on each node, at most three.
        placed
            Nodes of each partition, the leader first, instead of both numbers.
        """
        found = UUID(int=self._around.random.getrandbits(128), version=4)
        topic = Topic(name, found, configs or {})
        self.by_name[name] = topic
        self.changed()
        copies = min(3, len(self._around.nodes)) if replicas is None else replicas
        count = partitions if placed is None else len(placed)
        self.add_partitions(topic, count, copies, placed)
        self.observer.created(name)
        return topic

    def add_partitions(
        self,
        topic: Topic,
        count: int,
        replicas: int = 0,
        placed: Sequence[list[int]] | None = None,
    ) -> None:
        """Give a topic more partitions, up to a count."""
        self.changed()
        settings = log_settings(topic.configs)
        numbers = range(len(topic.partitions), count)
        if placed is None:
            copies = replicas or topic.copies
            placed = [self._spread(copies) for _ in numbers]
        for number, nodes in zip(numbers, placed, strict=True):
            topic.partitions.append(
                Partition(self, topic.name, number, list(nodes), settings)
            )

    def _spread(self, copies: int) -> list[int]:
        """Return the nodes of the next partition: each leads in turn."""
        nodes = sorted(self._around.nodes)
        first = self._created
        self._created += 1
        return [nodes[(first + turn) % len(nodes)] for turn in range(copies)]

    def delete(self, name: str) -> None:
        """Delete a topic; clients that wait for it are answered."""
        topic = self.by_name.pop(name)
        self.changed()
        self.observer.deleted(name)
        for partition in topic.partitions:
            partition.delete()
        for forget in self.when_deleted:
            forget(name)

    def recreate(self, name: str) -> Topic:
        """Delete a topic, and create it again as it was but for its id and records."""
        old = self.by_name[name]
        placed = [partition.replicas for partition in old.partitions]
        self.delete(name)
        return self.create(name, len(placed), None, old.configs, placed)

    def configure(self, topic: Topic, configs: Mapping[str, str]) -> None:
        """Replace what was chosen for a topic."""
        topic.configs = dict(configs)
        settings = log_settings(topic.configs)
        for partition in topic.partitions:
            partition.log.settings = settings

    def compact(self, name: str) -> None:
        """Run the cleaner over a topic, after its active segments were closed.

        What is younger than the topic's ``min.compaction.lag.ms`` stays.
        """
        for partition in self.by_name[name].partitions:
            partition.log.roll()
            partition.clean()

    def clean(self) -> None:
        """Do what brokers do every few minutes: retention, compaction, old producers."""
        for partition in self.partitions():
            partition.clean()
            partition.log.producers.expire(self.now_ms())

    def partition(self, name: str, number: int) -> Partition | None:
        """Return a partition; None = there is none."""
        topic = self.by_name.get(name)
        if topic is None or not 0 <= number < len(topic.partitions):
            return None
        return topic.partitions[number]

    def partitions(self) -> Iterator[Partition]:
        """Yield all partitions, by topic in the order of creation."""
        for topic in self.by_name.values():
            yield from topic.partitions

    # -- nodes ------------------------------------------------------------------

    def is_up(self, node_id: int) -> bool:
        """Whether a node takes part in the cluster."""
        return self._around.nodes[node_id].up

    def follows(self, node_id: int) -> bool:
        """Whether the replicas of a node get what is appended at once."""
        return self._around.nodes[node_id].up and node_id not in self._slow

    def node_down(self, node_id: int) -> None:
        """Move the leaders of a node that is down to replicas in sync, if there are any."""
        self.changed()
        for partition in self.partitions():
            led = partition.leader == node_id
            partition.shrink(node_id)
            if led:
                partition.leader_lost()

    def node_up(self, node_id: int) -> None:
        """Let a node that is up again lead what only it can, and catch up with the rest."""
        self.changed()
        self._slow.pop(node_id, None)
        for partition in self.partitions():
            if partition.leader is None and node_id in partition.eligible:
                partition.lead(node_id)
            self._catch_up(partition, node_id)

    def _catch_up(self, partition: Partition, node_id: int) -> None:
        for node in partition.replicas:
            if self.follows(node):
                partition.join(node)
        if node_id in partition.replicas:
            partition.replicate()

    def slow(self, node_id: int) -> None:
        """Let the replicas of a node lag from now on; they stay in sync until dropped."""
        self._slow[node_id] = None

    def drop(self, node_id: int) -> None:
        """Take the replicas of a node that lags out of those in sync."""
        for partition in self.partitions():
            if partition.leader != node_id:
                partition.shrink(node_id)

    def catch_up(self, node_id: int) -> None:
        """Let a slow node have everything again."""
        self._slow.pop(node_id, None)
        for partition in self.partitions():
            self._catch_up(partition, node_id)

    def prefer(self, node_id: int) -> None:
        """Move leaders to a node wherever it is in sync and the preferred one."""
        for partition in self.partitions():
            if (
                partition.replicas[0] == node_id != partition.leader
                and node_id in partition.isr
                and self.is_up(node_id)
            ):
                partition.lead(node_id)

    def elect_unclean(self, name: str, number: int, node_id: int) -> None:
        """Make any replica the leader: what it lacks is lost."""
        partition = self.partition(name, number)
        if partition is not None and node_id in partition.replicas:
            partition.lead(node_id)
