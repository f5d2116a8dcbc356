"""Requests of a group's members, and of who looks after groups."""

from collections.abc import Mapping
from typing import Any, Final

from aiokafka.protocol.admin import DescribeGroupsResponse_v3

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode, RefusedError
from testkit.simulated.groups.group import Group, State
from testkit.simulated.groups.member import JoinAnswer, JoinRequest, SyncAnswer
from testkit.simulated.handling import Call, Handler

_JOIN: Final = 11
_HEARTBEAT: Final = 12
_LEAVE: Final = 13
_SYNC: Final = 14
_DESCRIBE: Final = 15
_LIST: Final = 16
_DELETE: Final = 42

_NEEDS_ID_FIRST_FROM: Final = 4
_STATIC_JOIN_FROM: Final = 5
_STATIC_SYNC_FROM: Final = 3
_RIGHTS_FROM: Final = 3
_NO_RIGHTS_ASKED: Final = -(2**31)
_ALL_RIGHTS: Final = 3400
"""Bits of all operations on a group: nobody is forbidden any."""


def _throttle(request: Any, from_version: int) -> tuple[int, ...]:
    return (0,) if from_version <= request.API_VERSION else ()


async def join_group(cluster: Cluster, call: Call, request: Any) -> Any:
    """Answer when the generation begins that the member has joined."""
    version = request.API_VERSION
    timeout_ms = request.session_timeout
    if version >= 1:
        timeout_ms = request.rebalance_timeout
    said = JoinRequest(
        member_id=request.member_id,
        instance_id=request.group_instance_id if version >= _STATIC_JOIN_FROM else None,
        client_id=call.client_id,
        client_host=f"/{call.client_host}",
        protocol_type=request.protocol_type,
        protocols=tuple(map(tuple, request.group_protocols)),
        session_timeout_ms=request.session_timeout,
        rebalance_timeout_ms=timeout_ms,
        needs_id_first=version >= _NEEDS_ID_FIRST_FROM,
    )
    try:
        answer = await cluster.groups.join(call.node_id, request.group, said)
    except RefusedError as refused:
        answer = JoinAnswer(error=refused.code)
    members: list[Any]
    if version >= _STATIC_JOIN_FROM:
        members = [(m.member_id, m.instance_id, m.metadata) for m in answer.members]
    else:
        members = [(m.member_id, m.metadata) for m in answer.members]
    return request.RESPONSE_TYPE(
        *_throttle(request, 2),
        answer.error,
        answer.generation,
        answer.protocol,
        answer.leader,
        answer.member_id,
        members,
    )


async def sync_group(cluster: Cluster, call: Call, request: Any) -> Any:
    """Answer with the member's share when the leader has sent the assignment."""
    instance_id = None
    if request.API_VERSION >= _STATIC_SYNC_FROM:
        instance_id = request.group_instance_id
    try:
        answer = await cluster.groups.sync(
            call.node_id,
            request.group,
            (request.member_id, instance_id),
            request.generation_id,
            dict(request.group_assignment),
        )
    except RefusedError as refused:
        answer = SyncAnswer(error=refused.code)
    return request.RESPONSE_TYPE(
        *_throttle(request, 1), answer.error, answer.assignment
    )


async def heartbeat(cluster: Cluster, call: Call, request: Any) -> Any:
    """Keep a member's session alive."""
    error = ErrorCode.NONE
    try:
        cluster.groups.heartbeat(
            call.node_id, request.group, request.member_id, request.generation_id
        )
    except RefusedError as refused:
        error = refused.code
    return request.RESPONSE_TYPE(*_throttle(request, 1), error)


async def leave_group(cluster: Cluster, call: Call, request: Any) -> Any:
    """Let a member go."""
    error = ErrorCode.NONE
    try:
        cluster.groups.leave(call.node_id, request.group, request.member_id)
    except RefusedError as refused:
        error = refused.code
    return request.RESPONSE_TYPE(*_throttle(request, 1), error)


async def describe_groups(cluster: Cluster, call: Call, request: Any) -> Any:
    """Describe groups; one that nobody knows is dead."""
    rows: list[Any] = []
    for group_id in request.groups:
        try:
            cluster.groups.require(call.node_id, group_id)
        except RefusedError as refused:
            rows.append((refused.code, group_id, "", "", "", []))
        else:
            rows.append(_described(group_id, cluster.groups.by_id.get(group_id)))
    if request.API_VERSION < _RIGHTS_FROM:
        return request.RESPONSE_TYPE(*_throttle(request, 1), rows)
    asked = request.include_authorized_operations
    # aiokafka reads the answer as one of version 2, and leaves the rights unread.
    return DescribeGroupsResponse_v3(
        0,
        [
            (*row, _ALL_RIGHTS if asked and not row[0] else _NO_RIGHTS_ASKED)
            for row in rows
        ],
    )


def _described(group_id: str, group: Group | None) -> tuple[Any, ...]:
    if group is None:
        return ErrorCode.NONE, group_id, State.DEAD, "", "", []
    protocol = (group.protocol or "") if group.state is State.STABLE else ""
    members = [
        (
            member.member_id,
            member.client_id,
            member.client_host,
            member.metadata(protocol) if protocol else b"",
            member.assignment,
        )
        for member in group.members.values()
    ]
    kind = group.protocol_type or ""
    return ErrorCode.NONE, group_id, group.state, kind, protocol, members


async def list_groups(cluster: Cluster, call: Call, request: Any) -> Any:
    """List the groups that the asked node coordinates."""
    groups = cluster.groups.on_node(call.node_id)
    if any(cluster.groups.is_loading(group.group_id) for group in groups):
        loading = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        return request.RESPONSE_TYPE(*_throttle(request, 1), loading, [])
    rows = [(group.group_id, group.protocol_type or "") for group in groups]
    return request.RESPONSE_TYPE(*_throttle(request, 1), ErrorCode.NONE, rows)


async def delete_groups(cluster: Cluster, call: Call, request: Any) -> Any:
    """Delete groups that have no members."""
    rows = []
    for group_id in request.groups_names:
        error = ErrorCode.NONE
        try:
            cluster.groups.delete(call.node_id, group_id)
        except RefusedError as refused:
            error = refused.code
        rows.append((group_id, error))
    return request.RESPONSE_TYPE(0, rows)


HANDLERS: Final[Mapping[int, Handler]] = {
    _JOIN: join_group,
    _HEARTBEAT: heartbeat,
    _LEAVE: leave_group,
    _SYNC: sync_group,
    _DESCRIBE: describe_groups,
    _LIST: list_groups,
    _DELETE: delete_groups,
}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {
    _JOIN: (0, 5),
    _HEARTBEAT: (0, 1),
    _LEAVE: (0, 1),
    _SYNC: (0, 3),
    _DESCRIBE: (0, 3),
    _LIST: (0, 1),
    _DELETE: (0, 1),
}
