"""Committed offsets: who may commit, what is kept, and when it is gone."""

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.protocol.admin import DeleteGroupsRequest_v1, ListGroupsRequest_v1
from aiokafka.protocol.commit import (
    OffsetCommitRequest_v2,
    OffsetCommitRequest_v3,
    OffsetFetchRequest_v1,
    OffsetFetchRequest_v2,
    OffsetFetchRequest_v3,
)

from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.groups import GroupSettings
from tests.testkit.simulated.control_plane import (
    SESSION_MS,
    Talk,
    beat,
    join,
    leave,
    talk,
)

NONE = ErrorCode.NONE


def commit(
    offset: int, member: str = "", generation: int = -1, **said: Any
) -> OffsetCommitRequest_v3:
    where = [(said.get("partition", 0), offset, said.get("metadata", "m"))]
    topics = [(said.get("topic", "t"), where)]
    keep_ms = said.get("keep_ms", -1)
    return OffsetCommitRequest_v3("g", generation, member, keep_ms, topics)


async def error_of(talk: Talk, request: OffsetCommitRequest_v3) -> int:
    response = await talk.ask(request)
    ((_, ((_, error),)),) = response.topics
    return int(error)


async def committed(talk: Talk) -> list[Any]:
    """Ask for all that is committed."""
    response = await talk.ask(OffsetFetchRequest_v3("g", None))
    assert response.error_code == NONE
    return [(t, n, at, said) for t, rows in response.topics for n, at, said, _ in rows]


def test_a_group_without_members_takes_offsets_without_a_generation() -> None:
    async def say(talk: Talk) -> None:
        assert await error_of(talk, commit(5)) == NONE
        assert await error_of(talk, commit(7, partition=1, metadata="")) == NONE
        assert await committed(talk) == [("t", 0, 5, "m"), ("t", 1, 7, "")]
        assert talk.cluster.groups.committed("g") == {
            TopicPartition("t", 0): (5, "m"),
            TopicPartition("t", 1): (7, ""),
        }

    talk(say)


def test_what_is_not_committed_is_minus_one() -> None:
    async def say(talk: Talk) -> None:
        _ = await talk.ask(commit(5))
        for struct in (
            OffsetFetchRequest_v1,
            OffsetFetchRequest_v2,
            OffsetFetchRequest_v3,
        ):
            response = await talk.ask(struct("g", [("t", [1, 0]), ("no", [0])]))
            assert response.topics == [
                ("t", [(1, -1, "", NONE), (0, 5, "m", NONE)]),
                ("no", [(0, -1, "", NONE)]),
            ]

    talk(say)


def test_only_members_of_the_generation_commit_to_a_group_with_members() -> None:
    async def say(talk: Talk) -> None:
        (member,), generation = await talk.stable()
        unknown, illegal = ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION
        assert await error_of(talk, commit(1)) == unknown
        assert await error_of(talk, commit(1, "x", generation)) == unknown
        assert await error_of(talk, commit(1, member, generation - 1)) == illegal
        assert await error_of(talk, commit(1, member, generation + 1)) == illegal
        assert await committed(talk) == []
        assert await error_of(talk, commit(1, member, generation)) == NONE
        assert await committed(talk) == [("t", 0, 1, "m")]

    talk(say)


def test_a_generation_that_nobody_knows_commits_nothing() -> None:
    async def say(talk: Talk) -> None:
        illegal = ErrorCode.ILLEGAL_GENERATION
        assert await error_of(talk, commit(1, "x", 1)) == illegal

    talk(say)


def test_a_commit_is_taken_while_members_join_and_refused_until_they_have_synced() -> (
    None
):
    async def say(talk: Talk) -> None:
        (member,), generation = await talk.stable()
        second = await talk.new_member()
        waiting = talk.later(join(second))
        await asyncio.sleep(0.1)
        assert await error_of(talk, commit(3, member, generation)) == NONE
        generation = (await talk.join(member)).generation_id
        _ = await waiting
        under_way = ErrorCode.REBALANCE_IN_PROGRESS
        assert await error_of(talk, commit(4, member, generation)) == under_way
        assert await committed(talk) == [("t", 0, 3, "m")]

    talk(say)


def test_a_commit_keeps_a_session_alive() -> None:
    async def say(talk: Talk) -> None:
        (member,), generation = await talk.stable()
        for offset in range(3):
            await asyncio.sleep(SESSION_MS * 0.8 / 1000)
            assert await error_of(talk, commit(offset, member, generation)) == NONE

    talk(say)


def test_unknown_partitions_and_long_metadata_are_refused_one_by_one() -> None:
    async def say(talk: Talk) -> None:
        topics = [
            ("t", [(0, 1, "a" * 4096), (1, 2, "b" * 4097), (2, 3, "c")]),
            ("no", [(0, 4, "d")]),
        ]
        answer = await talk.ask(OffsetCommitRequest_v2("g", -1, "", -1, topics))
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        long = ErrorCode.OFFSET_METADATA_TOO_LARGE
        assert answer.topics == [
            ("t", [(2, unknown), (0, NONE), (1, long)]),
            ("no", [(0, unknown)]),
        ]
        assert [row[:3] for row in await committed(talk)] == [("t", 0, 1)]

    talk(say)


def test_an_error_of_the_group_stands_alone_and_names_no_partition() -> None:
    async def say(talk: Talk) -> None:
        _ = await talk.ask(commit(5))
        node = talk.cluster.groups.coordinator_node("g") or 0
        wrong = ErrorCode.NOT_COORDINATOR
        where: list[Any] = [("t", [0])]
        new = await talk.ask(OffsetFetchRequest_v3("g", where), node=node % 3 + 1)
        assert (new.error_code, new.topics) == (wrong, [])
        old = await talk.ask(OffsetFetchRequest_v1("g", where), node=node % 3 + 1)
        assert old.topics == [("t", [(0, -1, "", wrong)])]
        answer = await talk.ask(commit(6), node=node % 3 + 1)
        assert answer.topics == [("t", [(0, wrong)])]

    talk(say)


def test_offsets_survive_a_move_of_the_coordinator() -> None:
    async def say(talk: Talk) -> None:
        _ = await talk.ask(commit(5))
        _ = talk.cluster.groups.move("g")
        loading = ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        assert await error_of(talk, commit(6)) == loading
        await asyncio.sleep(0.1)
        assert await committed(talk) == [("t", 0, 5, "m")]
        assert await error_of(talk, commit(6)) == NONE

    talk(say)


def test_offsets_go_with_their_topic_and_with_their_group() -> None:
    async def say(talk: Talk) -> None:
        _ = await talk.ask(commit(5))
        _ = await talk.ask(commit(6, topic="u"))
        talk.cluster.topics.delete("t")
        assert await committed(talk) == [("u", 0, 6, "m")]
        _ = await talk.ask(DeleteGroupsRequest_v1(["g"]))
        assert await committed(talk) == []

    talk(say)


QUICK = GroupSettings(offsets_retention_ms=60_000, offsets_check_interval_ms=10_000)


def test_offsets_age_from_when_the_group_has_lost_its_members_and_go_with_it() -> None:
    async def say(talk: Talk) -> None:
        (member,), generation = await talk.stable()
        _ = await talk.ask(commit(5, member, generation))
        for _ in range(5):
            await asyncio.sleep(0.9 * SESSION_MS / 1000)
            _ = await talk.ask(beat(member, generation))
        _ = await talk.ask(leave(member))
        await asyncio.sleep(55)
        assert [row[2] for row in await committed(talk)] == [5]
        await asyncio.sleep(20)
        assert await committed(talk) == []
        listed = [
            (await talk.ask(ListGroupsRequest_v1(), node=node)).groups
            for node in (1, 2, 3)
        ]
        assert listed == [[], [], []]

    talk(say, QUICK)


def test_offsets_of_a_topic_that_members_read_do_not_expire() -> None:
    async def say(talk: Talk) -> None:
        (member,), generation = await talk.stable()
        _ = await talk.ask(commit(5, member, generation))
        _ = await talk.ask(commit(6, member, generation, topic="u"))
        for _ in range(30):
            await asyncio.sleep(0.9 * SESSION_MS / 1000)
            _ = await talk.ask(commit(5, member, generation))
        assert [row[:3] for row in await committed(talk)] == [("t", 0, 5)]

    talk(say, QUICK)


def test_a_client_may_say_how_long_its_offsets_are_kept() -> None:
    async def say(talk: Talk) -> None:
        _ = await talk.ask(commit(5, keep_ms=3_600_000))
        _ = await talk.ask(commit(6, partition=1))
        await asyncio.sleep(3_500)
        assert len(await committed(talk)) == 2
        await asyncio.sleep(800)
        assert [row[:3] for row in await committed(talk)] == [("t", 1, 6)]

    talk(say)
