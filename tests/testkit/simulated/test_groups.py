"""Members of a group: who joins, who is told what, and who is gone."""

import asyncio
import random

from aiokafka.protocol.admin import (
    DeleteGroupsRequest_v1,
    DescribeGroupsRequest_v1,
    DescribeGroupsRequest_v3,
    ListGroupsRequest_v1,
)
from aiokafka.protocol.coordination import (
    FindCoordinatorRequest_v0,
    FindCoordinatorRequest_v1,
)

from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.groups import GroupSettings
from tests.testkit.simulated.control_plane import (
    ASSIGNORS,
    SESSION_MS,
    Talk,
    beat,
    join,
    leave,
    old_join,
    sync,
    talk,
)

NONE = ErrorCode.NONE
REBALANCE = ErrorCode.REBALANCE_IN_PROGRESS
UNKNOWN = ErrorCode.UNKNOWN_MEMBER_ID


def test_a_new_member_is_given_an_id_and_joins_with_it() -> None:
    async def say(talk: Talk) -> None:
        first = await talk.join()
        assert first.error_code == ErrorCode.MEMBER_ID_REQUIRED
        assert first.member_id.startswith("c-")
        joined = await talk.join(first.member_id)
        assert (joined.error_code, joined.generation_id) == (NONE, 1)
        assert joined.leader_id == joined.member_id == first.member_id
        assert joined.group_protocol == "range"
        assert joined.members == [(first.member_id, None, ASSIGNORS[0][1])]

    talk(say)


def test_a_member_of_an_old_client_joins_at_once() -> None:
    async def say(talk: Talk) -> None:
        joined = await talk.ask(old_join())
        assert (joined.error_code, joined.generation_id) == (NONE, 1)

    talk(say)


def test_the_leader_assigns_and_each_member_gets_its_share() -> None:
    async def say(talk: Talk) -> None:
        (leader, follower), generation = await talk.stable(2)
        assert generation == 1
        for member in (leader, follower):
            again = await talk.ask(sync(member, generation))
            assert again.member_assignment == member[-4:].encode()
            assert (await talk.ask(beat(member, generation))).error_code == NONE

    talk(say)


def test_a_second_member_calls_the_first_to_a_rebalance() -> None:
    async def say(talk: Talk) -> None:
        (first,), _ = await talk.stable()
        second = await talk.new_member()
        waiting = talk.later(join(second))
        await asyncio.sleep(1)
        assert not waiting.done()
        assert (await talk.ask(beat(first, 1))).error_code == REBALANCE
        assert (await talk.ask(sync(first, 1))).error_code == REBALANCE
        again = await talk.join(first)
        joined = await waiting
        assert again.generation_id == joined.generation_id == 2
        assert [row[0] for row in again.members] == [first, second]
        assert joined.members == []
        assert (
            await talk.ask(beat(first, 1))
        ).error_code == ErrorCode.ILLEGAL_GENERATION

    talk(say)


def test_a_session_ends_without_heartbeats_and_with_them_it_does_not() -> None:
    async def say(talk: Talk) -> None:
        (leader, silent), generation = await talk.stable(2)
        errors = []
        for _ in range(3):
            await asyncio.sleep(SESSION_MS / 2500)
            errors.append((await talk.ask(beat(leader, generation))).error_code)
        assert errors == [NONE, NONE, REBALANCE]
        assert (await talk.ask(beat(silent, generation))).error_code == UNKNOWN
        alone = await talk.join(leader)
        assert (alone.generation_id, len(alone.members)) == (2, 1)

    talk(say)


def test_a_member_that_does_not_rejoin_in_time_is_dropped() -> None:
    async def say(talk: Talk) -> None:
        ids, generation = await talk.stable(2)
        first, late = ids
        rejoined = talk.later(join(first, assignors=[("range", b"new")]))
        for _ in range(9):
            await asyncio.sleep(3)
            assert (await talk.ask(beat(late, generation))).error_code == REBALANCE
        assert not rejoined.done()
        answer = await rejoined
        assert [row[0] for row in answer.members] == [first]
        assert (await talk.ask(beat(late, generation))).error_code == UNKNOWN

    talk(say)


def test_an_id_that_nobody_uses_holds_up_a_rebalance_only_for_its_session() -> None:
    async def say(talk: Talk) -> None:
        (first,), _ = await talk.stable()
        _ = await talk.new_member(session_ms=6_000)
        waiting = talk.later(join(first))
        await asyncio.sleep(5.9)
        assert not waiting.done()
        await asyncio.sleep(0.2)
        assert (await waiting).generation_id == 2

    talk(say)


def test_a_leader_that_does_not_sync_is_dropped_and_the_followers_join_again() -> None:
    async def say(talk: Talk) -> None:
        ids = [await talk.new_member() for _ in range(2)]
        joins = [talk.later(join(one, rebalance_ms=7_000)) for one in ids]
        leader = (await joins[0]).leader_id
        follower = next(one for one in ids if one != leader)
        waiting = talk.later(sync(follower, 1))
        await asyncio.sleep(6.9)
        assert not waiting.done()
        assert (await waiting).error_code == REBALANCE
        assert (await talk.join(follower)).leader_id == follower

    talk(say)


def test_who_leaves_is_gone_at_once_and_the_last_one_leaves_an_empty_group() -> None:
    async def say(talk: Talk) -> None:
        (leader, follower), _ = await talk.stable(2)
        assert (await talk.ask(leave(leader))).error_code == NONE
        assert (await talk.ask(leave(leader))).error_code == UNKNOWN
        assert (await talk.join(follower)).leader_id == follower
        assert (await talk.ask(leave(follower))).error_code == NONE
        described = await talk.ask(DescribeGroupsRequest_v1(["g"]))
        assert described.groups == [(NONE, "g", "Empty", "consumer", "", [])]
        newcomer = await talk.new_member()
        assert (await talk.join(newcomer)).generation_id == 4

    talk(say)


def test_a_follower_that_joins_again_unchanged_disturbs_nobody() -> None:
    async def say(talk: Talk) -> None:
        (leader, follower), _ = await talk.stable(2)
        assert (await talk.join(follower)).generation_id == 1
        assert (await talk.ask(beat(leader, 1))).error_code == NONE
        _ = talk.later(join(follower, assignors=[("range", b"other")]))
        await asyncio.sleep(0.1)
        assert (await talk.ask(beat(leader, 1))).error_code == REBALANCE

    talk(say)


def test_the_leader_that_joins_again_begins_a_rebalance() -> None:
    async def say(talk: Talk) -> None:
        (leader,), _ = await talk.stable()
        assert (await talk.join(leader)).generation_id == 2

    talk(say)


def test_the_assignor_with_most_votes_that_all_have_is_taken() -> None:
    async def say(talk: Talk) -> None:
        offers = [
            [("range", b""), ("sticky", b"")],
            [("sticky", b""), ("range", b"")],
            [("sticky", b""), ("range", b""), ("own", b"")],
        ]
        ids = [await talk.new_member() for _ in offers]
        joins = [
            talk.later(join(one, assignors=offer))
            for one, offer in zip(ids, offers, strict=True)
        ]
        assert {(await one).group_protocol for one in joins} == {"sticky"}

    talk(say)


def test_a_member_without_a_common_assignor_or_of_another_type_is_refused() -> None:
    async def say(talk: Talk) -> None:
        _ = await talk.stable()
        refused = ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        assert (await talk.join(assignors=[("own", b"")])).error_code == refused
        assert (await talk.join(kind="connect")).error_code == refused
        assert (await talk.join(group="h", assignors=[])).error_code == refused

    talk(say)


def test_wrong_time_outs_names_and_ids_are_refused() -> None:
    async def say(talk: Talk) -> None:
        invalid = ErrorCode.INVALID_SESSION_TIMEOUT
        for session_ms, error in (
            (5_999, invalid),
            (6_000, ErrorCode.MEMBER_ID_REQUIRED),
            (1_800_000, ErrorCode.MEMBER_ID_REQUIRED),
            (1_800_001, invalid),
        ):
            assert (await talk.join(session_ms=session_ms)).error_code == error
        assert (await talk.join(group="")).error_code == ErrorCode.INVALID_GROUP_ID
        assert (await talk.join("made up")).error_code == UNKNOWN
        assert (await talk.join("made up", group="new")).error_code == UNKNOWN

    talk(say)


def test_a_full_group_takes_nobody_else() -> None:
    async def say(talk: Talk) -> None:
        _ = await talk.stable()
        assert (await talk.join()).error_code == ErrorCode.GROUP_MAX_SIZE_REACHED

    talk(say, GroupSettings(max_size=1))


def test_the_first_generation_waits_for_more_members() -> None:
    async def say(talk: Talk) -> None:
        first = talk.later(old_join())
        await asyncio.sleep(2)
        second = talk.later(old_join())
        await asyncio.sleep(2)  # more time, since somebody has come
        assert not first.done()
        answers = await asyncio.gather(first, second)
        assert [answer.generation_id for answer in answers] == [1, 1]

    talk(say, GroupSettings(initial_rebalance_delay_ms=3_000))


def test_a_static_member_comes_back_under_a_new_id_and_keeps_its_assignment() -> None:
    async def say(talk: Talk) -> None:
        ids, generation = await static_pair(talk)
        back = await talk.join(instance="b")
        assert (back.error_code, back.generation_id) == (NONE, generation)
        assert back.member_id not in ids.values()
        kept = await talk.ask(sync(back.member_id, generation, instance="b"))
        assert kept.member_assignment == b"share of b"
        assert (await talk.ask(beat(ids["a"], generation))).error_code == NONE
        assert (await talk.ask(beat(ids["b"], generation))).error_code == UNKNOWN
        fenced = ErrorCode.FENCED_INSTANCE_ID
        old_sync = sync(ids["b"], generation, instance="b")
        assert (await talk.ask(old_sync)).error_code == fenced
        assert (await talk.join(ids["b"], instance="b")).error_code == fenced

    talk(say)


async def static_pair(talk: Talk) -> tuple[dict[str, str], int]:
    """Bring two static members, a and b, into a stable group."""
    joins = {name: talk.later(join(instance=name)) for name in ("a", "b")}
    answers = {name: await one for name, one in joins.items()}
    ids = {name: answer.member_id for name, answer in answers.items()}
    generation = answers["a"].generation_id
    leader = answers["a"].leader_id
    shares = [(one, f"share of {name}".encode()) for name, one in ids.items()]
    waiting = [
        talk.later(sync(one, generation, instance=name))
        for name, one in ids.items()
        if one != leader
    ]
    name = next(name for name, one in ids.items() if one == leader)
    _ = await talk.ask(sync(leader, generation, shares, instance=name))
    _ = await asyncio.gather(*waiting)
    return ids, generation


def test_a_static_leader_that_comes_back_is_told_of_the_old_leader() -> None:
    async def say(talk: Talk) -> None:
        ids, generation = await static_pair(talk)
        described = talk.cluster.groups.by_id["g"]
        leads = next(name for name, one in ids.items() if one == described.leader)
        back = await talk.join(instance=leads)
        assert back.generation_id == generation
        assert back.leader_id == ids[leads] != back.member_id
        assert back.members == []
        assert described.leader == back.member_id

    talk(say)


def test_a_static_member_with_another_subscription_keeps_the_generation_as_in_kafka() -> (
    None
):
    async def say(talk: Talk) -> None:
        _, generation = await static_pair(talk)
        changed = await talk.join(instance="b", assignors=[("range", b"other")])
        assert changed.generation_id == generation

    talk(say)


def test_a_static_member_that_waits_is_fenced_by_its_successor() -> None:
    async def say(talk: Talk) -> None:
        ids, _ = await static_pair(talk)
        other = talk.later(join(ids["b"], instance="b", assignors=[("range", b"x")]))
        await asyncio.sleep(0.1)
        successor = talk.later(join(instance="b"))
        assert (await other).error_code == ErrorCode.FENCED_INSTANCE_ID
        again = await talk.join(ids["a"], instance="a")
        assert (await successor).generation_id == again.generation_id

    talk(say)


def test_a_static_member_stays_without_joining_until_its_session_ends() -> None:
    async def say(talk: Talk) -> None:
        ids, _ = await static_pair(talk)
        rejoined = talk.later(join(ids["a"], instance="a", rebalance_ms=6_000))
        rejoined.cancel()
        await asyncio.sleep(SESSION_MS / 1000 + 1)
        assert (await talk.ask(beat(ids["b"], 1))).error_code == UNKNOWN

    talk(say)


def test_a_static_member_that_says_it_leaves_is_gone_and_its_name_is_free() -> None:
    async def say(talk: Talk) -> None:
        ids, generation = await static_pair(talk)
        assert (await talk.ask(leave(ids["b"]))).error_code == NONE
        assert (await talk.ask(beat(ids["a"], generation))).error_code == REBALANCE
        newcomer = talk.later(join(instance="b"))
        await asyncio.sleep(0.1)
        again = await talk.join(ids["a"], instance="a")
        assert (await newcomer).generation_id == again.generation_id > generation

    talk(say)


def test_a_client_that_hangs_up_while_it_joins_is_a_member_all_the_same() -> None:
    async def say(talk: Talk) -> None:
        (first,), _ = await talk.stable()
        second = await talk.new_member()
        gone = talk.later(join(second))
        await asyncio.sleep(0.1)
        gone.cancel()
        answer = await talk.join(first)
        assert [row[0] for row in answer.members] == [first, second]

    talk(say)


def test_the_coordinator_is_named_and_other_nodes_refuse() -> None:
    async def say(talk: Talk) -> None:
        _ = await talk.stable()
        old = await talk.ask(FindCoordinatorRequest_v0("g"), node=1)
        found = await talk.ask(FindCoordinatorRequest_v1("g", 0), node=2)
        assert old.error_code == found.error_code == NONE
        assert old.coordinator_id == found.coordinator_id
        assert old.host == found.host == f"broker-{found.coordinator_id}"
        other = found.coordinator_id % 3 + 1
        wrong = ErrorCode.NOT_COORDINATOR
        assert (await talk.ask(join(), node=other)).error_code == wrong
        assert (await talk.ask(beat("x", 1), node=other)).error_code == wrong
        listed = await talk.ask(ListGroupsRequest_v1(), node=other)
        assert listed.groups == []
        listed = await talk.ask(ListGroupsRequest_v1(), node=found.coordinator_id)
        assert listed.groups == [("g", "consumer")]

    talk(say)


def test_after_a_move_the_members_go_on_in_their_generation() -> None:
    async def say(talk: Talk) -> None:
        (leader, follower), generation = await talk.stable(2)
        old = talk.cluster.groups.coordinator_node("g") or 0
        new = talk.cluster.groups.move("g")
        assert new not in (None, old)
        wrong, loading = (
            ErrorCode.NOT_COORDINATOR,
            ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
        )
        assert (await talk.ask(beat(leader, generation), node=old)).error_code == wrong
        assert (await talk.ask(sync(leader, generation))).error_code == loading
        assert (await talk.ask(leave(leader))).error_code == loading
        # A heartbeat is not refused: clients would take that for the end.
        assert (await talk.ask(beat(leader, generation))).error_code == NONE
        await asyncio.sleep(0.1)
        for member in (leader, follower):
            assert (await talk.ask(beat(member, generation))).error_code == NONE
            kept = await talk.ask(sync(member, generation))
            assert kept.member_assignment == member[-4:].encode()
        await asyncio.sleep(SESSION_MS / 1000 + 0.1)
        assert (await talk.ask(beat(leader, generation))).error_code == UNKNOWN

    talk(say)


def test_a_move_in_a_rebalance_falls_back_to_the_generation_in_the_log() -> None:
    async def say(talk: Talk) -> None:
        (first,), _ = await talk.stable()
        second = await talk.new_member()
        waiting = talk.later(join(second))
        again = talk.later(join(first))
        assert (await waiting).generation_id == (await again).generation_id == 2
        syncing = talk.later(sync(second, 2))
        await asyncio.sleep(0.1)
        _ = talk.cluster.groups.move("g")
        assert (await syncing).error_code == ErrorCode.NOT_COORDINATOR
        await asyncio.sleep(0.1)
        assert (await talk.ask(beat(second, 2))).error_code == UNKNOWN
        illegal = ErrorCode.ILLEGAL_GENERATION
        assert (await talk.ask(beat(first, 2))).error_code == illegal
        assert (await talk.ask(beat(first, 1))).error_code == NONE

    talk(say)


def test_a_move_refuses_who_waits_to_join() -> None:
    async def say(talk: Talk) -> None:
        _ = await talk.stable()
        waiting = talk.later(old_join())
        await asyncio.sleep(0.1)
        _ = talk.cluster.groups.move("g")
        assert (await waiting).error_code == ErrorCode.NOT_COORDINATOR

    talk(say)


def test_a_node_that_goes_down_hands_its_groups_on_and_the_last_one_waits() -> None:
    async def say(talk: Talk) -> None:
        cluster = talk.cluster
        (member,), generation = await talk.stable()
        node = 0
        for _ in range(3):
            node = cluster.groups.coordinator_node("g") or 0
            cluster.nodes[node].up = False
            cluster.groups.node_down(node)
        assert cluster.groups.coordinator_node("g") is None
        found = await talk.ask(FindCoordinatorRequest_v1("g", 0), node=1)
        assert found.error_code == ErrorCode.COORDINATOR_NOT_AVAILABLE
        cluster.nodes[node].up = True
        cluster.groups.node_up(node)
        await asyncio.sleep(0.1)
        assert (await talk.ask(beat(member, generation))).error_code == NONE

    talk(say)


def test_a_suspended_coordinator_notices_a_silent_member_only_when_it_goes_on() -> None:
    async def say(talk: Talk) -> None:
        cluster = talk.cluster
        _ = await talk.stable()
        group = cluster.groups.by_id["g"]
        running = cluster.nodes[cluster.groups.coordinator_node("g") or 0].running
        running.clear()
        await asyncio.sleep(SESSION_MS / 1000 + 5)
        assert group.state == "Stable"
        running.set()
        await asyncio.sleep(0.1)
        assert group.state == "Empty"

    talk(say)


def test_whatever_members_do_nobody_waits_for_ever() -> None:
    async def say(talk: Talk) -> None:
        rng = random.Random(3)  # noqa: S311 - a seed
        clients = [Client(talk) for _ in range(4)]
        begun: list[int] = []

        def generation(_group: str, number: int, _members: dict[str, str]) -> None:
            begun.append(number)

        talk.cluster.observer.generation = generation  # type: ignore[method-assign, assignment]
        for _ in range(1_500):
            rng.choice(clients).act(rng)
            if rng.random() < 0.02:
                _ = talk.cluster.groups.move("g")
            await asyncio.sleep(rng.choice((0.01, 0.2, 2.0)))
        await asyncio.sleep(400)
        assert [
            one.doing for one in clients if one.doing and not one.doing.done()
        ] == []
        assert len(begun) > 50
        group = talk.cluster.groups.by_id.get("g")
        assert group is None or (group.state == "Empty" and not group.members)

    talk(say)


class Client:
    """A member that does one thing after another, whether it makes sense or not."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.member, self.generation = "", -1
        self.doing: asyncio.Task[None] | None = None

    def act(self, rng: random.Random) -> None:
        """Do something, if nothing is under way; sometimes give that up."""
        if self.doing is not None and not self.doing.done():
            if rng.random() < 0.1:
                self.doing.cancel()
            return
        what = rng.choice((self.join, self.join, self.sync, self.sync, self.beat))
        if rng.random() < 0.05:
            what = self.leave
        self.doing = asyncio.get_running_loop().create_task(what())

    async def join(self) -> None:
        answer = await self.talk.join(self.member, rebalance_ms=8_000)
        if answer.error_code in (NONE, ErrorCode.MEMBER_ID_REQUIRED):
            self.member, self.generation = answer.member_id, answer.generation_id
        elif answer.error_code == UNKNOWN:
            self.member = ""

    async def sync(self) -> None:
        _ = await self.talk.ask(sync(self.member, self.generation))

    async def beat(self) -> None:
        _ = await self.talk.ask(beat(self.member, self.generation))

    async def leave(self) -> None:
        _ = await self.talk.ask(leave(self.member))
        self.member = ""


def test_groups_are_described_and_only_empty_ones_are_deleted() -> None:
    async def say(talk: Talk) -> None:
        (member,), _ = await talk.stable()
        described = await talk.ask(DescribeGroupsRequest_v3(["g"], False))
        share = member[-4:].encode()
        row = (member, "c", "/10.0.0.7", ASSIGNORS[0][1], share)
        rights = -(2**31)
        assert described.groups == [
            (NONE, "g", "Stable", "consumer", "range", [row], rights)
        ]
        none = await talk.ask(DescribeGroupsRequest_v1(["no"]), node=1)
        assert none.groups[0][0] in (NONE, ErrorCode.NOT_COORDINATOR)

        async def delete() -> object:
            return (await talk.ask(DeleteGroupsRequest_v1(["g"]))).results

        assert await delete() == [("g", ErrorCode.NON_EMPTY_GROUP)]
        _ = await talk.ask(leave(member))
        assert await delete() == [("g", NONE)]
        assert await delete() == [("g", ErrorCode.GROUP_ID_NOT_FOUND)]

    talk(say)


def test_the_observer_is_told_of_each_generation_with_the_leader_first() -> None:
    async def say(talk: Talk) -> None:
        told: list[tuple[str, int, list[str]]] = []

        def generation(group: str, number: int, members: dict[str, str]) -> None:
            told.append((group, number, list(members.values())))

        talk.cluster.observer.generation = generation  # type: ignore[method-assign, assignment]
        (leader, _), _ = await talk.stable(2)
        assert told == [("g", 1, ["c", "c"])]
        assert talk.cluster.groups.by_id["g"].leader == leader

    talk(say)
