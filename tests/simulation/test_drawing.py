from collections import Counter
from statistics import median
from typing import Any, get_args

import pytest

from simulation.actions import Action, AddWorker, ChangedLog
from simulation.drawing import plan_of
from simulation.drawing.traffic import requests_of
from simulation.plan import PROFILES, Plan, Profile
from simulation.request_faults import KINDS_OF, TIMED, Api, Kind
from simulation.stories import Change, Extra, Late

PLANS = [plan_of(seed) for seed in range(2_000)]


def members(union: object) -> set[type]:
    """Return the classes of a union of unions."""
    found = get_args(union)
    return set().union(*map(members, found)) if found else {union}  # type: ignore[arg-type]


def requests(plan: Plan) -> int:
    return sum(map(requests_of, plan.traffic.stories))


# -- sizes -----------------------------------------------------------------------------


def test_a_plan_asks_six_to_forty_times_and_most_plans_ask_little() -> None:
    asked = [requests(plan) for plan in PLANS]
    assert min(asked) == 6
    assert 35 <= max(asked) <= 40
    assert median(asked) <= 15


def test_a_plan_takes_one_and_a_half_to_twelve_seconds() -> None:
    assert all(1_500 <= plan.duration_ms <= 12_000 for plan in PLANS)


def test_there_are_one_to_three_brokers_partitions_and_workers() -> None:
    assert {plan.cluster.brokers for plan in PLANS} == {1, 2, 3}
    assert {plan.cluster.partitions for plan in PLANS} == {1, 2, 3}
    assert {plan.workers.count for plan in PLANS} == {1, 2, 3}
    assert {plan.workers.static_members for plan in PLANS} == {True, False}


def test_no_more_replicas_must_be_in_sync_than_there_may_be_when_one_is_away() -> None:
    for plan in PLANS:
        cluster = plan.cluster
        assert 1 <= cluster.replicas <= cluster.brokers
        assert cluster.min_insync <= max(1, cluster.replicas - 1)


# -- what is drawn ---------------------------------------------------------------------


def test_every_kind_of_action_fault_and_extra_is_drawn() -> None:
    actions = {type(one) for plan in PLANS for one in plan.actions}
    assert actions == members(Action)
    faults = {(one.api, one.kind) for plan in PLANS for one in plan.faults}
    assert {api for api, _ in faults} == set(get_args(Api))
    assert {kind for _, kind in faults} == set(get_args(Kind))
    extras = {type(one) for plan in PLANS for one in plan.traffic.extras}
    assert extras == members(Extra)
    changes = {
        getattr(one, "what", None) for plan in PLANS for one in plan.traffic.extras
    }
    assert changes - {None} == set(get_args(Change))
    late = {one.late for plan in PLANS for one in plan.traffic.stories}
    assert late == set(get_args(Late))


def test_a_fault_is_one_that_its_request_can_have() -> None:
    for plan in PLANS:
        for one in plan.faults:
            assert one.kind in KINDS_OF[one.api]
            assert (one.ms > 0) == (one.kind in TIMED)
            assert one.nth >= 1
            assert one.times >= 1


def test_every_profile_is_drawn_and_the_mixed_one_most_often() -> None:
    drawn = Counter(plan.profile for plan in PLANS)
    assert set(drawn) == set(PROFILES)
    assert drawn.most_common(1)[0][0] == "everything"


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_can_be_named(profile: Profile) -> None:
    assert {plan_of(seed, profile).profile for seed in range(20)} == {profile}


def test_a_seed_is_the_same_universe_when_its_own_profile_is_named() -> None:
    assert all(plan_of(plan.seed, plan.profile) == plan for plan in PLANS[:100])


def test_nothing_is_done_to_a_calm_universe() -> None:
    for seed in range(50):
        plan = plan_of(seed, "calm")
        assert plan.actions == ()
        assert plan.faults == ()


def test_only_a_universe_whose_logs_change_may_end_with_code_2() -> None:
    changed = get_args(ChangedLog)
    for plan in PLANS:
        found = [one for one in plan.actions if isinstance(one, changed)]
        assert (plan.expected == "code 2") == (plan.profile == "logs") == bool(found)
        assert len(found) <= 1


# -- progress can be demanded ----------------------------------------------------------


def ends_us(one: Any) -> int:  # noqa: ANN401 - any action
    lengths = [getattr(one, name, 0) or 0 for name in ("for_ms", "back_ms", "again_ms")]
    after_us: int = max(1_000 * max(lengths), getattr(one, "after_us", 0))
    return int(one.at_us) + after_us


def test_every_action_begins_and_ends_within_its_plan() -> None:
    for plan in PLANS:
        for one in plan.actions:
            assert 0 <= one.at_us <= ends_us(one) <= plan.duration_ms * 1_000, one


def test_actions_are_in_the_order_of_their_moments() -> None:
    for plan in PLANS:
        moments = [one.at_us for one in plan.actions]
        assert moments == sorted(moments)


def test_somebody_stays_whoever_leaves_for_good() -> None:
    for plan in PLANS:
        added = sum(isinstance(one, AddWorker) for one in plan.actions)
        left = sum(getattr(one, "back_ms", 0) is None for one in plan.actions)
        assert left < plan.workers.count + added


def test_what_is_named_is_there() -> None:
    for plan in PLANS:
        added = [one.worker for one in plan.actions if isinstance(one, AddWorker)]
        count = plan.workers.count
        assert sorted(added) == list(range(count + 1, count + len(added) + 1))
        for one in (*plan.actions, *plan.faults):
            worker = getattr(one, "worker", None)
            assert worker is None or 1 <= worker <= count + len(added)
            node = getattr(one, "node", None)
            assert node is None or 1 <= node <= plan.cluster.brokers
            partition = getattr(one, "partition", 0)
            assert 0 <= partition < plan.cluster.partitions
        numbers = {one.number for one in plan.traffic.stories}
        assert len(numbers) == len(plan.traffic.stories)
        assert {
            one.number for one in plan.traffic.extras if hasattr(one, "number")
        } <= numbers
