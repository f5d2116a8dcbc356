"""Declare topics, create missing ones and check existing ones.

A topic with another configuration loses something silently: clean-up deletes facts,
short retention deletes undecided requests, another partition count moves buyers. So a
worker checks before it starts.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    UnsupportedVersionError,
    for_code,
)

from streams.errors import TopicsError
from streams.kafka.admission import admit
from streams.kafka.aiokafka_internals.tested import client_arguments
from streams.kafka.errors import translated
from streams.kafka.starting import connect
from streams.processing.topics import Kind, Topic
from streams.settings import Kafka, Settings
from streams.settings.topics import placed, sized_by

_log: Final = logging.getLogger(__name__)

_FACT_SEGMENT_MS: Final = 86_400_000
"""Only closed segments are compacted; closing them daily keeps loads short."""

_POLL_S: Final = 0.1
_LOOKS: Final = 300
"""Checks until new topics have leaders: half a minute; an idle broker takes a tenth of
that."""

_UNLIMITED: Final = -1


class TopicSpec(msgspec.Struct, frozen=True):
    """The required configuration of one topic."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]
    """Topic settings, as the broker spells them."""
    roles: frozenset[str]
    """Readers and writers: roles of a worker, and others."""
    sized_by: str
    """The setting that gives its partition count."""
    refused: frozenset[str] = frozenset()
    """Settings that must not differ, or no worker starts: the broker would delete
    facts, and what a fact forbids would be approved."""


_FACT_KINDS: Final[frozenset[Kind]] = frozenset({"fact", "shared_fact"})
_KEEPS_FACTS: Final = frozenset({"cleanup.policy", "retention.ms", "retention.bytes"})


def declare(rows: Iterable[Topic], settings: Settings) -> tuple[TopicSpec, ...]:
    """Return the required configuration of these topics, in their order."""
    return tuple(
        TopicSpec(
            topic.name,
            topic.partitions,
            settings.topics.replication_factor,
            _config(topic.row) | _safety(settings),
            frozenset(topic.row.written_by + topic.row.read_by),
            sized_by(topic.row, settings),
            _KEEPS_FACTS if topic.row.kind in _FACT_KINDS else frozenset(),
        )
        for topic in placed(rows, settings)
    )


def needed(rows: Iterable[Topic], settings: Settings) -> tuple[TopicSpec, ...]:
    """Return the topics that the roles of this worker read or write."""
    roles = frozenset(settings.worker.roles)
    return tuple(spec for spec in declare(rows, settings) if spec.roles & roles)


def _config(row: Topic) -> dict[str, str]:
    kept_ms = row.retention.kept_ms
    found: dict[str, str] = {"cleanup.policy": row.retention.cleanup}
    if row.retention.cleanup == "compact":
        found["segment.ms"] = str(_FACT_SEGMENT_MS)
        if kept_ms is not None:
            found["min.compaction.lag.ms"] = str(kept_ms)
    elif kept_ms is not None:
        found["retention.ms"] = str(kept_ms)
    if row.letter_bytes is not None:
        found["max.message.bytes"] = str(row.letter_bytes)
    return found


def _safety(settings: Settings) -> dict[str, str]:
    return {
        "min.insync.replicas": str(settings.topics.min_insync_replicas),
        "unclean.leader.election.enable": "false",
    }


@asynccontextmanager
async def admin_client(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect an admin client and close it afterwards.

    Raises
    ------
    AccessError
        The brokers refuse login or certificate.
    KafkaConnectionError
        No broker answers.
    SettingsError
        PEM files cannot be used.
    """
    admin = AIOKafkaAdminClient(**client_arguments(kafka))
    try:
        try:
            await connect(admin)
        except KafkaConnectionError:
            await admit(kafka)
            raise
        yield admin
    finally:
        await admin.close()


async def create(
    admin: AIOKafkaAdminClient, specs: Iterable[TopicSpec]
) -> tuple[str, ...]:
    """Create the missing topics and wait until all have leaders.

    Existing topics are left as they are: :func:`check` reports what is wrong.

    Returns
    -------
    tuple of str
        Names of the topics that were created.

    Raises
    ------
    TopicsError
        The brokers refuse topics, or cannot create any at all; one line each.
    """
    answer = await _asked_to_create(admin, specs)
    created: list[str] = []
    problems: list[str] = []
    for name, code, *message in answer.topic_errors:
        if code == 0:
            created.append(name)
        elif code != TopicAlreadyExistsError.errno:
            why = message[0] if message and message[0] else for_code(code).__name__
            problems.append(
                f"{name}: not created: {why}; correct [topics] or ask an administrator"
            )
    if problems:
        raise TopicsError(problems)
    await _visible(admin, frozenset(created))
    return tuple(created)


async def _asked_to_create(
    admin: AIOKafkaAdminClient, specs: Iterable[TopicSpec]
) -> Any:  # noqa: ANN401 - a response of one of several protocol versions
    refusal = ["these brokers do not create topics for clients; use their own tools"]
    cluster = await admin.describe_cluster()
    nodes = {broker["node_id"] for broker in cluster["brokers"]}
    if cluster.get("controller_id") not in nodes:
        raise TopicsError(refusal)
    try:
        return await admin.create_topics([_new_topic(spec) for spec in specs])
    except (IncompatibleBrokerVersion, UnsupportedVersionError) as problem:
        raise translated(problem, refusal[0], TopicsError) from problem


def _new_topic(spec: TopicSpec) -> NewTopic:
    return NewTopic(
        spec.name,
        spec.partitions,
        spec.replication_factor,
        topic_configs=dict(spec.config),
    )


async def _visible(admin: AIOKafkaAdminClient, names: frozenset[str]) -> None:
    for _ in range(_LOOKS):
        there = {
            topic["topic"] for topic in await _topics(admin) if _has_leaders(topic)
        }
        if names <= there:
            return
        await asyncio.sleep(_POLL_S)
    raise TopicsError(
        ["topics were created but have no leaders yet; check the brokers' logs"]
    )


def _has_leaders(topic: Mapping[str, Any]) -> bool:
    parts = topic["partitions"]
    return bool(parts) and all(part["leader"] >= 0 for part in parts)


async def _topics(admin: AIOKafkaAdminClient) -> list[Mapping[str, Any]]:
    # Ask for all topics: naming one may create it on brokers with automatic topic
    # creation.
    found: list[Mapping[str, Any]] = await admin.describe_topics(None)
    return [topic for topic in found if topic["error_code"] == 0]


async def check(
    admin: AIOKafkaAdminClient, specs: Iterable[TopicSpec]
) -> tuple[str, ...]:
    """Compare existing topics with their declaration.

    Brokers that do not send topic settings are logged; then only names, partition
    counts and replicas are compared.

    Returns
    -------
    tuple of str
        One line per problem, with what to do; empty = no problem.
    """
    specs = tuple(specs)
    found = await check_settings(admin, specs)
    return await check_shapes(admin, specs) + found.refused + found.remarks


async def check_shapes(
    admin: AIOKafkaAdminClient, specs: Iterable[TopicSpec]
) -> tuple[str, ...]:
    """Compare names, partition counts and replicas: nothing works if they are wrong."""
    there = {topic["topic"]: topic for topic in await _topics(admin)}
    problems: list[str] = []
    for spec in specs:
        if spec.name in there:
            problems += _shape(spec, there[spec.name]["partitions"])
        else:
            problems.append(f"{spec.name}: missing; run `refund topics create`")
    return tuple(problems)


class SettingsFound(msgspec.Struct, frozen=True):
    """Wrong topic settings; one line per difference."""

    refused: tuple[str, ...]
    """Differences with which no worker may start."""
    remarks: tuple[str, ...]
    """Differences with which records could be lost later."""


async def check_settings(
    admin: AIOKafkaAdminClient, specs: Iterable[TopicSpec]
) -> SettingsFound:
    """Compare the settings of existing topics."""
    specs = tuple(specs)
    there = {topic["topic"] for topic in await _topics(admin)}
    told = await configs(admin, [spec.name for spec in specs if spec.name in there])
    found = [
        (key in spec.refused, line)
        for spec in specs
        for key, line in _differences(spec, told.get(spec.name, {}))
    ]
    return SettingsFound(
        tuple(line for refused, line in found if refused),
        tuple(line for refused, line in found if not refused),
    )


def _shape(spec: TopicSpec, parts: list[Mapping[str, Any]]) -> Iterator[str]:
    if len(parts) != spec.partitions:
        advice = (
            f"set {spec.sized_by} to that everywhere, or recreate the topic"
            if spec.partitions > 1
            else "recreate the topic"
        )
        yield (
            f"{spec.name}: {len(parts)} partitions, declared {spec.partitions}; {advice}"
            " (adding partitions moves keys)"
        )
    copies = min((len(part["replicas"]) for part in parts), default=0)
    if parts and copies < spec.replication_factor:
        yield (
            f"{spec.name}: {copies} replicas, declared {spec.replication_factor}; "
            "add replicas or lower topics.replication_factor"
        )


async def configs(
    admin: AIOKafkaAdminClient, names: list[str]
) -> Mapping[str, Mapping[str, str]]:
    """Return the settings of topics, by name; topics without an answer are left out."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    try:
        answers = await admin.describe_configs(resources)
    except KafkaError as problem:
        if problem.retriable:
            raise
        _log.warning(
            "the brokers do not report topic settings (%s): clean-up and "
            "retention are not checked",
            type(problem).__name__,
        )
        return {}
    found: dict[str, Mapping[str, str]] = {}
    for answer in answers:
        for code, _message, _kind, name, entries in answer.resources:
            if code == 0:
                found[name] = {key: value for key, value, *_ in entries}
            else:
                _log.warning("%s: cannot read its settings: %s", name, for_code(code))
    return found


_AT_LEAST: Final = {
    "retention.ms": "records would be deleted too early",
    "max.message.bytes": "large dead letters could not be written",
    "min.insync.replicas": "an acknowledged output could be lost",
    "min.compaction.lag.ms": "versions in use would be removed or replaced",
}
"""Settings that may be larger than declared -> what happens when they are smaller."""

_EXACTLY: Final = {
    "cleanup.policy": "records still needed would be deleted",
    "unclean.leader.election.enable": "acknowledged outputs could be lost",
}


def _differences(
    spec: TopicSpec, actual: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield settings whose difference matters, each with its description."""
    declared = dict(spec.config)
    if declared["cleanup.policy"] == "delete":
        declared["retention.bytes"] = str(_UNLIMITED)
    for key, wanted in declared.items():
        have = actual.get(key)
        if have is None or have == wanted:
            continue
        why = _EXACTLY.get(key)
        if key == "retention.bytes":
            why = _AT_LEAST["retention.ms"]
        elif key in _AT_LEAST and _is_less(have, wanted):
            why = _AT_LEAST[key]
        if why is not None:
            yield key, f"{spec.name}: {key}={have}, {why}; set it to {wanted}"


def _is_less(have: str, wanted: str) -> bool:
    return int(have) != _UNLIMITED and int(have) < int(wanted)
