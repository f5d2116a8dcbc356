"""A classic consumer group, as its coordinator keeps it."""

import asyncio
from collections import Counter
from enum import StrEnum
from typing import Final

from aiokafka.protocol.group import ProtocolMetadata

from testkit.simulated.error_codes import ErrorCode, RefusedError
from testkit.simulated.groups.member import (
    JoinAnswer,
    Member,
    MemberView,
    Protocols,
    SyncAnswer,
)
from testkit.simulated.timers import Timers

CONSUMER: Final = "consumer"
"""Protocol type whose metadata name topics."""


class State(StrEnum):
    """Where a group is; the texts are those of DescribeGroups."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


class Group:
    """Members, generation and state; who may change them is told in ``rebalancing.py``."""

    def __init__(self, group_id: str, now_ms: int, timers: Timers) -> None:
        self.group_id = group_id
        self.state = State.EMPTY
        self.previous_state = State.DEAD
        self.since_ms = now_ms
        """When the group came into its state, UTC ms."""
        self.generation = 0
        self.protocol_type: str | None = None
        self.protocol: str | None = None
        self.leader: str | None = None
        self.subscribed: frozenset[str] | None = None
        """Topics of all members; None = not known."""
        self.members: dict[str, Member] = {}
        self.static: dict[str, str] = {}
        """Instance id -> member id."""
        self.pending_joins: dict[str, None] = {}
        """Ids that were handed out and have not been used yet."""
        self.pending_syncs: dict[str, None] = {}
        self.new_member_added = False
        self.timers = timers

    def move_to(self, state: State, now_ms: int) -> None:
        """Enter a state."""
        self.previous_state, self.state = self.state, state
        self.since_ms = now_ms

    def can_rebalance(self) -> bool:
        """Tell whether the group may begin a rebalance from its state."""
        return self.state in (State.STABLE, State.COMPLETING_REBALANCE, State.EMPTY)

    # Members

    def add(self, member: Member, waiting: "asyncio.Future[JoinAnswer] | None") -> None:
        """Take a member in; the first one leads."""
        if not self.members:
            self.protocol_type = member.protocol_type
        if member.instance_id is not None:
            self.static[member.instance_id] = member.member_id
        if self.leader is None:
            self.leader = member.member_id
        self.members[member.member_id] = member
        member.joining = waiting
        self.pending_joins.pop(member.member_id, None)

    def remove(self, member_id: str) -> None:
        """Let a member go, or an id that waits to be used."""
        member = self.members.pop(member_id, None)
        if member is not None and member.instance_id is not None:
            self.static.pop(member.instance_id, None)
        if self.leader == member_id:
            self.leader = next(iter(self.members), None)
        self.pending_joins.pop(member_id, None)
        self.pending_syncs.pop(member_id, None)

    def replace_static(self, old_id: str, new_id: str) -> Member:
        """Give a static member a new id; requests under the old one are fenced."""
        old = self.members.pop(old_id)
        fenced = ErrorCode.FENCED_INSTANCE_ID
        old.answer_join(JoinAnswer(member_id=old_id, error=fenced))
        old.answer_sync(SyncAnswer(error=fenced))
        new = Member(new_id, old.said())
        new.assignment = old.assignment
        self.members[new_id] = new
        if self.leader == old_id:
            self.leader = new_id
        assert old.instance_id is not None
        self.static[old.instance_id] = new_id
        return new

    def require_member(self, member_id: str, instance_id: str | None = None) -> Member:
        """Return a member.

        Raises
        ------
        RefusedError
            It is not known, or another one has its instance id.
        """
        if instance_id is not None:
            known = self.static.get(instance_id)
            if known is not None and known != member_id:
                raise RefusedError(ErrorCode.FENCED_INSTANCE_ID)
            if known is None:
                raise RefusedError(ErrorCode.UNKNOWN_MEMBER_ID)
        member = self.members.get(member_id)
        if member is None:
            raise RefusedError(ErrorCode.UNKNOWN_MEMBER_ID)
        return member

    def joined_count(self) -> int:
        """Return how many members wait for the answer to their JoinGroup."""
        return sum(member.joining is not None for member in self.members.values())

    def all_joined(self) -> bool:
        """Tell whether every member has joined, and nobody else is about to."""
        return not self.pending_joins and self.joined_count() == len(self.members)

    def elect_joined_leader(self) -> bool:
        """See to a leader that has joined; tell whether there is one."""
        if self.leader is None:
            return False
        if self.members[self.leader].joining is None:
            joined = (m.member_id for m in self.members.values() if m.joining)
            leader = next(joined, None)
            if leader is None:
                return False
            self.leader = leader
        return True

    def rebalance_timeout_ms(self) -> int:
        """Return the longest time that a member asks for."""
        return max((m.rebalance_timeout_ms for m in self.members.values()), default=0)

    def views(self) -> tuple[MemberView, ...]:
        """Return the members as the leader is told of them."""
        protocol = self.protocol or ""
        return tuple(
            MemberView(m.member_id, m.instance_id, m.metadata(protocol))
            for m in self.members.values()
        )

    # Protocols

    def supports(self, protocol_type: str, protocols: Protocols) -> bool:
        """Tell whether a member can join with what it offers."""
        if self.state is State.EMPTY:
            return bool(protocol_type) and bool(protocols)
        if self.protocol_type != protocol_type:
            return False
        counts = self._offered()
        return any(counts[name] == len(self.members) for name, _ in protocols)

    def select_protocol(self) -> str:
        """Return the assignor with most votes among those that all members offer."""
        counts = self._offered()
        candidates = {
            name for name, count in counts.items() if count == len(self.members)
        }
        votes = Counter(member.vote(candidates) for member in self.members.values())
        return min(votes, key=lambda name: (-votes[name], _java_bucket(name)))

    def _offered(self) -> Counter[str]:
        offers = (name for m in self.members.values() for name, _ in m.protocols)
        return Counter(offers)

    def begin_generation(self, now_ms: int) -> None:
        """Count up the generation; with members it awaits their assignment."""
        self.generation += 1
        self.pending_syncs.clear()
        if self.members:
            self.protocol = self.select_protocol()
            self.move_to(State.COMPLETING_REBALANCE, now_ms)
        else:
            self.protocol = None
            self.move_to(State.EMPTY, now_ms)
        self.learn_topics()

    def learn_topics(self) -> None:
        """Read from the members' metadata which topics they want."""
        self.subscribed = None
        if self.protocol_type != CONSUMER:
            return
        topics: set[str] = set()
        for member in self.members.values():
            try:
                said = ProtocolMetadata.decode(member.metadata(self.protocol or ""))
            except (ValueError, KeyError):
                return
            topics.update(said.subscription)
        self.subscribed = frozenset(topics)

    def is_subscribed_to(self, topic: str) -> bool:
        """Tell whether members read a topic, or may do so for all that is known."""
        if self.subscribed is None:
            return self.protocol_type == CONSUMER
        return topic in self.subscribed


def _java_bucket(text: str) -> int:
    """Return where a hash map of Java keeps a text: Kafka takes the first of equal votes."""
    code = 0
    for letter in text:
        code = (31 * code + ord(letter)) & 0xFFFF_FFFF
    return (code ^ code >> 16) & 15
