"""What Kafka's controller says to requests about topics; its own words were compared."""

from typing import Any

import pytest
from aiokafka.protocol.admin import (
    AlterConfigsRequest_v1,
    CreatePartitionsRequest_v1,
    CreateTopicsRequest_v3,
    DeleteTopicsRequest_v3,
    DescribeConfigsRequest_v2,
)

from testkit.simulated.error_codes import ErrorCode
from tests.testkit.simulated.data_plane import Talk, talk

NAMED = "Topic name is invalid: "
VALUE = "Invalid value "
PLACED = "The manual partition assignment includes "


def new(
    name: str = "n",
    partitions: int = 1,
    replicas: int = 1,
    placed: tuple[tuple[int, list[int]], ...] = (),
    **configs: str,
) -> tuple[Any, ...]:
    chosen = [(key.replace("_", "."), value) for key, value in configs.items()]
    return name, partitions, replicas, list(placed), chosen


@pytest.mark.parametrize(
    ("row", "error", "words"),
    [
        (new("t"), ErrorCode.TOPIC_ALREADY_EXISTS, "Topic 't' already exists."),
        (new(""), ErrorCode.INVALID_TOPIC_EXCEPTION, NAMED),
        (new("a b"), ErrorCode.INVALID_TOPIC_EXCEPTION, NAMED),
        (new("x" * 250), ErrorCode.INVALID_TOPIC_EXCEPTION, NAMED),
        (new("o.k"), ErrorCode.NONE, ""),
        (new(partitions=0), ErrorCode.INVALID_PARTITIONS, "Number of partitions"),
        (new(partitions=-1), ErrorCode.NONE, ""),
        (new(replicas=0), ErrorCode.INVALID_REPLICATION_FACTOR, "Replication factor"),
        (new(replicas=4), ErrorCode.INVALID_REPLICATION_FACTOR, "Unable to replicate"),
        (new(replicas=-1), ErrorCode.NONE, ""),
        (new(no_such="1"), ErrorCode.INVALID_CONFIG, "Unknown topic config name"),
        (new(retention_ms="x"), ErrorCode.INVALID_CONFIG, VALUE),
        (new(retention_ms="-2"), ErrorCode.INVALID_CONFIG, VALUE),
        (new(cleanup_policy="compact,delete"), ErrorCode.NONE, ""),
        (new(cleanup_policy="forget"), ErrorCode.INVALID_CONFIG, VALUE),
        (
            new(partitions=-1, replicas=-1, placed=((0, [1]), (2, [1]))),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "partitions should be",
        ),
        (
            new(partitions=-1, replicas=-1, placed=((0, [1]), (1, [1, 2]))),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            PLACED,
        ),
        (
            new(partitions=-1, replicas=-1, placed=((0, [1, 1]),)),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            PLACED,
        ),
        (
            new(partitions=-1, replicas=-1, placed=((0, [9]),)),
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            PLACED,
        ),
        (
            new(partitions=2, replicas=-1, placed=((0, [1]),)),
            ErrorCode.INVALID_REQUEST,
            "A manual partition assignment",
        ),
    ],
)
def test_a_topic_is_created_or_refused_with_a_reason(
    row: tuple[Any, ...], error: ErrorCode, words: str
) -> None:
    async def about(it: Talk) -> None:
        answer = await it.ask(CreateTopicsRequest_v3([row], 1_000, False))
        ((name, code, message),) = answer.topic_errors
        assert (name, code) == (row[0], error)
        assert (message or "").startswith(words)
        assert (name in it.cluster.topics.by_name) == (
            error in (ErrorCode.NONE, ErrorCode.TOPIC_ALREADY_EXISTS)
        )

    talk(about)


def test_names_that_differ_in_a_period_only_collide() -> None:
    async def about(it: Talk) -> None:
        rows = [new("a.b"), new("a_b"), new("b"), new("b")]
        answer = await it.ask(CreateTopicsRequest_v3(rows, 1_000, False))
        assert {row[0]: row[1] for row in answer.topic_errors} == {
            "a.b": ErrorCode.NONE,
            "a_b": ErrorCode.INVALID_TOPIC_EXCEPTION,
            "b": ErrorCode.INVALID_REQUEST,
        }

    talk(about)


def test_a_request_that_only_checks_changes_nothing() -> None:
    async def about(it: Talk) -> None:
        await it.ask(CreateTopicsRequest_v3([new()], 1_000, True))
        assert list(it.cluster.topics.by_name) == ["t"]
        await it.ask(CreatePartitionsRequest_v1([("t", (3, None))], 1_000, True))
        assert len(it.cluster.topics.by_name["t"].partitions) == 1

    talk(about)


def test_chosen_replicas_are_taken_in_their_order() -> None:
    async def about(it: Talk) -> None:
        row = new(partitions=-1, replicas=-1, placed=((1, [2, 1]), (0, [3, 2])))
        await it.ask(CreateTopicsRequest_v3([row], 1_000, False))
        parts = it.cluster.topics.by_name["n"].partitions
        assert [(one.leader, one.replicas) for one in parts] == [
            (3, [3, 2]),
            (2, [2, 1]),
        ]

    talk(about)


@pytest.mark.parametrize(
    ("count", "placed", "error"),
    [
        (3, None, ErrorCode.NONE),
        (1, None, ErrorCode.INVALID_PARTITIONS),
        (0, None, ErrorCode.INVALID_PARTITIONS),
        (2, [[2, 3, 1]], ErrorCode.NONE),
        (3, [[2, 3, 1]], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
    ],
)
def test_partitions_are_added_or_refused(
    count: int, placed: list[list[int]] | None, error: ErrorCode
) -> None:
    async def about(it: Talk) -> None:
        rows = [("t", (count, placed)), ("missing", (2, None))]
        answer = await it.ask(CreatePartitionsRequest_v1(rows, 1_000, False))
        codes = {row[0]: row[1] for row in answer.topic_errors}
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert codes == {"t": error, "missing": unknown}
        parts = it.cluster.topics.by_name["t"].partitions
        assert len(parts) == (1 if error else count)
        if placed and not error:
            assert parts[-1].leader == placed[0][0]

    talk(about)


def test_topics_are_deleted_each_for_itself() -> None:
    async def about(it: Talk) -> None:
        it.cluster.topics.create("twice", 1)
        names = ["t", "missing", "twice", "twice"]
        answer = await it.ask(DeleteTopicsRequest_v3(names, 1_000))
        assert dict(tuple(row) for row in answer.topic_error_codes) == {
            "t": ErrorCode.NONE,
            "missing": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
            "twice": ErrorCode.INVALID_REQUEST,
        }
        assert list(it.cluster.topics.by_name) == ["twice"]

    talk(about)


def test_a_changed_setting_is_told_and_followed() -> None:
    async def about(it: Talk) -> None:
        settings = [("max.message.bytes", "10")]
        answer = await it.ask(AlterConfigsRequest_v1([(2, "t", settings)], False))
        assert answer.resources[0][0] == ErrorCode.NONE
        assert (await it.produce())[0] == ErrorCode.MESSAGE_TOO_LARGE
        asked = DescribeConfigsRequest_v2([(2, "t", None)], True)
        rows = {row[0]: row for row in (await it.ask(asked)).resources[0][4]}
        assert len(rows) == 33
        assert tuple(rows["max.message.bytes"][1:4]) == ("10", False, 1)
        assert [tuple(one) for one in rows["max.message.bytes"][5]] == [
            ("max.message.bytes", "10", 1),
            ("message.max.bytes", "1048588", 5),
        ]
        assert rows["min.insync.replicas"][1] == "1"  # no longer what was chosen

    talk(about)
