"""What a group's coordinator answers to its members.

After ``GroupMetadataManager`` of Kafka 4.3: which error comes when, and in which order
things are checked. The group is there; ``Groups`` has looked it up.
"""

import asyncio
from collections.abc import Callable

from testkit.simulated.error_codes import ErrorCode, RefusedError
from testkit.simulated.groups.group import Group, State
from testkit.simulated.groups.member import JoinAnswer, JoinRequest, Member, SyncAnswer
from testkit.simulated.groups.rebalancing import Rebalancing, current_generation
from testkit.simulated.groups.settings import GroupSettings

_Waiting = asyncio.Future[JoinAnswer]


class Membership:
    """JoinGroup, SyncGroup, Heartbeat and LeaveGroup."""

    def __init__(
        self,
        settings: GroupSettings,
        rebalancing: Rebalancing,
        new_id: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._rebalancing = rebalancing
        self._new_id = new_id

    async def join(self, group: Group, request: JoinRequest) -> JoinAnswer:
        """Answer JoinGroup, when the generation that the member joins begins."""
        waiting: _Waiting = asyncio.get_running_loop().create_future()
        try:
            self._join(group, request, waiting)
        except RefusedError as refused:
            return JoinAnswer(error=refused.code, member_id=request.member_id)
        return await waiting

    def _join(self, group: Group, request: JoinRequest, waiting: _Waiting) -> None:
        if not self._has_room(group, request.member_id):
            group.remove(request.member_id)
            full = ErrorCode.GROUP_MAX_SIZE_REACHED
            waiting.set_result(JoinAnswer(error=full))
        elif not group.supports(request.protocol_type, request.protocols):
            raise RefusedError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
        elif not request.member_id:
            self._join_new(group, request, waiting)
        elif request.member_id in group.pending_joins:
            self._rebalancing.add_member(group, request.member_id, request, waiting)
        else:
            member = group.require_member(request.member_id, request.instance_id)
            self._rejoin(group, member, request, waiting)

    def _has_room(self, group: Group, member_id: str) -> bool:
        most = self._settings.max_size
        if group.state is State.EMPTY:
            return True
        member = group.members.get(member_id)
        if group.state is State.PREPARING_REBALANCE:
            joined = member is not None and member.joining is not None
            return joined or group.joined_count() < most
        return member is not None or len(group.members) < most

    def _join_new(self, group: Group, request: JoinRequest, waiting: _Waiting) -> None:
        instance_id = request.instance_id
        member_id = f"{instance_id or request.client_id}-{self._new_id()}"
        if instance_id is not None and instance_id in group.static:
            self._replace(group, member_id, request, waiting)
        elif instance_id is None and request.needs_id_first:
            timeout_ms = request.session_timeout_ms
            self._rebalancing.expect_pending(group, member_id, timeout_ms)
            required = ErrorCode.MEMBER_ID_REQUIRED
            waiting.set_result(JoinAnswer(error=required, member_id=member_id))
        else:
            self._rebalancing.add_member(group, member_id, request, waiting)

    def _replace(
        self, group: Group, member_id: str, request: JoinRequest, waiting: _Waiting
    ) -> None:
        """Let a static member go on under a new id; in a stable group nobody else notices.

        The answer names the leader of before, so that a leader that was replaced does not
        make an assignment: it asks for the one that it has.
        """
        assert request.instance_id is not None
        leader = group.leader or ""
        old_id = group.static[request.instance_id]
        group.timers.cancel(old_id)
        member = group.replace_static(old_id, member_id)
        self._rebalancing.expect_heartbeat(group, member)
        member.update(request)
        member.joining = waiting
        if group.state is State.COMPLETING_REBALANCE:
            self._rebalancing.prepare(group)
        elif group.state is State.PREPARING_REBALANCE:
            self._rebalancing.maybe_complete_join(group)
        elif group.select_protocol() == group.protocol:
            self._rebalancing.write(group)
            member.answer_join(
                JoinAnswer(
                    generation=group.generation,
                    protocol=group.protocol,
                    leader=leader,
                    member_id=member_id,
                )
            )
        else:
            self._rebalancing.rebalance_or_complete(group)

    def _rejoin(
        self, group: Group, member: Member, request: JoinRequest, waiting: _Waiting
    ) -> None:
        same = member.protocols == request.protocols
        completing = group.state is State.COMPLETING_REBALANCE
        stable = group.state is State.STABLE
        leads = group.leader == member.member_id
        if (completing and same) or (stable and same and not leads):
            waiting.set_result(current_generation(group, member))
        else:
            self._rebalancing.rejoin(group, member, request, waiting)

    async def sync(
        self,
        group: Group,
        member_id: str,
        instance_id: str | None,
        generation: int,
        assignments: dict[str, bytes],
    ) -> SyncAnswer:
        """Answer SyncGroup, when the leader has sent the assignment."""
        member = self._checked(group, member_id, instance_id, generation)
        if group.state is State.PREPARING_REBALANCE:
            raise RefusedError(ErrorCode.REBALANCE_IN_PROGRESS)
        self._rebalancing.synced(group, member)
        if group.state is State.STABLE:
            return SyncAnswer(assignment=member.assignment)
        member.syncing = asyncio.get_running_loop().create_future()
        waiting = member.syncing
        if group.leader == member_id:
            self._rebalancing.assign(group, assignments)
        return await waiting

    def heartbeat(self, group: Group, member_id: str, generation: int) -> None:
        """Answer Heartbeat; refused while members have to join again."""
        member = self._checked(group, member_id, None, generation)
        self._rebalancing.expect_heartbeat(group, member)
        if group.state is State.PREPARING_REBALANCE:
            raise RefusedError(ErrorCode.REBALANCE_IN_PROGRESS)

    @staticmethod
    def _checked(
        group: Group, member_id: str, instance_id: str | None, generation: int
    ) -> Member:
        member = group.require_member(member_id, instance_id)
        if generation != group.generation:
            raise RefusedError(ErrorCode.ILLEGAL_GENERATION)
        return member

    def leave(self, group: Group, member_id: str) -> None:
        """Answer LeaveGroup of a member that names no instance id; a static one goes, too."""
        if member_id in group.pending_joins:
            self._rebalancing.drop_pending(group, member_id)
        else:
            self._rebalancing.drop(group, group.require_member(member_id))
        if group.state in (State.STABLE, State.COMPLETING_REBALANCE):
            self._rebalancing.rebalance_or_complete(group)
        else:
            self._rebalancing.maybe_complete_join(group)

    def check_commit(self, group: Group, member_id: str, generation: int) -> None:
        """Refuse offsets of who is not a member of the current generation.

        A commit also counts as a heartbeat.
        """
        if generation < 0 and group.state is State.EMPTY:
            return
        if generation < 0 and not member_id:
            raise RefusedError(ErrorCode.UNKNOWN_MEMBER_ID)
        member = group.require_member(member_id)
        if generation != group.generation:
            raise RefusedError(ErrorCode.ILLEGAL_GENERATION)
        if group.state is State.COMPLETING_REBALANCE:
            raise RefusedError(ErrorCode.REBALANCE_IN_PROGRESS)
        self._rebalancing.expect_heartbeat(group, member)
