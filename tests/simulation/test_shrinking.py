from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.actions import AddWorker, KillWorker, NodeDown, PauseWorker
from simulation.drawing import plan_of
from simulation.plan import Plan, decode, encode
from simulation.shrinking import Run, shrink
from simulation.shrinking.ddmin import ddmin
from simulation.shrinking.soundness import sound, without_broker, without_worker
from simulation.traffic import traffic_of

START = 1_767_225_600_000
replace = msgspec.structs.replace


def large(seed: int = 0) -> Plan:
    """Return a plan with something of everything."""
    return next(
        plan
        for number in range(seed, seed + 5_000)
        for plan in [plan_of(number, "everything")]
        if len(plan.actions) >= 4
        and len(plan.faults) >= 4
        and len(plan.traffic.extras) >= 3
        and min(plan.workers.count, plan.cluster.brokers, plan.cluster.partitions) > 1
    )


def noting(fails: Callable[[Plan], bool], seen: list[Plan]) -> Run:
    def run(plan: Plan) -> str | None:
        seen.append(plan)
        return "lost:every_offset" if fails(plan) else None

    return run


# -- what is left ----------------------------------------------------------------------


def test_a_plan_that_fails_whatever_it_holds_becomes_the_smallest_there_is() -> None:
    found = shrink(large(), lambda _: "crash:start").after
    assert found.pop("ms") < 10
    parts = ("actions", "faults", "extras", "stories", "payments")
    nothing = dict.fromkeys(parts, 0)
    assert found == nothing | {"workers": 1, "brokers": 1, "partitions": 1}


@pytest.mark.parametrize("seed", [0, 300, 600])
def test_what_the_failure_needs_is_all_that_is_left(seed: int) -> None:
    plan = large(seed)
    kill = KillWorker(at_us=1_234_567, worker=plan.workers.count, back_ms=77)
    plan = replace(plan, actions=(*plan.actions, kill))
    api, number = plan.faults[2].api, plan.traffic.stories[-1].number

    def fails(one: Plan) -> bool:
        return (
            any(isinstance(action, KillWorker) for action in one.actions)
            and any(fault.api == api for fault in one.faults)
            and any(story.number == number for story in one.traffic.stories)
        )

    found = shrink(plan, noting(fails, [])).plan
    assert [type(action) for action in found.actions] == [KillWorker]
    assert [fault.api for fault in found.faults] == [api]
    assert [story.number for story in found.traffic.stories] == [number]
    assert found.traffic.stories[0].scenario == "good_standing"
    (fault,) = found.faults
    assert (fault.worker, fault.node, fault.client) == (None, None, None)
    assert found.traffic.extras == ()
    assert found.workers.count == 1


def test_moments_and_lengths_become_round_where_they_can() -> None:
    plan = large()
    down = NodeDown(at_us=1_234_567, node=1, for_ms=789)
    plan = replace(plan, actions=(down,), faults=())

    def fails(one: Plan) -> bool:
        return any(isinstance(at, NodeDown) and at.for_ms > 450 for at in one.actions)

    (found,) = shrink(plan, noting(fails, [])).plan.actions
    assert found == NodeDown(at_us=1_000_000, node=1, for_ms=700)


def test_a_failure_that_needs_two_workers_keeps_two() -> None:
    plan = large()
    found = shrink(plan, noting(lambda one: one.workers.count >= 2, [])).plan
    assert found.workers.count == 2


def test_a_smaller_plan_with_another_failure_is_not_taken() -> None:
    plan = large()
    whole = len(plan.actions)

    def run(one: Plan) -> str | None:
        return "lost:a" if len(one.actions) == whole else "stuck:b"

    found = shrink(plan, run)
    assert found.signature == "lost:a"
    assert len(found.plan.actions) == whole


def test_a_plan_that_does_not_fail_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fail"):
        shrink(large(), lambda _: None)


# -- how it is found -------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 2, 17, 100])
def test_no_more_runs_are_made_than_are_allowed(most: int) -> None:
    seen: list[Plan] = []
    found = shrink(large(), noting(lambda one: len(one.faults) > 1, seen), most)
    assert len(seen) == found.tries <= most
    assert len(found.plan.faults) > 1


def test_no_plan_is_run_twice() -> None:
    seen: list[Plan] = []
    shrink(large(), noting(lambda one: len(one.actions) > 1, seen), 1_000)
    texts = [encode(plan) for plan in seen]
    assert len(texts) == len(set(texts))


def test_the_result_fails_and_says_how_much_went() -> None:
    plan = large()

    def fails(one: Plan) -> bool:
        return len(one.faults) > 1

    found = shrink(plan, noting(fails, []))
    assert fails(found.plan)
    assert f"faults {len(plan.faults)} → 2" in found.told()
    assert f"{found.tries} runs" in found.told()
    assert found.before["faults"] == len(plan.faults)
    assert found.after["faults"] == 2


def test_nothing_that_could_go_is_said() -> None:
    plan = large()
    found = shrink(plan, noting(lambda one: one == plan, []))
    assert found.plan == plan
    assert found.told().endswith("nothing could go")


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_every_plan_that_is_tried_is_a_universe(seed: int, rng: Any) -> None:  # noqa: ANN401
    seen: list[Plan] = []
    plan = plan_of(seed)
    first = True

    def fails(_: Plan) -> bool:
        nonlocal first
        keep, first = first or rng.random() < 0.4, False
        return keep

    shrink(plan, noting(fails, seen), 60)
    for one in seen:
        assert decode(encode(one)) == one
        assert sound(one) == one
        end_us = one.duration_ms * 1_000
        assert all(action.at_us <= end_us for action in one.actions)
        assert all(fault.from_us <= end_us for fault in one.faults)
        rows = traffic_of(one, START).rows
        assert all(0 <= timed.at_us <= end_us for timed in rows)
        assert all(timed.row.partition < one.cluster.partitions for timed in rows)


# -- leaving out of a row --------------------------------------------------------------


@given(st.lists(st.integers(), unique=True, max_size=30), st.data())
def test_what_is_needed_is_found_wherever_it_stands(
    whole: list[int], data: st.DataObject
) -> None:
    needed = data.draw(st.sets(st.sampled_from(whole)) if whole else st.just(set()))
    asked: list[tuple[int, ...]] = []

    def still_fails(row: tuple[int, ...]) -> bool:
        asked.append(row)
        return needed <= set(row)

    left = ddmin(whole, still_fails)
    assert left == tuple(one for one in whole if one in needed)
    assert len(asked) <= 1 + (len(whole) ** 2 + 3 * len(whole))


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(0, 40))
def test_none_of_what_is_left_can_go(whole: list[int], least: int) -> None:
    if sum(whole) < least:
        return
    left = ddmin(whole, lambda row: sum(row) >= least)
    assert sum(left) >= least
    for at in range(len(left)):
        assert sum(left) - left[at] < least


# -- soundness -------------------------------------------------------------------------


def named(plan: Plan, *actions: Any, workers: int) -> Plan:  # noqa: ANN401
    count = replace(plan.workers, count=workers)
    return replace(plan, workers=count, actions=actions, faults=())


def test_actions_on_a_worker_that_is_not_there_are_left_out() -> None:
    added = AddWorker(at_us=1, worker=3)
    pause = PauseWorker(at_us=2, worker=3, for_ms=5)
    both = sound(named(large(), added, pause, workers=2))
    assert both is not None
    assert both.actions == (added, pause)
    alone = sound(named(large(), pause, workers=2))
    assert alone is not None
    assert alone.actions == ()


def test_a_plan_in_which_nobody_stays_is_none() -> None:
    gone = [KillWorker(at_us=at, worker=at, back_ms=None) for at in (1, 2)]
    assert sound(named(large(), *gone, workers=2)) is None
    assert sound(named(large(), *gone, workers=3)) is not None


def test_workers_move_up_when_one_is_left_out() -> None:
    actions = [PauseWorker(at_us=at, worker=at, for_ms=1) for at in (1, 2, 3)]
    found = without_worker(named(large(), *actions, workers=3), 2)
    assert found.workers.count == 2
    assert [(one.at_us, one.worker) for one in found.actions] == [(1, 1), (3, 2)]  # type: ignore[union-attr]


def test_brokers_move_up_and_replicas_fit_when_one_is_left_out() -> None:
    plan = large()
    cluster = replace(plan.cluster, brokers=3, replicas=3, min_insync=2)
    actions = tuple(NodeDown(at_us=at, node=at, for_ms=1) for at in (1, 2, 3))
    found = without_broker(replace(plan, cluster=cluster, actions=actions), 1)
    assert (found.cluster.brokers, found.cluster.replicas) == (2, 2)
    assert found.cluster.min_insync == 1
    assert [one.at_us for one in found.actions] == [2, 3]
    assert [one.node for one in found.actions] == [1, 2]  # type: ignore[union-attr]
