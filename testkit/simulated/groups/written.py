"""Groups in the coordinator's log: all that a new coordinator knows of them."""

import msgspec

from testkit.simulated.groups.group import Group, State
from testkit.simulated.groups.member import JoinRequest, Member


class WrittenMember(msgspec.Struct, frozen=True):
    """A member, with only the assignor that was chosen."""

    request: JoinRequest
    assignment: bytes


class Written(msgspec.Struct, frozen=True):
    """A group when it was last written: stable or empty, never in a rebalance."""

    generation: int
    protocol_type: str | None
    protocol: str | None
    leader: str | None
    members: dict[str, WrittenMember]
    since_ms: int


def write(group: Group) -> Written:
    """Return what a coordinator writes of a group."""
    return Written(
        group.generation,
        group.protocol_type,
        group.protocol,
        group.leader,
        {
            m.member_id: _written(m, group.protocol or "")
            for m in group.members.values()
        },
        group.since_ms,
    )


def _written(member: Member, protocol: str) -> WrittenMember:
    only = ((protocol, member.metadata(protocol)),)
    return WrittenMember(
        msgspec.structs.replace(member.said(), protocols=only), member.assignment
    )


def read(group: Group, written: Written | None) -> None:
    """Bring a new group to what the log says; None = only its offsets are there."""
    if written is None:
        return
    for member_id, found in written.members.items():
        member = Member(member_id, found.request)
        member.assignment = found.assignment
        group.add(member, None)
    group.state = State.STABLE if group.members else State.EMPTY
    group.generation = written.generation
    group.protocol_type = written.protocol_type
    group.protocol = written.protocol
    group.leader = written.leader
    group.since_ms = written.since_ms
    group.learn_topics()
