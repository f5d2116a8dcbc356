"""CreateTopics, DeleteTopics, CreatePartitions: checked as Kafka's controller does."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NoReturn

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import Call, Handler
from testkit.simulated.logs.names import colliding, name_problem
from testkit.simulated.logs.settings import setting_problem
from testkit.simulated.logs.topics import Topic

_DEFAULT: Final = -1
"""So many partitions or replicas as the broker gives a topic."""
_DEFAULT_PARTITIONS: Final = 1
_TWICE: Final = (ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
_FINE: Final[tuple[ErrorCode, str | None]] = (ErrorCode.NONE, None)

_Told = tuple[ErrorCode, str | None]


class _RefusedError(Exception):
    """A topic that is not created or changed: error code and message."""

    def __init__(self, code: ErrorCode, message: str | None = None) -> None:
        super().__init__(message)
        self.told: _Told = (code, message)


async def create_topics(cluster: Cluster, _: Call, request: Any) -> Any:
    """Create topics; each is answered for itself."""
    wanted = request.create_topic_requests
    twice = _twice([row[0] for row in wanted])
    told: dict[str, _Told] = {}
    for row in wanted:
        if row[0] not in twice:
            told[row[0]] = _created(cluster, row, only_check=request.validate_only)
    told |= dict.fromkeys(twice, _TWICE)
    return request.RESPONSE_TYPE(0, [(name, *one) for name, one in told.items()])


def _created(cluster: Cluster, row: Sequence[Any], *, only_check: bool) -> _Told:
    name, partitions, replicas, assignment, configs = row
    try:
        _check_name(cluster, name)
        _check_settings(configs)
        placed = _placed(cluster, assignment, partitions, replicas)
        if placed is None:
            partitions = _count(partitions)
            replicas = _copies(cluster, replicas)
    except _RefusedError as refused:
        return refused.told
    if not only_check:
        cluster.topics.create(name, partitions, replicas, dict(configs), placed)
    return _FINE


def _check_name(cluster: Cluster, name: str) -> None:
    there = cluster.topics.by_name
    problem = name_problem(name)
    if problem is not None:
        raise _RefusedError(ErrorCode.INVALID_TOPIC_EXCEPTION, problem)
    if name in there:
        message = f"Topic '{name}' already exists."
        raise _RefusedError(ErrorCode.TOPIC_ALREADY_EXISTS, message)
    other = colliding(name, there)
    if other is not None:
        message = f"Topic '{name}' collides with existing topic: {other}"
        raise _RefusedError(ErrorCode.INVALID_TOPIC_EXCEPTION, message)


def _check_settings(configs: Sequence[tuple[str, str | None]]) -> None:
    for name, value in configs:
        problem = setting_problem(name, value)
        if problem is not None:
            raise _RefusedError(ErrorCode.INVALID_CONFIG, problem)


def _count(partitions: int) -> int:
    if partitions == _DEFAULT:
        return _DEFAULT_PARTITIONS
    if partitions <= 0:
        message = "Number of partitions was set to an invalid non-positive value."
        raise _RefusedError(ErrorCode.INVALID_PARTITIONS, message)
    return partitions


def _copies(cluster: Cluster, replicas: int) -> int:
    nodes = len(cluster.nodes)
    if replicas == _DEFAULT:
        return min(3, nodes)
    if replicas <= 0:
        message = (
            "Replication factor must be larger than 0, or -1 to use the default value."
        )
        raise _RefusedError(ErrorCode.INVALID_REPLICATION_FACTOR, message)
    if replicas > nodes:
        message = (
            f"Unable to replicate the partition {replicas} time(s): The target "
            f"replication factor of {replicas} cannot be reached because only {nodes} "
            "broker(s) are registered or some brokers have all their log directories "
            "cordoned."
        )
        raise _RefusedError(ErrorCode.INVALID_REPLICATION_FACTOR, message)
    return replicas


def _placed(
    cluster: Cluster,
    assignment: Sequence[tuple[int, list[int]]],
    partitions: int,
    replicas: int,
) -> list[list[int]] | None:
    """Return the replicas of each partition as the client chose them; None = it did not."""
    if not assignment:
        return None
    what = "A manual partition assignment was specified, but"
    if replicas != _DEFAULT:
        message = f"{what} replication factor was not set to -1."
        raise _RefusedError(ErrorCode.INVALID_REQUEST, message)
    if partitions != _DEFAULT:
        message = f"{what} numPartitions was not set to -1."
        raise _RefusedError(ErrorCode.INVALID_REQUEST, message)
    chosen = dict(assignment)
    if sorted(chosen) != list(range(len(assignment))):
        _bad_assignment("partitions should be a consecutive 0-based integer sequence")
    rows = [chosen[number] for number in sorted(chosen)]
    _check_assignment(cluster, rows)
    return rows


def _check_assignment(cluster: Cluster, rows: Sequence[Sequence[int]]) -> None:
    what = "The manual partition assignment includes"
    for row in rows:
        if not row:
            _bad_assignment(f"{what} an empty replica list.")
        for node in row:
            if node not in cluster.nodes:
                _bad_assignment(
                    f"{what} broker {node}, but no such broker is registered."
                )
        if len(row) != len(rows[0]):
            _bad_assignment(
                f"{what} a partition with {len(row)} replica(s), but this is not "
                f"consistent with previous partitions, which have {len(rows[0])} "
                "replica(s)."
            )
        twice = _twice(row)
        if twice:
            _bad_assignment(f"{what} the broker {twice[0]} more than once.")


def _bad_assignment(message: str) -> NoReturn:
    raise _RefusedError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)


def _twice(names: Collection[Any]) -> list[Any]:
    return [name for name, count in Counter(names).items() if count > 1]


async def delete_topics(cluster: Cluster, _: Call, request: Any) -> Any:
    """Delete topics; each is answered for itself."""
    twice = _twice(request.topics)
    told: dict[str, ErrorCode] = {}
    for name in dict.fromkeys(request.topics):
        if name in twice:
            told[name] = ErrorCode.INVALID_REQUEST
        elif name not in cluster.topics.by_name:
            told[name] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        else:
            cluster.topics.delete(name)
            told[name] = ErrorCode.NONE
    return request.RESPONSE_TYPE(0, list(told.items()))


async def create_partitions(cluster: Cluster, _: Call, request: Any) -> Any:
    """Give topics more partitions; each is answered for itself."""
    wanted = request.topic_partitions
    twice = _twice([name for name, _ in wanted])
    told: dict[str, _Told] = {}
    for name, (count, assignment) in wanted:
        if name not in twice:
            told[name] = _grown(
                cluster, name, count, assignment, only_check=request.validate_only
            )
    told |= dict.fromkeys(twice, _TWICE)
    return request.RESPONSE_TYPE(0, [(name, *one) for name, one in told.items()])


def _grown(
    cluster: Cluster,
    name: str,
    count: int,
    assignment: list[list[int]] | None,
    *,
    only_check: bool,
) -> _Told:
    topic: Topic | None = cluster.topics.by_name.get(name)
    if topic is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, None
    try:
        _check_growth(cluster, topic, count, assignment)
    except _RefusedError as refused:
        return refused.told
    if not only_check:
        cluster.topics.add_partitions(topic, count, placed=assignment)
    return _FINE


def _check_growth(
    cluster: Cluster, topic: Topic, count: int, assignment: list[list[int]] | None
) -> None:
    have = len(topic.partitions)
    if count == have:
        message = f"Topic already has {have} partition(s)."
        raise _RefusedError(ErrorCode.INVALID_PARTITIONS, message)
    if count < have:
        message = (
            f"The topic {topic.name} currently has {have} partition(s); {count} would "
            "not be an increase."
        )
        raise _RefusedError(ErrorCode.INVALID_PARTITIONS, message)
    if assignment is None:
        return
    if len(assignment) != count - have:
        _bad_assignment(
            f"Attempted to add {count - have} additional partition(s), but only "
            f"{len(assignment)} assignment(s) were specified."
        )
    _check_assignment(cluster, assignment)


HANDLERS: Final[Mapping[int, Handler]] = {
    19: create_topics,
    20: delete_topics,
    37: create_partitions,
}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {19: (2, 3), 20: (1, 3), 37: (0, 1)}
