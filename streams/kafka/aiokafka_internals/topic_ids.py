"""Ask for topic id and partition count of topics: which log a name refers to now.

aiokafka asks for metadata without topic ids (KIP-516), which change when a topic is
deleted and created again. This request has them, for brokers since Kafka 2.8; older
ones give only the number of partitions. A broker answers what it last heard from the
controller, usually some milliseconds ago.
"""

import asyncio
import random
from collections.abc import Collection
from io import BytesIO
from typing import Any, ClassVar, Final, TypeAlias
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import (
    KafkaConnectionError,
    NoError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.metadata import MetadataRequest_v4, MetadataRequest_v5
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Schema,
    TaggedFields,
)
from typing_extensions import override

from streams.kafka.errors import FOREIGN

_ANSWER_S: Final = 2.0
"""A broker that takes longer, seconds, is considered hung: the next one is asked."""

_METADATA: Final = 3
_WITH_IDS: Final = 10
"""The first version of the metadata request with topic ids."""


class TopicNow(msgspec.Struct, frozen=True):
    """A topic as a broker describes it."""

    partitions: int
    topic_id: str | None
    """None when the broker sends none (before Kafka 2.8)."""


async def topics_now(
    consumer: AIOKafkaConsumer, names: Collection[str]
) -> dict[str, TopicNow]:
    """Ask the brokers that a consumer knows one after another, until one answers.

    Returns
    -------
    dict
        Name -> topic; unknown topics are missing.

    Raises
    ------
    KafkaError
        None of them answered, or a topic may not be described.
    """
    client = consumer._client
    nodes = [broker.nodeId for broker in client.cluster.brokers()]
    random.shuffle(nodes)  # so that a hung one delays only some checks
    trouble: Exception = KafkaConnectionError("no broker is known")
    for node in nodes:
        try:
            async with asyncio.timeout(_ANSWER_S):
                answer = await client.send(node, _TopicsRequest(sorted(names)))
        except FOREIGN as problem:  # TimeoutError is an OSError
            trouble = problem
        else:
            return _found(answer)
    raise KafkaConnectionError(
        f"no broker describes its topics: {trouble}"
    ) from trouble


def _found(answer: "_Topics | Response") -> dict[str, TopicNow]:
    if isinstance(answer, _Topics):
        rows = answer.rows
    else:
        rows = [
            (topic["error_code"], topic["topic"], None, len(topic["partitions"]))
            for topic in answer.to_object()["topics"]
        ]
    found: dict[str, TopicNow] = {}
    for code, name, topic_id, partitions in rows:
        problem = for_code(code)
        if problem is NoError:
            found[name] = TopicNow(partitions, topic_id)
        elif problem is TopicAuthorizationFailedError:
            raise TopicAuthorizationFailedError(name)
        elif problem is not UnknownTopicOrPartitionError:
            raise problem(name)
    return found


class _Uuid(AbstractType):  # type: ignore[misc]  # aiokafka is untyped here
    """Sixteen bytes, which aiokafka has no type for."""

    @classmethod
    @override
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    @override
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_NO_ID: Final = bytes(16)
_Row: TypeAlias = tuple[int, str, str | None, int]
"""Error code, name, id, partitions."""


class _Topics(Response):  # type: ignore[misc]  # as above
    """The topics of a metadata response, version 10.

    Partitions are skipped: for leaders and replicas of 640 partitions aiokafka would
    need longer than judging a slice takes.
    """

    API_KEY: ClassVar[int] = _METADATA
    API_VERSION: ClassVar[int] = _WITH_IDS
    SCHEMA: ClassVar[Schema] = Schema()
    rows: list[_Row]

    @classmethod
    @override
    def decode(cls, data: BytesIO | bytes) -> "_Topics":
        found = cls()
        found.rows = _Reader(data if isinstance(data, bytes) else data.read()).topics()
        return found


class _TopicsRequest10(RequestStruct):  # type: ignore[misc]  # as above
    FLEXIBLE_VERSION = True
    API_KEY = _METADATA
    API_VERSION = _WITH_IDS
    RESPONSE_TYPE = _Topics
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic_id", _Uuid),
                ("name", CompactString("utf-8")),
                ("tags", TaggedFields),
            ),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


_AnyRequest: TypeAlias = MetadataRequest_v4 | MetadataRequest_v5 | _TopicsRequest10


class _TopicsRequest(Request[_AnyRequest]):  # type: ignore[misc]  # as above
    """Asks for some topics and creates none."""

    API_KEY = _METADATA

    def __init__(self, names: list[str]) -> None:
        self._names = names

    @override
    def build(self, request_struct_class: Any) -> Any:
        create = operations = False
        if request_struct_class is _TopicsRequest10:
            wanted: list[tuple[bytes, str, dict[int, bytes]]] = [
                (_NO_ID, name, {}) for name in self._names
            ]
            return request_struct_class(wanted, create, operations, operations, {})
        return request_struct_class(self._names, create)


class _Reader:
    """Decodes a metadata response, version 10."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def topics(self) -> list[_Row]:
        self._skip(4)  # throttle time
        for _ in range(self._count()):  # brokers: number, host, port, rack
            self._skip(4)
            self._skip(self._count())
            self._skip(4)
            self._skip(self._count())
            self._skip_tags()
        self._skip(self._count())  # cluster
        self._skip(4)  # controller
        return [self._topic() for _ in range(self._count())]

    def _topic(self) -> _Row:
        code = int.from_bytes(self._take(2), signed=True)
        name = self._take(self._count()).decode()
        topic_id = self._take(16)
        self._skip(1)  # whether it is internal
        partitions = self._count()
        for _ in range(partitions):
            self._skip(14)  # error, number, leader, its epoch
            for _ in range(3):  # replicas, those in sync, those offline
                self._skip(4 * self._count())
            self._skip_tags()
        self._skip(4)  # operations allowed
        self._skip_tags()
        known = None if topic_id == _NO_ID else str(UUID(bytes=topic_id))
        return code, name, known, partitions

    def _take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken

    def _skip(self, size: int) -> None:
        self._at += size

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
            shift += 7

    def _count(self) -> int:
        """Read the length of an array or string; null counts as empty."""
        return max(0, self._varint() - 1)

    def _skip_tags(self) -> None:
        for _ in range(self._varint()):
            self._varint()
            self._skip(self._varint())
