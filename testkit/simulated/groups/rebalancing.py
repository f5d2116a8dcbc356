"""How a group comes to its next generation.

After ``GroupMetadataManager`` of Kafka 4.3, the part on classic groups. Methods run to
their end without waiting; a request that has to wait leaves a future with its member,
which a later transition or timer resolves.
"""

import asyncio
from collections.abc import Callable

from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.groups.group import Group, State
from testkit.simulated.groups.member import JoinAnswer, JoinRequest, Member, SyncAnswer
from testkit.simulated.groups.settings import NEW_MEMBER_JOIN_TIMEOUT_MS, GroupSettings

_JOIN = "join"
_SYNC = "sync"


class Rebalancing:
    """Transitions of groups, and the timers that bring them about."""

    def __init__(
        self,
        settings: GroupSettings,
        now_ms: Callable[[], int],
        begun: Callable[[Group], None],
        write: Callable[[Group], None],
    ) -> None:
        self._settings = settings
        self._now_ms = now_ms
        self._begun = begun
        """Is told of a group whose generation has begun."""
        self.write = write
        """Writes a group to the coordinator's log."""

    # Members come and go

    def add_member(
        self,
        group: Group,
        member_id: str,
        request: JoinRequest,
        waiting: "asyncio.Future[JoinAnswer]",
    ) -> None:
        """Take a new member in, which begins a rebalance or joins the one that runs."""
        member = Member(member_id, request)
        member.is_new = True
        if (
            group.state is State.PREPARING_REBALANCE
            and group.previous_state is State.EMPTY
        ):
            group.new_member_added = True
        group.add(member, waiting)
        # It has no id to send heartbeats with, so only a long wait tells that it is gone.
        self.expect_heartbeat(group, member, NEW_MEMBER_JOIN_TIMEOUT_MS)
        self.rebalance_or_complete(group)

    def rejoin(
        self,
        group: Group,
        member: Member,
        request: JoinRequest,
        waiting: "asyncio.Future[JoinAnswer]",
    ) -> None:
        """Let a member wait for the next generation."""
        member.update(request)
        member.joining = waiting
        self.rebalance_or_complete(group)

    def drop(self, group: Group, member: Member) -> None:
        """Take a member out, without the rebalance that follows."""
        group.timers.cancel(member.member_id)
        member.answer_join(JoinAnswer(error=ErrorCode.UNKNOWN_MEMBER_ID))
        group.remove(member.member_id)

    def drop_pending(self, group: Group, member_id: str) -> None:
        """Forget an id that was handed out."""
        group.timers.cancel(member_id)
        group.remove(member_id)

    def expect_pending(self, group: Group, member_id: str, timeout_ms: int) -> None:
        """Hand out an id that must be used within a time."""
        group.pending_joins[member_id] = None
        self._expect(group, member_id, timeout_ms)

    def expect_heartbeat(
        self, group: Group, member: Member, timeout_ms: int | None = None
    ) -> None:
        """Start a member's session anew."""
        wait_ms = member.session_timeout_ms if timeout_ms is None else timeout_ms
        self._expect(group, member.member_id, wait_ms)

    def _expect(self, group: Group, member_id: str, timeout_ms: int) -> None:
        group.timers.schedule(
            member_id, timeout_ms, lambda: self._session_ended(group, member_id)
        )

    def _session_ended(self, group: Group, member_id: str) -> None:
        member = group.members.get(member_id)
        if member is None:
            self.drop_pending(group, member_id)
        elif member.is_waiting():
            return  # a new session begins with the answer
        else:
            self.drop(group, member)
            if group.state in (State.STABLE, State.COMPLETING_REBALANCE):
                self.rebalance_or_complete(group)
                return
        if group.state is State.PREPARING_REBALANCE and group.all_joined():
            self._complete_join(group)

    # Join phase

    def rebalance_or_complete(self, group: Group) -> None:
        """Begin a rebalance; end the join phase of the one that runs if all have joined."""
        if group.can_rebalance():
            self.prepare(group)
        else:
            self.maybe_complete_join(group)

    def maybe_complete_join(self, group: Group) -> None:
        """End the join phase if all have joined; the first one of a group takes its time."""
        if (
            group.state is State.PREPARING_REBALANCE
            and group.previous_state is not State.EMPTY
            and group.all_joined()
        ):
            self._complete_join(group)

    def prepare(self, group: Group) -> None:
        """Begin a rebalance: members have to join again."""
        if group.state is State.COMPLETING_REBALANCE:
            for member in group.members.values():
                member.assignment = b""
            self._answer_syncs(group, ErrorCode.REBALANCE_IN_PROGRESS)
        group.pending_syncs.clear()
        group.timers.cancel(_SYNC)
        first = group.state is State.EMPTY
        group.move_to(State.PREPARING_REBALANCE, self._now_ms())
        if first:
            delay_ms = self._settings.initial_rebalance_delay_ms
            remaining_ms = max(group.rebalance_timeout_ms() - delay_ms, 0)
            self._delay_first(group, delay_ms, remaining_ms)
        elif group.all_joined():
            self._complete_join(group)
        else:
            self._complete_join_later(group)

    def _delay_first(self, group: Group, delay_ms: int, remaining_ms: int) -> None:
        """Give more members time to join the first generation."""

        def ended() -> None:
            if group.new_member_added and remaining_ms:
                group.new_member_added = False
                delay = self._settings.initial_rebalance_delay_ms
                left_ms = max(remaining_ms - delay_ms, 0)
                self._delay_first(group, min(delay, remaining_ms), left_ms)
            else:
                self._complete_join(group)

        group.timers.schedule(_JOIN, delay_ms, ended)

    def _complete_join_later(self, group: Group) -> None:
        group.timers.schedule(
            _JOIN, group.rebalance_timeout_ms(), lambda: self._complete_join(group)
        )

    def _complete_join(self, group: Group) -> None:
        """Go on with who has joined; static members stay though they have not."""
        group.timers.cancel(_JOIN)
        for member in list(group.members.values()):
            if member.joining is None and member.instance_id is None:
                self.drop(group, member)
        if group.members and not group.elect_joined_leader():
            self._complete_join_later(group)
            return
        group.begin_generation(self._now_ms())
        if not group.members:
            self.write(group)
            self._begun(group)
            return
        self._begun(group)
        for member in group.members.values():
            member.answer_join(current_generation(group, member))
            self.expect_heartbeat(group, member)
            member.is_new = False
            group.pending_syncs[member.member_id] = None
        generation = group.generation
        group.timers.schedule(
            _SYNC,
            group.rebalance_timeout_ms(),
            lambda: self._sync_ended(group, generation),
        )

    # Sync phase

    def synced(self, group: Group, member: Member) -> None:
        """Note that a member has sent SyncGroup."""
        group.pending_syncs.pop(member.member_id, None)
        if not group.pending_syncs:
            group.timers.cancel(_SYNC)

    def assign(self, group: Group, assignments: dict[str, bytes]) -> None:
        """Take the leader's assignment, and answer all who wait for it."""
        for member in group.members.values():
            member.assignment = assignments.get(member.member_id, b"")
        group.move_to(State.STABLE, self._now_ms())
        self.write(group)
        self._answer_syncs(group, ErrorCode.NONE)

    def _answer_syncs(self, group: Group, error: ErrorCode) -> None:
        for member in group.members.values():
            answer = SyncAnswer(error=error, assignment=member.assignment)
            if member.answer_sync(answer):
                self.expect_heartbeat(group, member)

    def _sync_ended(self, group: Group, generation: int) -> None:
        """Remove the members that have not sent SyncGroup in time."""
        if generation != group.generation or not group.pending_syncs:
            return
        for member_id in list(group.pending_syncs):
            group.timers.cancel(member_id)
            group.remove(member_id)
        self.prepare(group)


def current_generation(group: Group, member: Member) -> JoinAnswer:
    """Tell a member of the group's generation; the leader also of the members."""
    leads = group.leader == member.member_id
    return JoinAnswer(
        generation=group.generation,
        protocol=group.protocol or "",
        leader=group.leader or "",
        member_id=member.member_id,
        members=group.views() if leads else (),
    )
