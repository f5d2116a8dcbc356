"""What the brokers let this user do, asked before anything starts.

A right that is missing shows late and badly: aiokafka waits for a topic it may not see
as for one that is not there, and a group that it may not join ends a worker again and
again. Brokers older than 2.3 do not tell rights; then nothing is checked here.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    TopicAuthorizationFailedError,
)
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String
from typing_extensions import override

READ: Final = "READ"
WRITE: Final = "WRITE"

_BITS: Final = {READ: 3, WRITE: 4}
"""Place of an operation in the bits of what is allowed (Kafka's ``AclOperation``)."""
_UNTOLD: Final = -(2**31)
"""In place of these bits, when a broker does not tell them."""

_LOOKS: Final = 50
_POLL_S: Final = 0.1
_GROUP_REFUSED: Final = GroupAuthorizationFailedError.errno

Rights = Mapping[str, frozenset[str]]
"""Topic -> ``READ``, ``WRITE``; each of them includes the right to describe it."""


class _MetadataResponse8(Response):  # type: ignore[misc]  # aiokafka is untyped here
    API_KEY: ClassVar[int] = 3
    API_VERSION: ClassVar[int] = 8
    SCHEMA: ClassVar[Schema] = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("authorized_operations", Int32),
    )


class _MetadataRequest8(RequestStruct):  # type: ignore[misc]  # as above
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse8
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _TopicRights(Request[_MetadataRequest8]):  # type: ignore[misc]  # as above
    """Asks for topics with what is allowed; makes none of them."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    @override
    def build(self, request_struct_class: Any) -> Any:
        create, cluster, topic = False, False, True
        return request_struct_class(self._topics, create, cluster, topic)


class _DescribeGroups3(DescribeGroupsRequest_v3):  # type: ignore[misc]  # as above
    RESPONSE_TYPE = DescribeGroupsResponse_v3  # aiokafka reads it as version 2


class _GroupRights(Request[_DescribeGroups3]):  # type: ignore[misc]  # as above
    """Asks for a group with what is allowed."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    @override
    def build(self, request_struct_class: Any) -> Any:
        operations = True
        return request_struct_class([self._group], operations)


async def missing(
    admin: AIOKafkaAdminClient, topics: Rights, groups: tuple[str, ...], user: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Ask what is not allowed.

    Parameters
    ----------
    topics
        What is needed of each.
    user
        Who we are, for the lines.

    Returns
    -------
    tuple
        A line for each topic that lacks something, by topic; the lines of the groups.

    Raises
    ------
    KafkaError
        The broker does not answer now.
    """
    try:
        lines = await _of_topics(admin, topics, user)
        refused = [await _of_group(admin, group, user) for group in groups]
    except (IncompatibleBrokerVersion, NotImplementedError):  # as aiokafka says it
        return {}, ()
    return lines, tuple(line for line in refused if line is not None)


async def _of_topics(
    admin: AIOKafkaAdminClient, needed: Rights, user: str
) -> dict[str, str]:
    answer: Any = await admin._send_request(_TopicRights(sorted(needed)))  # noqa: SLF001
    lines: dict[str, str] = {}
    for code, topic, _internal, _partitions, allowed in answer.topics:
        wanted = needed[topic]
        lacking = _lacking(wanted, allowed)
        if code == TopicAuthorizationFailedError.errno:
            lines[topic] = (
                f"{topic}: {user} may not DESCRIBE it, nor see whether it is there; "
                f"grant {_listed(wanted)}, which includes DESCRIBE"
            )
        elif code == 0 and lacking:
            lines[topic] = f"{topic}: {user} may not {_listed(lacking)} it; grant that"
    return lines


async def _of_group(admin: AIOKafkaAdminClient, group: str, user: str) -> str | None:
    refused = None
    for _ in range(_LOOKS):
        refused = await _refused(admin, group)
        if refused is not None:
            break
        await asyncio.sleep(_POLL_S)  # a new cluster has nobody who keeps groups yet
    if not refused:
        return None
    return (
        f"kafka.group_id: {user} may not {refused} the group {group}; grant READ on it, "
        "which includes DESCRIBE"
    )


async def _refused(admin: AIOKafkaAdminClient, group: str) -> str | None:
    """Return what is refused of a group, empty = nothing; None = nobody can say yet."""
    found: Any = await admin._send_request(FindCoordinatorRequest(group, 0))  # noqa: SLF001
    if found.error_code == _GROUP_REFUSED:
        return "DESCRIBE"
    if found.error_code:
        return None
    node = found.coordinator_id
    answer: Any = await admin._send_request(_GroupRights(group), node)  # noqa: SLF001
    ((code, *_, allowed),) = answer.groups
    if code == _GROUP_REFUSED:
        return "DESCRIBE"
    if code:
        return None
    return READ if _lacking(frozenset({READ}), allowed) else ""


def _lacking(wanted: frozenset[str], allowed: int) -> frozenset[str]:
    if allowed == _UNTOLD:
        return frozenset()
    return frozenset(name for name in wanted if not allowed & (1 << _BITS[name]))


def _listed(names: frozenset[str]) -> str:
    return " and ".join(sorted(names))
