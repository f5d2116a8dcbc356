"""DescribeConfigs and AlterConfigs: the settings of topics."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import Call, Handler
from testkit.simulated.logs.names import name_problem
from testkit.simulated.logs.settings import DEFAULTS, setting_problem

_TOPIC: Final = 2
_OF_TOPIC, _OF_CLUSTER, _OF_BROKER, _BY_DEFAULT = 1, 3, 4, 5
"""Where a value comes from."""

_SET_BY_BROKERS: Final[Mapping[str, tuple[int, ...]]] = {
    "min.insync.replicas": (_OF_CLUSTER, _OF_BROKER),
    "unclean.leader.election.enable": (_OF_BROKER,),
}
"""What the brokers of our tests set (``testkit/node.py``), and so does a new cluster."""

_SAME_NAME: Final = frozenset(
    {
        "compression.gzip.level",
        "compression.lz4.level",
        "compression.type",
        "compression.zstd.level",
        "min.insync.replicas",
        "unclean.leader.election.enable",
    }
)
_OTHER_NAMES: Final[Mapping[str, str]] = {
    "delete.retention.ms": "log.cleaner.delete.retention.ms",
    "file.delete.delay.ms": "log.segment.delete.delay.ms",
    "flush.messages": "log.flush.interval.messages",
    "max.compaction.lag.ms": "log.cleaner.max.compaction.lag.ms",
    "max.message.bytes": "message.max.bytes",
    "min.cleanable.dirty.ratio": "log.cleaner.min.cleanable.ratio",
    "min.compaction.lag.ms": "log.cleaner.min.compaction.lag.ms",
    "segment.index.bytes": "log.index.size.max.bytes",
}
_NAMELESS: Final = frozenset(
    {
        "flush.ms",
        "follower.replication.throttled.replicas",
        "leader.replication.throttled.replicas",
        "remote.log.copy.disable",
        "remote.log.delete.on.disable",
        "remote.storage.enable",
        "retention.ms",
        "segment.jitter.ms",
        "segment.ms",
    }
)
"""Settings that no setting of a broker gives a default, as far as it is told."""

_Synonym = tuple[str, str, int]


async def describe_configs(cluster: Cluster, _: Call, request: Any) -> Any:
    """Answer with the settings of topics, or those of them that are asked for."""
    found = []
    for kind, name, wanted in request.resources:
        error, message = _describable(cluster, kind, name)
        rows: list[Any] = []
        if error == ErrorCode.NONE:
            chosen = cluster.topics.by_name[name].configs
            rows = list(_rows(chosen, wanted, with_synonyms=request.include_synonyms))
        found.append((error, message, kind, name, rows))
    return request.RESPONSE_TYPE(0, found)


def _describable(cluster: Cluster, kind: int, name: str) -> tuple[ErrorCode, str]:
    if kind != _TOPIC:
        return ErrorCode.INVALID_REQUEST, "Only topics have settings here."
    problem = name_problem(name)
    if problem is not None:
        return ErrorCode.INVALID_TOPIC_EXCEPTION, problem
    if name not in cluster.topics.by_name:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ""
    return ErrorCode.NONE, ""


def _rows(
    chosen: Mapping[str, str], wanted: Collection[str] | None, *, with_synonyms: bool
) -> Iterator[tuple[Any, ...]]:
    for name in DEFAULTS:
        if wanted is None or name in wanted:
            value = chosen.get(name, DEFAULTS[name])
            synonyms = _synonyms(name, chosen)
            source = synonyms[0][2] if synonyms else _BY_DEFAULT
            told = synonyms if with_synonyms else []
            yield name, value, False, source, False, told


def _synonyms(name: str, chosen: Mapping[str, str]) -> list[_Synonym]:
    found: list[_Synonym] = []
    if name in chosen:
        found.append((name, chosen[name], _OF_TOPIC))
    if name not in _NAMELESS:
        of_broker = name if name in _SAME_NAME else f"log.{name}"
        of_broker = _OTHER_NAMES.get(name, of_broker)
        sources = (*_SET_BY_BROKERS.get(name, ()), _BY_DEFAULT)
        found += [(of_broker, DEFAULTS[name], source) for source in sources]
    return found


async def alter_configs(cluster: Cluster, _: Call, request: Any) -> Any:
    """Replace all settings of topics; what is not named has its default again."""
    found = []
    for kind, name, entries in request.resources:
        error, message = _alterable(cluster, kind, name, entries)
        if error == ErrorCode.NONE and not request.validate_only:
            cluster.topics.configure(cluster.topics.by_name[name], dict(entries))
        found.append((error, message, kind, name))
    return request.RESPONSE_TYPE(0, found)


def _alterable(
    cluster: Cluster, kind: int, name: str, entries: Collection[tuple[str, str | None]]
) -> tuple[ErrorCode, str | None]:
    if kind != _TOPIC:
        return ErrorCode.INVALID_REQUEST, "Only topics have settings here."
    if name not in cluster.topics.by_name:
        missing = f"The topic '{name}' does not exist."
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, missing
    problems = [setting_problem(*entry) for entry in entries]
    message = next((problem for problem in problems if problem is not None), None)
    return (ErrorCode.INVALID_CONFIG if message else ErrorCode.NONE), message


HANDLERS: Final[Mapping[int, Handler]] = {32: describe_configs, 33: alter_configs}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {32: (1, 2), 33: (0, 1)}
