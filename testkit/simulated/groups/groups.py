"""All groups of a cluster, and the nodes that coordinate them."""

import uuid
from collections.abc import Iterable

from aiokafka.structs import TopicPartition

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode, RefusedError
from testkit.simulated.groups.group import Group, State
from testkit.simulated.groups.member import JoinAnswer, JoinRequest, SyncAnswer
from testkit.simulated.groups.membership import Membership
from testkit.simulated.groups.offsets import AllOffsets
from testkit.simulated.groups.rebalancing import Rebalancing
from testkit.simulated.groups.settings import GroupSettings
from testkit.simulated.groups.written import Written, read, write
from testkit.simulated.placement import Placement
from testkit.simulated.timers import Timers

_CLEANUP = "cleanup"


class Groups:
    """The group coordinators of a cluster, as one; its topics come before.

    Methods that take a ``node_id`` raise :class:`RefusedError` when that node does not
    coordinate the group, or still loads it.
    """

    def __init__(self, cluster: Cluster, settings: GroupSettings) -> None:
        self._cluster = cluster
        self.settings = settings
        self._placement = Placement(cluster, settings.load_ms)
        self._rebalancing = Rebalancing(
            settings, cluster.now_ms, self._begun, self._write
        )
        self._membership = Membership(settings, self._rebalancing, self._new_id)
        self._timers = Timers(lambda: False)
        self.by_id: dict[str, Group] = {}
        self._written: dict[str, Written] = {}
        self.offsets = AllOffsets(cluster)
        cluster.topics.when_deleted.append(self.offsets.forget_topic)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._cluster.random.getrandbits(128), version=4))

    def _write(self, group: Group) -> None:
        self._written[group.group_id] = write(group)

    def written(self, group_id: str) -> Written | None:
        """Return a group as it is in the coordinator's log: who was assigned what."""
        return self._written.get(group_id)

    def _begun(self, group: Group) -> None:
        leader = [group.leader] if group.leader else []
        ids = dict.fromkeys([*leader, *group.members])
        members = {member_id: group.members[member_id].client_id for member_id in ids}
        self._cluster.observer.generation(group.group_id, group.generation, members)

    # Where groups are coordinated

    def coordinator_node(self, group_id: str) -> int | None:
        """Return the node that coordinates a group; None = none is up."""
        return self._placement.node(group_id)

    def require(self, node_id: int, group_id: str) -> None:
        """Refuse a request on a group that is another node's, or is not loaded yet."""
        self._placement.require(group_id, node_id)

    def is_loading(self, group_id: str) -> bool:
        """Tell whether the coordinator of a group still reads its log."""
        return self._placement.is_loading(group_id)

    def move(self, group_id: str, *, to: int | None = None) -> int | None:
        """Let another node coordinate a group, with what is in the coordinator's log.

        Requests that wait are refused; so are all until the log is read. Sessions then
        begin anew, in the generation that the log has: a rebalance under way is forgotten.
        Returns the new coordinator; None = none is up.
        """
        group = self.by_id.get(group_id)
        if group is not None:
            self._unload(group)

        def loaded() -> None:
            if group is not None and group_id in self.by_id:
                self._load(group_id)

        node = self._placement.move(group_id, loaded, to=to)
        self._cluster.observer.note(group_id, f"coordinator moves to node {node}")
        return node

    @staticmethod
    def _unload(group: Group) -> None:
        group.timers.cancel_all()
        group.state = State.DEAD
        gone = ErrorCode.NOT_COORDINATOR
        for member in group.members.values():
            member.answer_join(JoinAnswer(error=gone))
            member.answer_sync(SyncAnswer(error=gone))

    def _load(self, group_id: str) -> None:
        group = self._new(group_id)
        read(group, self._written.get(group_id))
        for member in group.members.values():
            self._rebalancing.expect_heartbeat(group, member)

    def node_down(self, node_id: int) -> None:
        """Let other nodes take over what a node coordinates."""
        for group_id in self._placement.of_node(node_id):
            self.move(group_id)

    def node_up(self, node_id: int) -> None:
        """Let a node load what nobody has taken over meanwhile."""
        for group_id in self._placement.of_node(node_id):
            self.move(group_id, to=node_id)

    # Members

    async def join(
        self, node_id: int, group_id: str, request: JoinRequest
    ) -> JoinAnswer:
        """Answer JoinGroup."""
        settings = self.settings
        least, most = settings.min_session_timeout_ms, settings.max_session_timeout_ms
        if not group_id:
            invalid = ErrorCode.INVALID_GROUP_ID
            return JoinAnswer(error=invalid, member_id=request.member_id)
        if not least <= request.session_timeout_ms <= most:
            invalid = ErrorCode.INVALID_SESSION_TIMEOUT
            return JoinAnswer(error=invalid, member_id=request.member_id)
        self.require(node_id, group_id)
        group = self.by_id.get(group_id)
        if group is None:
            if request.member_id:
                unknown = ErrorCode.UNKNOWN_MEMBER_ID
                return JoinAnswer(error=unknown, member_id=request.member_id)
            group = self._create(group_id)
            self._write(group)
        return await self._membership.join(group, request)

    async def sync(
        self,
        node_id: int,
        group_id: str,
        member: tuple[str, str | None],
        generation: int,
        assignments: dict[str, bytes],
    ) -> SyncAnswer:
        """Answer SyncGroup of a member: its id and instance id."""
        group = self._of_member(node_id, group_id)
        return await self._membership.sync(group, *member, generation, assignments)

    def heartbeat(
        self, node_id: int, group_id: str, member_id: str, generation: int
    ) -> None:
        """Answer Heartbeat; while the group is loaded, with what keeps the member waiting."""
        try:
            group = self._of_member(node_id, group_id)
        except RefusedError as refused:
            if refused.code is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
                return
            raise
        self._membership.heartbeat(group, member_id, generation)

    def leave(self, node_id: int, group_id: str, member_id: str) -> None:
        """Answer LeaveGroup."""
        self._membership.leave(self._of_member(node_id, group_id), member_id)

    def _of_member(self, node_id: int, group_id: str) -> Group:
        if not group_id:
            raise RefusedError(ErrorCode.INVALID_GROUP_ID)
        self.require(node_id, group_id)
        group = self.by_id.get(group_id)
        if group is None:
            raise RefusedError(ErrorCode.UNKNOWN_MEMBER_ID)
        return group

    def _create(self, group_id: str) -> Group:
        group = self._new(group_id)
        self._clean_later()
        return group

    def _new(self, group_id: str) -> Group:
        timers = Timers(lambda: self._placement.is_suspended(group_id))
        group = Group(group_id, self._cluster.now_ms(), timers)
        self.by_id[group_id] = group
        return group

    # Offsets

    def committed(self, group_id: str) -> dict[TopicPartition, tuple[int, str]]:
        """Return what a group has committed: offset and metadata."""
        found = self.offsets.of(group_id).by_partition
        return {tp: (one.offset, one.metadata) for tp, one in found.items()}

    def check_commit(
        self, node_id: int, group_id: str, member_id: str, generation: int
    ) -> None:
        """Refuse the offsets of who may not commit; a group that only commits begins."""
        self.require(node_id, group_id)
        group = self.by_id.get(group_id)
        if group is not None:
            self._membership.check_commit(group, member_id, generation)
        elif generation < 0:
            self._create(group_id)
        else:
            raise RefusedError(ErrorCode.ILLEGAL_GENERATION)

    def check_pending(self, node_id: int, group_id: str) -> None:
        """Refuse offsets of a transaction; their member and generation are not known."""
        if not group_id:
            raise RefusedError(ErrorCode.INVALID_GROUP_ID)
        self.require(node_id, group_id)
        if group_id not in self.by_id:
            self._create(group_id)

    # Groups that end

    def delete(self, node_id: int, group_id: str) -> None:
        """Delete a group without members, and its offsets."""
        self.require(node_id, group_id)
        group = self.by_id.get(group_id)
        if group is None:
            raise RefusedError(ErrorCode.GROUP_ID_NOT_FOUND)
        if group.state is not State.EMPTY:
            raise RefusedError(ErrorCode.NON_EMPTY_GROUP)
        self._remove(group)

    def _remove(self, group: Group) -> None:
        group.timers.cancel_all()
        group.state = State.DEAD
        del self.by_id[group.group_id]
        self._written.pop(group.group_id, None)
        self.offsets.forget_group(group.group_id)

    def _clean_later(self) -> None:
        if len(self.by_id) == 1:
            interval_ms = self.settings.offsets_check_interval_ms
            self._timers.schedule(_CLEANUP, interval_ms, self._clean)

    def _clean(self) -> None:
        """Expire offsets; delete groups that are left with nothing."""
        for group in list(self.by_id.values()):
            if self.is_loading(group.group_id):
                continue
            self.offsets.expire(group, self.settings.offsets_retention_ms)
            nothing_left = self.offsets.of(group.group_id).is_empty()
            if group.state is State.EMPTY and nothing_left:
                self._remove(group)
        if self.by_id:
            interval_ms = self.settings.offsets_check_interval_ms
            self._timers.schedule(_CLEANUP, interval_ms, self._clean)

    def on_node(self, node_id: int) -> Iterable[Group]:
        """Return the groups that a node coordinates, by name."""
        mine = (
            g
            for g in self.by_id.values()
            if self.coordinator_node(g.group_id) == node_id
        )
        return sorted(mine, key=lambda group: group.group_id)
