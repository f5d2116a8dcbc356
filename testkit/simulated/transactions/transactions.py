"""All transactions of a cluster, and the nodes that coordinate them.

After ``TransactionCoordinator`` of Kafka 4.3, for clients of the first versions: an end by
the client keeps the epoch, one by the coordinator (time-out, fence) raises it.
"""

from collections.abc import Iterable

import msgspec
from aiokafka.structs import TopicPartition

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode, RefusedError
from testkit.simulated.placement import Placement
from testkit.simulated.timers import Timers
from testkit.simulated.transactions.producer_ids import ProducerIds
from testkit.simulated.transactions.transaction import (
    LAST_EPOCH,
    State,
    Transaction,
)

_TIME_OUT = "time-out"
_MARKERS = "markers"


class TransactionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Broker properties; the defaults are Kafka 4.3's."""

    max_timeout_ms: int = 900_000
    timeout_check_ms: int = 10_000
    """Time-outs are looked for so often; an abort comes up to that much late."""
    load_ms: int = 40
    """How long a coordinator that has taken over reads its log."""
    markers_ms: int = 2
    """How long markers travel to the leaders."""
    markers_again_ms: int = 50
    """When they are sent again to a partition that had no leader."""


class Transactions:
    """The transaction coordinators of a cluster, as one.

    Methods that take a ``node_id`` raise :class:`RefusedError` when that node does not
    coordinate the transactional id, or still loads it.
    """

    def __init__(
        self, cluster: Cluster, settings: TransactionSettings | None = None
    ) -> None:
        self._cluster = cluster
        self._settings = settings or TransactionSettings()
        self._placement = Placement(cluster, self._settings.load_ms)
        self._producer_ids = ProducerIds()
        self.by_id: dict[str, Transaction] = {}
        self._lost_markers: dict[TopicPartition, None] = {}

    # Where they are coordinated

    def coordinator_node(self, transactional_id: str) -> int | None:
        """Return the node that coordinates a transactional id; None = none is up."""
        return self._placement.node(transactional_id)

    def move(self, transactional_id: str, *, to: int | None = None) -> int | None:
        """Let another node coordinate a transactional id; it loads for a moment."""
        node = self._placement.move(transactional_id, lambda: None, to=to)
        self._cluster.observer.note(
            transactional_id, f"coordinator moves to node {node}"
        )
        return node

    def node_down(self, node_id: int) -> None:
        """Let other nodes take over what a node coordinates."""
        for transactional_id in self._placement.of_node(node_id):
            self.move(transactional_id)

    def node_up(self, node_id: int) -> None:
        """Let a node load what nobody has taken over meanwhile."""
        for transactional_id in self._placement.of_node(node_id):
            self.move(transactional_id, to=node_id)

    # Producers

    def init_producer(
        self, node_id: int, transactional_id: str | None, timeout_ms: int
    ) -> tuple[int, int]:
        """Return producer id and epoch; with a transactional id the one before is fenced."""
        if transactional_id is None:
            return self._producer_ids.take(node_id), 0
        if not transactional_id:
            raise RefusedError(ErrorCode.INVALID_REQUEST)
        if not 0 < timeout_ms <= self._settings.max_timeout_ms:
            raise RefusedError(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
        self._placement.require(transactional_id, node_id)
        found = self.by_id.get(transactional_id)
        if found is None:
            producer_id = self._producer_ids.take(node_id)
            timers = Timers(lambda: self._placement.is_suspended(transactional_id))
            found = Transaction(transactional_id, producer_id, timers)
            self.by_id[transactional_id] = found
        found.check_not_ending()
        if found.state is State.ONGOING:
            self._abort(found)
            raise RefusedError(ErrorCode.CONCURRENT_TRANSACTIONS)
        if found.epoch >= LAST_EPOCH:
            found.producer_id = self._producer_ids.take(node_id)
            found.epoch = -1
        found.epoch += 1
        found.timeout_ms = timeout_ms
        found.state = State.EMPTY
        return found.producer_id, found.epoch

    def _of_producer(
        self, node_id: int, transactional_id: str | None, producer: tuple[int, int]
    ) -> Transaction:
        if not transactional_id:
            raise RefusedError(ErrorCode.INVALID_REQUEST)
        self._placement.require(transactional_id, node_id)
        found = self.by_id.get(transactional_id)
        if found is None:
            raise RefusedError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        found.check_producer(*producer)
        return found

    # One transaction

    def add(
        self,
        node_id: int,
        transactional_id: str | None,
        producer: tuple[int, int],
        partitions: Iterable[TopicPartition] = (),
        groups: Iterable[str] = (),
    ) -> None:
        """Make partitions, and groups whose offsets it commits, part of a transaction."""
        found = self._of_producer(node_id, transactional_id, producer)
        found.check_not_ending()
        if found.begin(self._cluster.now_ms()):
            self._expect_end(found)
        found.partitions.update(dict.fromkeys(partitions))
        found.groups.update(dict.fromkeys(groups))

    def verify(
        self,
        transactional_id: str | None,
        producer: tuple[int, int],
        *,
        partition: TopicPartition | None = None,
        group: str | None = None,
    ) -> None:
        """Refuse records, or offsets, that are not part of the producer's transaction."""
        found = self.by_id.get(transactional_id or "")
        if found is None:
            raise RefusedError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        found.check_producer(*producer)
        found.check_not_ending()
        if partition not in found.partitions and group not in found.groups:
            raise RefusedError(ErrorCode.INVALID_TXN_STATE)

    def end(
        self,
        node_id: int,
        transactional_id: str | None,
        producer: tuple[int, int],
        *,
        commit: bool,
    ) -> None:
        """End a transaction; the markers are written after the answer."""
        found = self._of_producer(node_id, transactional_id, producer)
        if not found.check_end(commit=commit):
            found.prepare(commit=commit)
            self._send_markers(found)

    def _expect_end(self, found: Transaction) -> None:
        """Abort a transaction that lasts too long, when it is next looked at."""
        check_ms = self._settings.timeout_check_ms
        due_ms = found.started_ms + found.timeout_ms
        wait_ms = -(-due_ms // check_ms) * check_ms - self._cluster.now_ms()
        found.timers.schedule(_TIME_OUT, wait_ms, lambda: self._timed_out(found))

    def _timed_out(self, found: Transaction) -> None:
        self._cluster.observer.note(found.transactional_id, "transaction times out")
        self._abort(found)

    def _abort(self, found: Transaction) -> None:
        """Abort in place of the client: its epoch is fenced, and the markers have a newer one."""
        found.epoch += 1
        found.prepare(commit=False)
        self._send_markers(found)

    # Markers

    def lose_marker(self, topic: str, partition: int) -> None:
        """Let the next marker for a partition be lost, which the coordinator never learns.

        The transaction hangs there: nothing after it is stable.
        """
        self._lost_markers[TopicPartition(topic, partition)] = None

    def _send_markers(self, found: Transaction) -> None:
        found.timers.cancel(_TIME_OUT)
        left = dict.fromkeys(found.partitions)
        found.timers.schedule(
            _MARKERS,
            self._settings.markers_ms,
            lambda: self._write_markers(found, left),
        )

    def _write_markers(
        self, found: Transaction, left: dict[TopicPartition, None]
    ) -> None:
        """Write markers where there is a leader, until none is left to write."""
        for tp in list(left):
            if self._mark(found, tp):
                del left[tp]
        if left:
            found.timers.schedule(
                _MARKERS,
                self._settings.markers_again_ms,
                lambda: self._write_markers(found, left),
            )
            return
        commit = found.state is State.PREPARE_COMMIT
        for group_id in found.groups:
            self._cluster.groups.offsets.end_transaction(
                group_id, found.producer_id, commit=commit
            )
        found.complete()

    def _mark(self, found: Transaction, tp: TopicPartition) -> bool:
        """Tell whether a partition needs no marker any more."""
        partition = self._cluster.topics.partition(*tp)
        if partition is None:
            return True
        if partition.leader is None:
            return False
        if tp in self._lost_markers:
            del self._lost_markers[tp]
            self._cluster.observer.note(
                found.transactional_id, f"marker for {tp.topic}-{tp.partition} is lost"
            )
            return True
        commit = found.state is State.PREPARE_COMMIT
        partition.write_marker(found.producer_id, found.epoch, commit=commit)
        return True
