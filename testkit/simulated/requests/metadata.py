"""Metadata: the nodes, the topics, who leads."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from testkit.simulated.cluster import Cluster
from testkit.simulated.encoding import encoder
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import Call, Handler
from testkit.simulated.logs.names import name_problem
from testkit.simulated.logs.partitions import Partition
from testkit.simulated.logs.topics import Topic
from testkit.simulated.requests.topic_ids import WITH_IDS
from testkit.simulated.wire import encoded

_NOBODY: Final = -1
_NO_ID: Final = bytes(16)
_UNTOLD: Final = -(2**31)
_WITH_THROTTLE: Final = 3
_WITH_RIGHTS: Final = 8
_WITH_IDS_SINCE: Final = 10
_ON_TOPIC: Final = 3576
"""Bits of what may be done with a topic where there are no access rules (KIP-430)."""
_ON_CLUSTER: Final = 8096


class _Written:
    """A response as bytes: to encode 160 partitions anew takes 4 ms."""

    def __init__(self, body: bytes, version: int) -> None:
        self.throttle_time_ms = 0
        self._body = body
        self._throttled = version >= _WITH_THROTTLE

    def encode(self) -> bytes:
        """Return the bytes on the wire."""
        if not self._throttled:
            return self._body
        return self.throttle_time_ms.to_bytes(4) + self._body[4:]


async def metadata(cluster: Cluster, call: Call, request: Any) -> Any:
    """Answer with the nodes that are up and the topics that are asked for."""
    version, known = call.api_version, cluster.topics.described
    asked = version, encoded(request)
    body = known.get(asked)
    if body is None:
        found, missing = _asked(cluster, request)
        body = _described(cluster, request, found, missing)
        if not missing:
            known[asked] = body
    return _Written(body, version)


def _described(
    cluster: Cluster, request: Any, found: list[Topic], missing: list[str]
) -> bytes:
    version = request.API_VERSION
    topics = [_topic(cluster, request, topic) for topic in found]
    topics += [_missing(request, name) for name in missing]
    rack = () if version == 0 else (cluster.rack,)
    tags: tuple[Any, ...] = ({},) if version == _WITH_IDS_SINCE else ()
    brokers = [
        (node.node_id, node.host, node.port, *rack, *tags)
        for node in cluster.live_nodes()
    ]
    throttle = (0,) if version >= _WITH_THROTTLE else ()
    cluster_id = (cluster.cluster_id,) if version >= 2 else ()
    controller = (cluster.controller_id,) if version >= 1 else ()
    values: list[Any] = [*throttle, brokers, *cluster_id, *controller, topics]
    if version >= _WITH_RIGHTS:
        told = request.include_cluster_authorized_operations
        values.append(_ON_CLUSTER if told else _UNTOLD)
    schema = WITH_IDS if tags else request.RESPONSE_TYPE.SCHEMA
    return encoder(schema)([*values, *tags])


def _asked(cluster: Cluster, request: Any) -> tuple[list[Topic], list[str]]:
    """Return the topics that are there, and the names of those that are not."""
    wanted, there = request.topics, cluster.topics.by_name
    if wanted is None or (request.API_VERSION == 0 and not wanted):
        return list(there.values()), []
    names: Iterable[str] = wanted
    if request.API_VERSION >= _WITH_IDS_SINCE:
        names = [name for _, name, _ in wanted]
    names = list(dict.fromkeys(names))
    found = [there[name] for name in names if name in there]
    missing = [name for name in names if name not in there]
    may_create = getattr(request, "allow_auto_topic_creation", True)
    if cluster.topics.auto_create is not None and may_create:
        for name in missing:
            if name_problem(name) is None:
                cluster.topics.create(name, cluster.topics.auto_create)
    return found, missing


def _topic(cluster: Cluster, request: Any, topic: Topic) -> tuple[Any, ...]:
    row = _PARTITION_ROWS.get(request.API_VERSION, _plain)
    partitions = [row(cluster, one) for one in topic.partitions]
    begin: tuple[Any, ...] = (ErrorCode.NONE, topic.name)
    return _finished(request, begin, topic.topic_id.bytes, (topic.internal, partitions))


def _missing(request: Any, name: str) -> tuple[Any, ...]:
    error = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if name_problem(name) is not None:
        error = ErrorCode.INVALID_TOPIC_EXCEPTION
    return _finished(request, (error, name), _NO_ID, (False, []))


def _finished(
    request: Any,
    begin: tuple[Any, ...],
    topic_id: bytes,
    end: tuple[Any, ...],
) -> tuple[Any, ...]:
    """Put a topic's fields together as the version has them."""
    version = request.API_VERSION
    if version == 0:
        return (*begin, end[1])
    if version < _WITH_RIGHTS:
        return (*begin, *end)
    told = request.include_topic_authorized_operations
    allowed = _ON_TOPIC if told else _UNTOLD
    if version < _WITH_IDS_SINCE:
        return (*begin, *end, allowed)
    return (*begin, topic_id, *end, allowed, {})


def _plain(cluster: Cluster, partition: Partition) -> tuple[Any, ...]:
    error, leader = _leader(cluster, partition)
    return error, partition.number, leader, partition.replicas, partition.isr


def _plain_up(cluster: Cluster, partition: Partition) -> tuple[Any, ...]:
    """Version 0 leaves out replicas that are down."""
    error, number, leader, replicas, isr = _plain(cluster, partition)
    up = cluster.topics.is_up
    return (
        error,
        number,
        leader,
        [node for node in replicas if up(node)],
        [node for node in isr if up(node)],
    )


def _with_offline(cluster: Cluster, partition: Partition) -> tuple[Any, ...]:
    return (*_plain(cluster, partition), _offline(cluster, partition))


def _with_epoch(cluster: Cluster, partition: Partition) -> tuple[Any, ...]:
    error, number, leader, replicas, isr = _plain(cluster, partition)
    offline = _offline(cluster, partition)
    return error, number, leader, partition.leader_epoch, replicas, isr, offline


def _tagged(cluster: Cluster, partition: Partition) -> tuple[Any, ...]:
    return (*_with_epoch(cluster, partition), {})


_PARTITION_ROWS: Final[
    Mapping[int, Callable[[Cluster, Partition], tuple[Any, ...]]]
] = {
    0: _plain_up,
    5: _with_offline,
    8: _with_epoch,
    10: _tagged,
}
"""Version -> how it describes a partition; others have the fields of version 1."""


def _leader(cluster: Cluster, partition: Partition) -> tuple[ErrorCode, int]:
    leader = partition.leader
    if leader is None or not cluster.topics.is_up(leader):
        return ErrorCode.LEADER_NOT_AVAILABLE, _NOBODY
    return ErrorCode.NONE, leader


def _offline(cluster: Cluster, partition: Partition) -> list[int]:
    up = cluster.topics.is_up
    return [node for node in partition.replicas if not up(node)]


HANDLERS: Final[Mapping[int, Handler]] = {3: metadata}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {3: (0, 10)}
