"""Faults of a plan: which requests they meet, and what they then do."""

from typing import get_args

import pytest

from simulation.disturbing import API_KEYS, PlannedFaults
from simulation.request_faults import KINDS_OF, Api, Kind, RequestFault
from testkit.simulated.dispatch import handlers
from testkit.simulated.faults import Disturbance, Reply, Spoilt
from testkit.simulated.handling import Call

FETCH, PRODUCE = 1, 0


def call(
    api_key: int = FETCH,
    *,
    host: str = "worker-1",
    client: str = "worker-1.1",
    node: int = 1,
) -> Call:
    return Call(
        node_id=node,
        client_id=client,
        client_host=host,
        api_key=api_key,
        api_version=4,
    )


def fault(**given: object) -> RequestFault:
    return RequestFault(**{"api": "Fetch", "kind": "answer_lost", **given})  # type: ignore[arg-type]


def hits(faults: PlannedFaults, *calls: Call) -> list[int]:
    """Return which calls, numbered from 1, are disturbed."""
    return [n for n, one in enumerate(calls, 1) if faults.meet(one) is not None]


def planned(*faults: RequestFault, now_us: int = 0) -> PlannedFaults:
    return PlannedFaults(faults, lambda: now_us)


def test_the_nth_match_is_hit_and_so_many_after_it() -> None:
    assert hits(planned(fault()), *[call()] * 4) == [1]
    assert hits(planned(fault(nth=2, times=2)), *[call()] * 5) == [2, 3]


def test_other_requests_do_not_count() -> None:
    faults = planned(fault(nth=2))
    assert hits(faults, call(), call(PRODUCE), call(PRODUCE), call()) == [4]


@pytest.mark.parametrize(
    ("given", "met"),
    [
        ({"worker": 2}, [2]),
        ({"node": 3}, [3]),
        ({"client": "*-facts"}, [4]),
        ({"worker": 1, "client": "*-facts"}, [4]),
        ({"worker": 2, "client": "*-facts"}, []),
        ({}, [1]),
    ],
)
def test_a_fault_meets_whom_it_names(given: dict[str, object], met: list[int]) -> None:
    calls = (
        call(),
        call(host="worker-2", client="worker-2.1"),
        call(node=3),
        call(client="worker-1.1-facts"),
    )
    assert hits(planned(fault(**given)), *calls) == met


def test_worker_1_is_not_worker_11() -> None:
    assert hits(planned(fault(worker=1)), call(host="worker-11")) == []


def test_who_is_no_worker_is_never_disturbed() -> None:
    assert hits(planned(fault()), call(host="broker-1"), call(host="")) == []


def test_requests_before_its_moment_do_not_count() -> None:
    now = 0
    faults = PlannedFaults([fault(from_us=1_000, nth=2)], lambda: now)
    assert hits(faults, *[call()] * 5) == []
    now = 1_000
    assert hits(faults, *[call()] * 3) == [2]


def test_each_fault_counts_for_itself_and_the_first_that_is_due_is_met() -> None:
    faults = planned(
        fault(nth=2), fault(nth=2, kind="reset_before"), fault(nth=3, kind="throttled")
    )
    told = [found.reply if found else None for found in map(faults.meet, [call()] * 3)]
    assert told == [None, Reply.NOTHING, Reply.ANSWER]
    assert faults.hit == 2


def test_once_faults_are_over_nothing_is_disturbed() -> None:
    faults = planned(fault(times=100))
    assert hits(faults, call()) == [1]
    faults.clear()
    assert hits(faults, call()) == []
    assert faults.hit == 1


def test_what_happens_is_told_with_who_meets_it() -> None:
    met = planned(fault(nth=1)).meet(call(client="worker-1.3-facts"))
    assert met is not None
    assert met.told == (
        "worker-1 (worker-1.3-facts): Fetch 1 of any worker has its effect, "
        "and no answer comes"
    )


EFFECTS: dict[Kind, Disturbance] = {
    "answer_lost": Disturbance(told="", reply=Reply.NOTHING),
    "request_lost": Disturbance(told="", effect=False, reply=Reply.NOTHING),
    "reset_after": Disturbance(told="", reply=Reply.RESET),
    "reset_before": Disturbance(told="", effect=False, reply=Reply.RESET),
    "answer_late": Disturbance(told="", late_ms=30),
    "throttled": Disturbance(told="", late_ms=30, throttle_ms=30),
    "cut_in_batch": Disturbance(told="", spoilt=Spoilt.CUT),
    "checksum_wrong": Disturbance(told="", spoilt=Spoilt.CHECKSUM),
    "request_timed_out": Disturbance(told="", reply=Reply.ERROR, code=7),
    "not_enough_replicas_after_append": Disturbance(
        told="", reply=Reply.ERROR, code=20
    ),
} | {
    kind: Disturbance(told="", effect=False, reply=Reply.ERROR, code=code)
    for kind, code in {
        "unknown_topic": 3,
        "not_leader": 6,
        "coordinator_loading": 14,
        "coordinator_not_available": 15,
        "not_coordinator": 16,
        "not_enough_replicas": 19,
        "rebalance_in_progress": 27,
        "out_of_order_sequence": 45,
        "unknown_producer": 59,
    }.items()
}  # type: ignore[assignment]


def test_each_kind_has_an_effect_that_is_tested() -> None:
    assert set(EFFECTS) == set(get_args(Kind))


@pytest.mark.parametrize(
    ("api", "kind"), [(api, kind) for api, kinds in KINDS_OF.items() for kind in kinds]
)
def test_a_kind_does_what_it_says_to_every_request_it_can_meet(
    api: Api, kind: Kind
) -> None:
    met = planned(fault(api=api, kind=kind, ms=30)).meet(call(API_KEYS[api]))
    assert met is not None
    wanted = EFFECTS[kind]
    assert met == Disturbance(
        told=met.told,
        effect=wanted.effect,
        reply=wanted.reply,
        code=wanted.code,
        late_ms=wanted.late_ms,
        throttle_ms=wanted.throttle_ms,
        spoilt=wanted.spoilt,
    )


def test_every_request_that_a_fault_can_name_is_answered_by_the_brokers() -> None:
    assert set(API_KEYS) == set(get_args(Api)) == set(KINDS_OF)
    assert set(API_KEYS.values()) <= set(handlers())
