import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

from streams.families.fast_refund.family import FAMILY
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.topics import APPROVALS, DECISIONS
from streams.processing.partitioner import partition_of
from streams.processing.topics import DEAD_LETTERS
from streams.processing.watermarks import WATERMARK_KEY
from streams.settings import load_policy
from streams.tools.drive.rows import TimedRow
from streams.tools.load.pace import Festival
from streams.tools.load.world import LoadRows
from testkit.memory_worker import MemoryWorker
from testkit.rows import Row

START = 1_800_000_000_000
PARTITIONS = 4
SECONDS = 10


def made(seed: int = 1, orders: int = 1_000) -> LoadRows:
    return LoadRows(
        seed=seed,
        festival=Festival(rate=500, peak=1, seconds=SECONDS),
        gaps="random",
        buyers=2_000,
        shops=200,
        orders=orders,
        partitions=PARTITIONS,
        prefix="x.",
    )


@cache
def world() -> Sequence[TimedRow]:
    return list(made().rows(START))


def requests() -> list[TimedRow]:
    return [row for row in world() if row.timed]


def fields(row: TimedRow) -> dict[str, Any]:
    try:
        found = json.loads(row.value or b"null")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def test_the_same_seed_and_start_make_the_same_records() -> None:
    assert list(made().rows(START)) == world()
    assert list(made(seed=2).rows(START)) != world()


def test_another_run_of_the_same_seed_asks_for_other_refunds() -> None:
    later = {row.key for row in made().rows(START + 60_000) if row.timed} - {b"bad"}
    assert not later & {row.key for row in requests()}


def test_rows_come_by_moment_and_those_of_before_come_first() -> None:
    assert all(one.due_ns <= other.due_ns for one, other in pairwise(world()))
    assert requests()[0].due_ns >= 0
    assert world()[-1].due_ns < SECONDS * 1_000_000_000


def test_the_rate_is_that_of_all_requests() -> None:
    assert 0.9 * 500 * SECONDS < len(requests()) < 1.1 * 500 * SECONDS


def test_everything_of_a_buyer_is_in_the_buyers_partition() -> None:
    for row in world():
        owner = fields(row).get("buyer_id")
        if owner is not None:
            assert row.partition == partition_of(owner, PARTITIONS)


def test_an_order_is_there_before_anybody_asks_about_it() -> None:
    known: set[str] = set()
    for row in world():
        order_id = fields(row).get("order_id")
        if row.topic == "x.orders" and order_id is not None:
            known.add(order_id)
        elif row.timed and order_id is not None:
            assert order_id in known


def test_watermarks_come_every_second_to_every_partition() -> None:
    marks = Counter(
        (row.topic, row.partition) for row in world() if row.key == WATERMARK_KEY
    )
    assert len(marks) == 4 * PARTITIONS
    assert set(marks.values()) == {SECONDS}  # at the start, and after 1 to 9 s


def test_people_ask_again_edit_and_withdraw() -> None:
    by_refund: dict[bytes | None, list[bytes | None]] = {}
    for row in requests():
        by_refund.setdefault(row.key, []).append(row.value)
    by_refund.pop(b"bad", None)
    repeats = sum(len(set(one)) < len(one) for one in by_refund.values())
    actions = Counter(fields(row).get("action") for row in requests())
    assert 0.02 < repeats / len(by_refund) < 0.08
    assert 0.02 < actions["edit"] / len(requests()) < 0.06
    assert 0.01 < actions["withdraw"] / len(requests()) < 0.03
    assert actions[None] > 0  # unreadable


def test_abusers_come_in_bursts_just_under_the_limit() -> None:
    buyers = Counter(fields(row).get("buyer_id") for row in requests())
    (abuser, most), *_ = buyers.most_common(1)
    assert most >= 5
    asked = [
        fields(row)["refund_fen"]
        for row in requests()
        if fields(row).get("buyer_id") == abuser and fields(row)["action"] == "open"
    ]
    assert all(29_000 <= fen < 30_000 for fen in asked)


def test_some_orders_ship_around_their_refund() -> None:
    shipped = [
        row
        for row in world()
        if row.topic == "x.orders" and fields(row).get("order_status") == "shipped"
    ]
    assert 0.02 < len(shipped) / len(requests()) < 0.08


def test_the_worker_approves_about_what_a_real_day_would_have() -> None:
    """Every record is read by the real readers, and no reason dominates by accident."""
    worker = MemoryWorker(FAMILY, Policies((load_policy(None),)))
    outcomes: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    decided = {topic.name for topic in DECISIONS}
    for row in world():
        at_ms = START + row.due_ns // 1_000_000
        topic = row.topic.removeprefix("x.")
        for one in worker.take(Row(topic, row.partition, row.key, row.value), at_ms):
            outcomes[one.topic] += 1
            if one.topic in decided:
                codes.update(json.loads(one.record[1] or b"")["reason_codes"])
    answers = [outcomes[name] for name in (*decided, DEAD_LETTERS.name)]
    total = sum(answers)
    assert 0.5 < outcomes[APPROVALS.name] / total < 0.75
    assert 0 < outcomes[DEAD_LETTERS.name] / total < 0.01
    wanted = {
        "ORDER_SHIPPED",
        "PAID_AT_OR_OVER_LIMIT",
        "BUYER_NOT_QUALITY",
        "BUYER_LIMITED",
        "BUYER_QUALITY_REVOKED",
        "CATEGORY_VIRTUAL",
        "CATEGORY_CUSTOM",
        "CATEGORY_UNKNOWN",
        "NOT_REFUND_ONLY",
        "SHOP_STANDING_RESTRICTED",
    }
    assert wanted <= codes.keys()
    assert not [code for code in codes if "STALE" in code or "NOT_READY" in code]
    assert "ORDER_DETAIL_UNKNOWN" not in codes
