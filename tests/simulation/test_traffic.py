from collections import Counter
from typing import Any

import msgspec
import orjson
import pytest

from simulation.drawing import plan_of
from simulation.drawing.traffic import requests_of
from simulation.plan import Plan
from simulation.stories import (
    ChangePolicy,
    Silence,
    Story,
    TrafficPlan,
    TurnOrder,
    VetoOrder,
)
from simulation.timed import Timed
from simulation.traffic import DATED, traffic_of
from streams.families.fast_refund.family import FAMILY
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.topics import DECISIONS
from streams.processing.partitioner import misplaced
from streams.processing.policies.book import PolicyBook
from streams.processing.watermarks import WATERMARK_KEY
from streams.settings import load_policy
from testkit.memory_worker import MemoryWorker
from testkit.rows import PARTITIONS

START = 1_735_689_600_000
PLANS = [plan_of(seed) for seed in range(300)]
STORY = Story(
    number=7, scenario="good_standing", facts_us=0, asks_us=500_000, apart_us=100_000
)


def plan(*stories: Story, partitions: int = 3, **traffic: object) -> Plan:
    drawn = plan_of(0, "calm")
    return msgspec.structs.replace(
        drawn,
        duration_ms=2_000,
        cluster=msgspec.structs.replace(drawn.cluster, partitions=partitions),
        traffic=TrafficPlan(stories=stories, **traffic),  # type: ignore[arg-type]
        second_family=None,
    )


def rows(made: Plan, topic: str) -> list[Timed]:
    found = traffic_of(made, START).rows
    return [
        one for one in found if one.row.topic == topic and one.row.key != WATERMARK_KEY
    ]


def moments(made: Plan, topic: str) -> list[int]:
    return [one.at_us for one in rows(made, topic)]


# -- of all plans ----------------------------------------------------------------------


def test_the_same_plan_writes_the_same_records() -> None:
    for made in PLANS[:50]:
        assert traffic_of(made, START).rows == traffic_of(made, START).rows


def test_everything_is_written_in_order_and_within_the_plan() -> None:
    for made in PLANS:
        found = [one.at_us for one in traffic_of(made, START).rows]
        assert found == sorted(found)
        assert found[0] == 0
        assert found[-1] <= made.duration_ms * 1_000


def test_as_many_requests_are_written_as_stories_say() -> None:
    for made in PLANS:
        said = sum(map(requests_of, made.traffic.stories))
        bad = sum(
            getattr(one, "topic", "") == "requests" for one in made.traffic.extras
        )
        assert len(rows(made, "requests")) == said + bad


def test_records_are_where_the_product_looks_for_them() -> None:
    for made in PLANS:
        partitions = made.cluster.partitions
        astray = sum(one.scenario == "misrouted" for one in made.traffic.stories)
        for one in traffic_of(made, START).rows:
            assert (
                0
                <= one.row.partition
                < (1 if one.row.topic == "policies" else partitions)
            )
        found = Counter(
            misplaced(
                fields["buyer_id"], fields["order_id"], at.row.partition, partitions
            )
            is None
            for topic in ("requests", "orders")
            for at in rows(made, topic)
            for fields in [readable(at.row.value)]
            if "buyer_id" in fields and "order_id" in fields
        )
        again = max((len(one.again_us) for one in made.traffic.stories), default=0)
        assert found[False] <= astray * (1 + again)


def readable(value: bytes | None) -> dict[str, Any]:
    try:
        found = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def test_policies_that_are_published_are_accepted_and_named() -> None:
    for made in PLANS:
        book = PolicyBook(POLICY, Policies((load_policy(None),)))
        for at_us, row in rows(made, "policies"):
            assert book.apply(row.key, row.value, START + at_us // 1_000) is None
        held = {policy.name: policy.policy_hash for policy in book.policies}
        told = traffic_of(made, START).policies
        assert {
            one.name: one.policy_hash for one in told.values()
        }.items() <= held.items()
        assert held.keys() <= {*told, load_policy(None).name}


# -- decisions -------------------------------------------------------------------------


def decided(made: Plan) -> dict[tuple[str, bool], set[frozenset[str]]]:
    """Return the reason codes that a worker in memory finds, which reads all at once."""
    worker = MemoryWorker(FAMILY, Policies((load_policy(None),)))
    names = {topic.name for topic in DECISIONS}
    found: dict[tuple[str, bool], set[frozenset[str]]] = {}
    for at_us, row in traffic_of(made, START).rows:
        for one in worker.take(row, START + at_us // 1_000):
            if one.topic in names:
                value = orjson.loads(one.record[1] or b"")
                withdrawn = value["seen"].get("action") == "withdraw"
                identity = value["decision_id"], withdrawn
                codes = frozenset(value["reason_codes"])
                found.setdefault(identity, set()).add(codes)
    return found


def test_decisions_that_nothing_can_change_come_out_as_the_traffic_says() -> None:
    known = 0
    for seed in range(150):
        drawn = plan_of(seed, "calm")
        cluster = msgspec.structs.replace(drawn.cluster, partitions=PARTITIONS)
        made = msgspec.structs.replace(drawn, cluster=cluster, second_family=None)
        found = decided(made)
        for identity, codes in traffic_of(made, START).codes.items():
            known += 1
            assert found[identity] == {codes}, (seed, identity)
    assert known > 150


def test_nothing_is_known_of_decisions_beforehand_when_policies_change() -> None:
    change = ChangePolicy(at_us=1, what="limit", version=20, from_us=1)
    assert traffic_of(plan(STORY), START).codes
    assert not traffic_of(plan(STORY, extras=(change,)), START).codes
    assert not traffic_of(plan(STORY, policies_us=5), START).codes


def test_a_version_that_holds_from_before_judges_requests_that_were_made_before_it() -> (
    None
):
    made = plan(STORY, extras=(ages(at_us=400_000, from_us=-60_000_000),))
    assert decided_codes(made) == {frozenset({"FR_ALL_CONDITIONS_MET"})}
    stale = plan(
        msgspec.structs.replace(STORY, asks_us=1_900_000),
        extras=(ages(at_us=400_000, from_us=-60_000_000),),
        silences=(Silence(from_us=1, until_us=2_000_000),),
    )
    (codes,) = decided_codes(stale)
    assert "LISTS_NOT_READY" in codes


def ages(at_us: int, from_us: int) -> ChangePolicy:
    return ChangePolicy(at_us=at_us, what="ages", version=20, from_us=from_us)


def decided_codes(made: Plan) -> set[frozenset[str]]:
    cluster = msgspec.structs.replace(made.cluster, partitions=PARTITIONS)
    found = decided(msgspec.structs.replace(made, cluster=cluster))
    return set().union(*found.values())


def test_nothing_is_known_of_a_story_whose_facts_come_late_or_change() -> None:
    late = msgspec.structs.replace(STORY, late="orders", late_us=9)
    assert not traffic_of(plan(late), START).codes
    turned = TurnOrder(at_us=9, number=7, version=10)
    assert not traffic_of(plan(STORY, extras=(turned,)), START).codes


# -- moments ---------------------------------------------------------------------------


def test_facts_are_there_before_unless_they_come_at_a_moment_of_their_own() -> None:
    assert moments(plan(STORY), "orders") == [0]
    soon = msgspec.structs.replace(STORY, facts_us=499_999)
    assert moments(plan(soon), "orders") == [499_999]


@pytest.mark.parametrize(
    ("late", "orders_us", "buyers_us"),
    [("orders", 500_040, 0), ("buyers", 0, 500_040), ("all", 500_040, 500_040)],
)
def test_late_facts_come_after_their_request(
    late: str, orders_us: int, buyers_us: int
) -> None:
    made = plan(msgspec.structs.replace(STORY, late=late, late_us=40))
    assert moments(made, "orders") == [orders_us]
    assert moments(made, "buyers") == [buyers_us]
    assert moments(made, "requests") == [500_000]


def test_requests_of_a_wave_keep_their_gap_and_waves_their_distance() -> None:
    apart = msgspec.structs.replace(STORY, scenario="payout_failed", gap_us=10)
    made = plan(apart)
    assert moments(made, "requests") == [500_000, 700_000, 700_010]
    assert moments(made, "outcomes") == [600_000]


def test_a_request_that_comes_again_is_the_same_record() -> None:
    made = plan(msgspec.structs.replace(STORY, again_us=(5, 70)))
    assert moments(made, "requests") == [500_000, 500_005, 500_070]
    assert len({one.row for one in rows(made, "requests")}) == 1


def test_watermarks_are_in_every_partition_of_dated_facts_at_every_beat() -> None:
    silence = Silence(from_us=600_000, until_us=1_200_000)
    made = plan(STORY, beat_ms=500, silences=(silence,))
    marks = [
        one for one in traffic_of(made, START).rows if one.row.key == WATERMARK_KEY
    ]
    assert Counter(one.at_us for one in marks) == dict.fromkeys(
        (0, 500_000, 1_500_000, 2_000_000), len(DATED) * 3
    )
    for one in marks:
        said = orjson.loads(one.row.value or b"")["watermark_ms"]
        assert said == START + one.at_us // 1_000


def test_of_one_moment_a_watermark_follows_the_facts() -> None:
    at_beat = msgspec.structs.replace(STORY, facts_us=500_000)
    found = traffic_of(plan(at_beat, beat_ms=500), START).rows
    of_orders = [
        one.row.key == WATERMARK_KEY
        for one in found
        if one.row.topic == "orders" and one.at_us == 500_000
    ]
    assert of_orders == [False, True, True, True]


# -- a plan that has been shrunk -------------------------------------------------------


def test_an_extra_about_a_story_that_is_gone_writes_nothing() -> None:
    veto = VetoOrder(at_us=9, number=8)
    assert rows(plan(STORY, extras=(veto,)), "outcomes") == []
    there = msgspec.structs.replace(veto, number=7)
    (found,) = rows(plan(STORY, extras=(there,)), "outcomes")
    assert found.row.key == b"o-000007-1"


def test_a_story_is_written_the_same_whatever_is_left_out_beside_it() -> None:
    beside = msgspec.structs.replace(STORY, number=8)
    alone = traffic_of(plan(STORY), START).rows
    assert set(alone) <= set(traffic_of(plan(beside, STORY), START).rows)


def test_plans_with_fewer_partitions_are_written_within_them() -> None:
    for made in PLANS[:100]:
        cluster = msgspec.structs.replace(made.cluster, partitions=1)
        small = msgspec.structs.replace(made, cluster=cluster)
        assert {one.row.partition for one in traffic_of(small, START).rows} == {0}
