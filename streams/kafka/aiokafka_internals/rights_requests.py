"""Requests for this user's rights, which aiokafka lacks.

Metadata of version 8 and groups described in version 3 carry the allowed operations
(KIP-430) on brokers since 2.3. For older ones aiokafka raises
``IncompatibleBrokerVersion`` or ``NotImplementedError``.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import DescribeGroupsRequest_v3, DescribeGroupsResponse_v3
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String
from typing_extensions import override

UNTOLD: Final = -(2**31)
"""Stands for the bits of allowed operations when a broker does not send them."""


async def ask_topics(
    admin: AIOKafkaAdminClient, names: list[str]
) -> Iterator[tuple[int, str, int]]:
    """Ask about topics: return error code, name and bits of allowed operations of each.

    Raises
    ------
    KafkaError, NotImplementedError
        The broker does not answer, or is too old.
    """
    answer: Any = await admin._send_request(_TopicRights(names))
    return ((code, name, allowed) for code, name, *_, allowed in answer.topics)


async def ask_coordinator(admin: AIOKafkaAdminClient, group: str) -> tuple[int, int]:
    """Ask for the coordinator of a group: return error code and broker number.

    Raises
    ------
    KafkaError
        The broker does not answer.
    """
    found: Any = await admin._send_request(FindCoordinatorRequest(group, 0))
    return found.error_code, found.coordinator_id


async def ask_group(
    admin: AIOKafkaAdminClient, group: str, node: int
) -> tuple[int, int]:
    """Ask a broker about a group: return error code and bits of allowed operations.

    Raises
    ------
    KafkaError, NotImplementedError
        The broker does not answer, or is too old.
    """
    answer: Any = await admin._send_request(_GroupRights(group), node)
    ((code, *_, allowed),) = answer.groups
    return code, allowed


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
    """Asks for topics with the allowed operations; creates none."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    @override
    def build(self, request_struct_class: Any) -> Any:
        create, cluster, topic = False, False, True
        return request_struct_class(self._topics, create, cluster, topic)


class _DescribeGroups3(DescribeGroupsRequest_v3):  # type: ignore[misc]  # as above
    RESPONSE_TYPE = DescribeGroupsResponse_v3  # aiokafka decodes it as version 2


class _GroupRights(Request[_DescribeGroups3]):  # type: ignore[misc]  # as above
    """Asks for a group with the allowed operations."""

    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    @override
    def build(self, request_struct_class: Any) -> Any:
        operations = True
        return request_struct_class([self._group], operations)
