"""A partition: its leader, its replicas, and the clients that wait for it.

One list of batches is the truth; of each replica only the end is known. What a replica
lacks is lost when it becomes the leader.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.logs.batches import Batch, commits
from testkit.simulated.logs.cleaning import compact, retain
from testkit.simulated.logs.partition_log import PartitionLog
from testkit.simulated.logs.results import AppendResult
from testkit.simulated.logs.settings import LogSettings

if TYPE_CHECKING:
    from testkit.simulated.logs.topics import Topics

ALL: Final = -1
"""``acks``: every replica in sync must have it."""


class Partition:
    """One partition of a topic."""

    def __init__(
        self,
        topics: "Topics",
        topic: str,
        number: int,
        replicas: list[int],
        settings: LogSettings,
    ) -> None:
        self._topics = topics
        self.topic = topic
        self.number = number
        self.replicas = replicas
        self.leader: int | None = None
        self.leader_epoch = 0
        self.isr = [node for node in replicas if topics.is_up(node)] or replicas[:1]
        self.eligible: list[int] = []
        """Out of sync, but they have all that is readable: they may lead again (KIP-966)."""
        self.ends = dict.fromkeys(replicas, 0)
        """Where each replica ends."""
        self.log = PartitionLog(settings, self._grown)
        self.led_from = 0
        """Where the log ended when the leader began."""
        self.deleted = False
        self._waiting: dict[Callable[[], None], None] = {}
        first = self.isr[0]
        if topics.is_up(first):
            self.leader = first

    # -- clients that wait ------------------------------------------------------

    def watch(self, wake: Callable[[], None]) -> None:
        """Call at each change of what can be read, or of the leader."""
        self._waiting[wake] = None

    def unwatch(self, wake: Callable[[], None]) -> None:
        """Call no more."""
        self._waiting.pop(wake, None)

    @property
    def watchers(self) -> int:
        """Clients that wait."""
        return len(self._waiting)

    def _wake(self) -> None:
        for wake in list(self._waiting):
            wake()

    # -- writing ----------------------------------------------------------------

    @property
    def in_sync_min(self) -> int:
        """Replicas in sync that an acknowledgement by all needs."""
        return min(self.log.settings.in_sync_min, len(self.replicas))

    def append(self, data: bytes, acks: int = ALL) -> AppendResult:
        """Append a client's batch on the leader."""
        if acks == ALL and len(self.isr) < self.in_sync_min:
            return AppendResult(
                ErrorCode.NOT_ENOUGH_REPLICAS, log_start_offset=self.log.start_offset
            )
        return self.log.append(data, self._topics.now_ms(), self.leader_epoch)

    def write_marker(
        self, producer_id: int, epoch: int, *, commit: bool
    ) -> AppendResult:
        """End the transaction of a producer."""
        return self.log.write_marker(
            producer_id,
            epoch,
            self._topics.now_ms(),
            commit=commit,
            leader_epoch=self.leader_epoch,
        )

    def _grown(self, batch: Batch) -> None:
        watcher = self._topics.observer
        if batch.control:
            commit = commits(batch)
            watcher.marked(self.topic, self.number, batch.base_offset, commit=commit)
        else:
            watcher.appended(
                self.topic, self.number, batch.base_offset, batch.next_offset
            )
        self.replicate()

    # -- replicas ---------------------------------------------------------------

    def replicate(self) -> None:
        """Let the replicas that can follow have everything, and tell who waits."""
        if self.leader is None:
            return
        end = self.log.end_offset
        for node in self.replicas:
            if node == self.leader or self._topics.follows(node):
                self.ends[node] = end
        self._advance()

    def _advance(self) -> None:
        if self.leader is None or len(self.isr) < self.in_sync_min:
            return  # so that those that were in sync last have all that is readable
        reached = min(self.ends[node] for node in self.isr)
        if self.log.advance(max(self.log.high_watermark, reached)):
            self._wake()

    def shrink(self, node: int) -> None:
        """Take a replica out of those in sync."""
        if node in self.isr:
            self.isr.remove(node)
            self._topics.changed()
            if len(self.isr) < self.in_sync_min:
                self.eligible.append(node)
            self._advance()
            self._wake()

    def join(self, node: int) -> None:
        """Take a replica that has caught up back into those in sync."""
        if self.leader is None or node not in self.replicas or node in self.isr:
            return
        self.ends[node] = self.log.end_offset
        self._in_sync([*self.isr, node])
        self._wake()

    def _in_sync(self, nodes: list[int]) -> None:
        self.isr = nodes
        self._topics.changed()
        enough = len(nodes) >= self.in_sync_min
        self.eligible = [
            node for node in self.eligible if not enough and node not in nodes
        ]

    def leader_lost(self) -> None:
        """Make another replica in sync the leader; without one there is none."""
        heirs = [
            node
            for node in self.replicas
            if node in self.isr and node != self.leader and self._topics.is_up(node)
        ]
        self.lead(heirs[0] if heirs else None)

    def lead(self, node: int | None) -> None:
        """Make a replica the leader; the log ends where it ends.

        Whoever leads without being in sync is alone in sync then.
        """
        self.leader = node
        self.leader_epoch += 1
        self._topics.changed()
        self._topics.observer.led(self.topic, self.number, node, self.leader_epoch)
        if node is not None:
            if node not in self.isr + self.eligible:
                self.eligible = []
            if node not in self.isr:
                self._in_sync([node])
            self._end_at(self.ends[node])
            self.log.producers.asked_about.clear()  # only the leader before knew
            self.led_from = self.log.end_offset
            self.replicate()
        self._wake()

    def _end_at(self, end: int) -> None:
        if end < self.log.end_offset:
            end = self.log.truncate(end)
            self._topics.observer.truncated(self.topic, self.number, end)
        for node in self.replicas:
            self.ends[node] = min(self.ends[node], end)

    # -- the rest ---------------------------------------------------------------

    def delete_records(self, offset: int) -> ErrorCode:
        """Raise the log start; -1 = to the high watermark."""
        if not self.log.settings.deletes:
            return ErrorCode.POLICY_VIOLATION
        if offset == -1:
            offset = self.log.high_watermark
        if offset < 0 or offset > self.log.high_watermark:
            return ErrorCode.OFFSET_OUT_OF_RANGE
        self.log.start_at(offset)
        self._wake()
        return ErrorCode.NONE

    def clean(self) -> None:
        """Let the broker remove what is old, and what is superseded."""
        now_ms = self._topics.now_ms()
        start = self.log.start_offset
        retain(self.log, now_ms)
        if compact(self.log, now_ms) or self.log.start_offset != start:
            self._wake()

    def truncate(self, offset: int) -> None:
        """Lose what follows an offset on every replica, as no broker should."""
        self._end_at(offset)
        self._wake()

    def delete(self) -> None:
        """Be gone, with the topic."""
        self.deleted = True
        self._wake()
