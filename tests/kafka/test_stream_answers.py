"""Whole workers on a real broker: every request one right answer, every fact its weight."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from streams.kafka.record import Record
from streams.settings import load_policy
from tests import samples
from tests.kafka.answers import header, problems, repeats
from tests.kafka.conftest import Kafka
from tests.kafka.stage import ANSWERS, MARKED, Stage, now_ms
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio

POLICIES = {"FR@1": load_policy(None)}
BUYER = "b-1"


@pytest_asyncio.fixture
async def stage(kafka: Kafka, topics: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(kafka.bootstrap, topics, 4, tmp_path) as found:
        yield found


async def decisions(
    stage: Stage, refund_id: str, count: int = 1
) -> list[dict[str, Any]]:
    """The decisions on a refund in the order of their requests, once there are so many."""

    async def probe() -> list[dict[str, Any]] | None:
        found = [
            record
            for record in await stage.read("approvals", "reviews", "skipped")
            if record.key == refund_id.encode()
        ]
        for worker in stage.workers:
            assert worker.process.poll() in {None, 0, -9}, worker.tail()
        found.sort(key=lambda record: int(header(record, "source_offset") or -1))
        return (
            [json.loads(record.value or b"") for record in found]
            if len(found) >= count
            else None
        )

    found = await eventually(probe)
    assert found is not None
    return found


async def codes(stage: Stage, refund_id: str) -> list[str]:
    (decision,) = await decisions(stage, refund_id)
    found: list[str] = decision["reason_codes"]
    return found


async def good_order(stage: Stage, order_id: str = "o-1", **changes: object) -> None:
    await stage.buyer(BUYER)
    await stage.order(order_id, BUYER, **changes)
    await stage.fresh_facts()


APPROVED = ["FR_ALL_CONDITIONS_MET"]

# -- twenty thousand ---------------------------------------------------------------


ORDERS: tuple[dict[str, object], ...] = (
    {},
    {},
    {},
    {"paid_fen": 30_000, "refundable_left_fen": 30_000},
    {"paid_fen": "199.00"},
    {"paid_fen": None},
    {"paid_fen": -1},
    {"total_changed_at_ms": 1},
    {"currency": "USD"},
    {"order_status": "shipped"},
    {"order_status": "failed"},
    {"order_status": "nowhere"},
    {"order_status": "shipped", "back_end_status": "paid"},
    {"lines": [{**samples.LINE, "quantity": 2, "shipped_count": 1}]},
    {"lines": [{**samples.LINE, "category_path": ["custom", "rings"]}]},
    {"lines": [{**samples.LINE, "category_path": ["virtual"]}]},
    {"lines": [{**samples.LINE, "category_path": ["pets", "fish"]}]},
    {"lines": [{**samples.LINE, "sku_id": "banned"}]},
    {"lines": [{**samples.LINE, "category_path": None}]},
    {"pay_type": 88},
    {"presale_stage": "deposit_paid"},
    {"delivery_block": 1},
    {"delivery_block": 2},
    {"risk_code": 10_001},
    {"waybill_printed_at_ms": 5},
    {"as_of_ms": "yesterday"},
)
REQUESTS: tuple[dict[str, object], ...] = (
    {},
    {},
    {},
    {"refund_fen": 0},
    {"refund_fen": "text"},
    {"refund_fen": 199.0},
    {"refund_kind": "exchange"},
    {"refund_kind": None},
    {"special_refund_type": 1},
    {"requested_at_ms": None},
    {"requested_at_ms": 1_000},
    {"requested_at_ms": 9_999_999_999_999},
    {"buyer_id": samples.DROP},
    {"shop_id": "s-off"},
    {"shop_id": "s-restricted"},
    {"order_id": "o-nobody-knows"},
    {"order_id": None, "shop_id": None},
    {"action": "close"},
    {"action": "withdraw"},
    {"unavailable": ["order_status"]},
    {"refund_version": None},
)
BAD: tuple[bytes | None, ...] = (
    None,
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"null",
    b'{"refund_id":""}',
    b'{"refund_id":7}',
    b'{"refund_id":"\\ud83d"}',
    b'{"refund_id":"r"} x',
    b'{"refund_id":"r","reason":"' + b"x" * 70_000 + b'"}',
)


async def mixed_facts(stage: Stage, buyers: int, orders: int) -> None:
    kinds: tuple[dict[str, object], ...] = (
        *({},) * 6,
        {"quality": [{"from_ms": 1, "value": "ordinary"}]},
        {"quality": [{"from_ms": 1, "value": "revoked_abuse"}]},
        {"quality": []},
        {"limits": [{"kind": "limited", "from_ms": 1, "until_ms": now_ms() + 10**8}]},
        {"limits": [{"kind": "cancelled", "from_ms": 1}]},
        {"limits": "none"},
    )
    for number in range(buyers):
        await stage.buyer(f"b-{number}", **kinds[number % len(kinds)])
    for number in range(orders):
        changes = ORDERS[number % len(ORDERS)]
        if "total_changed_at_ms" in changes:
            changes = {"total_changed_at_ms": now_ms() + 60_000}
        await stage.order(f"o-{number}", f"b-{number % buyers}", **changes)
    await stage.put(
        "shops", "s-off", samples.shop(shop_id="s-off", enabled=False), owner="s-off"
    )
    await stage.put(
        "shops",
        "s-restricted",
        samples.shop(shop_id="s-restricted", standing="restricted"),
        owner="s-restricted",
    )
    for entry, kind in (("category:pets", "excluded"), ("sku:banned", "excluded")):
        await stage.put(
            "catalog", entry, samples.category(id=entry, kind=kind), owner=entry
        )
    for number in range(0, orders, 50):
        owner = f"b-{number % buyers}"
        await stage.outcome(f"o-{number}", owner, samples.veto(f"o-{number}"))
    await stage.fresh_facts()


async def mixed_requests(stage: Stage, count: int, buyers: int, orders: int) -> int:
    """Send requests of every kind, bad records among them; return how many were bad."""
    draw = random.Random(20_000)
    bad = 0
    for number in range(count):
        owner = f"b-{number % buyers}"
        if number % 40 == 7:
            bad += 1
            value = BAD[bad % len(BAD)]
            headers = [("traceparent", b"00-ab"), ("dup", b"\xff\x00"), ("dup", b"2")]
            await stage.put(
                "requests", f"bad-{number}", value, owner=owner, headers=headers
            )
            continue
        changes = dict(REQUESTS[draw.randrange(len(REQUESTS))])
        order = number % orders
        again = number % buyers + buyers * draw.randrange(number // buyers + 1)
        refund = f"r-{number if draw.random() > 0.05 else again}"  # of the same buyer
        at = now_ms()
        fields: dict[str, object] = {
            "refund_id": refund,
            "refund_version": at if draw.random() > 0.1 else 1,
            "order_id": f"o-{order}",
            "buyer_id": owner,
            "requested_at_ms": at,
            **changes,
        }
        await stage.put("requests", refund, samples.request(**fields), owner=owner)
    await stage.producer.flush()
    return bad


async def test_twenty_thousand_mixed_requests_get_one_right_answer_each(
    stage: Stage,
) -> None:
    buyers, orders, count = 600, 6_000, 20_000
    await mixed_facts(stage, buyers, orders)
    workers = [stage.worker(), stage.worker()]
    await asyncio.gather(*(worker.ready() for worker in workers))
    bad = await mixed_requests(stage, count, buyers, orders)
    outputs = await stage.answers(count, 120)
    asked = await stage.read("requests")
    found = problems(asked, outputs, POLICIES, await stage.committed())
    assert found == []
    assert len(outputs) == count
    assert repeats(outputs) == 0
    dead = [record for record in outputs if record.topic.endswith("dead-letters")]
    assert len(dead) == bad
    told = Counter(
        code
        for record in outputs
        if record not in dead
        for code in json.loads(record.value or b"")["reason_codes"]
    )
    assert len(told) >= 40, sorted(told)
    assert told["FR_ALL_CONDITIONS_MET"] > 100
    metrics = [await worker.page("metrics") for worker in workers]
    assert sum(_total(text, "refund_dead_letters_total") for text in metrics) == bad
    assert sum(_total(text, "refund_records_total") for text in metrics) == count


def _total(text: str, name: str) -> int:
    return round(
        sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.startswith(name)
        )
    )


# -- the same request again, edits, withdrawals ------------------------------------------


async def test_a_request_delivered_again_hours_later_gets_the_first_bytes(
    stage: Stage,
) -> None:
    """Case 57, also from a worker that did not make the decision."""
    await good_order(stage)
    first = await stage.worker().ready()
    asked = now_ms() - 5 * 3_600_000
    await stage.request("r-1", "o-1", BUYER, refund_version=7, requested_at_ms=asked)
    await decisions(stage, "r-1")
    await stage.order("o-1", BUYER, order_status="shipped")
    await stage.request("r-1", "o-1", BUYER, refund_version=7, requested_at_ms=asked)
    await decisions(stage, "r-1", 2)
    assert await first.stop() == 0
    await stage.worker().ready()
    await stage.request("r-1", "o-1", BUYER, refund_version=7, requested_at_ms=asked)
    await decisions(stage, "r-1", 3)
    records = await stage.read("approvals")
    assert len(records) == 3
    assert len({record.value for record in records}) == 1
    assert await stage.read("reviews") == []


async def test_edits_withdrawals_and_late_versions(stage: Stage) -> None:
    """Cases 59 to 62, E-19, E-20."""
    await stage.buyer(BUYER)
    for number in range(1, 5):
        await stage.order(f"o-{number}", BUYER)
    await stage.order("o-5", BUYER, order_status="shipped")
    await stage.fresh_facts()
    await stage.worker().ready()
    sent: dict[str, int] = {}
    for refund, order, version, action in (
        ("late", "o-1", 2, "edit"),
        ("late", "o-1", 1, "open"),  # 59
        ("edited", "o-2", 1, "open"),
        ("edited", "o-2", 2, "edit"),  # 61
        ("gone", "o-3", 1, "withdraw"),
        ("gone", "o-3", 1, "open"),  # 62, before
        ("kept", "o-4", 1, "open"),
        ("kept", "o-4", 2, "withdraw"),  # 62, after
        ("again", "o-5", 1, "open"),
    ):
        await stage.request(refund, order, BUYER, refund_version=version, action=action)
        await stage.producer.flush()
        sent[refund] = sent.get(refund, 0) + 1
        await decisions(stage, refund, sent[refund])
    await stage.order("o-5", BUYER)
    await stage.producer.flush()
    await stage.request("again", "o-5", BUYER, refund_version=2, action="edit")  # 60
    told = {
        refund: [found["reason_codes"] for found in await decisions(stage, refund, 2)]
        for refund in ("late", "edited", "gone", "kept", "again")
    }
    assert told == {
        "late": [APPROVED, ["SUPERSEDED_BY_VERSION"]],
        "edited": [APPROVED, ["REQUEST_EDITED_AFTER_APPROVAL"]],
        "gone": [["REQUEST_WITHDRAWN"], ["REQUEST_WITHDRAWN"]],
        "kept": [APPROVED, ["REQUEST_WITHDRAWN"]],
        "again": [["ORDER_SHIPPED"], APPROVED],
    }
    notice = (await notices(stage, 1))[0]
    assert (notice["kind"], notice["refund_id"]) == ("withdrawn_after_approval", "kept")


async def test_versions_that_wait_together_are_known_to_each_other(
    stage: Stage,
) -> None:
    """Cases 58 and 62 as they happen: all is written before any worker reads."""
    await good_order(stage)
    await stage.order("o-2", BUYER)
    for refund, order, version, action in (
        ("edited", "o-1", 1, "open"),
        ("edited", "o-1", 2, "edit"),
        ("gone", "o-2", 1, "open"),
        ("gone", "o-2", 2, "withdraw"),
    ):
        await stage.request(refund, order, BUYER, refund_version=version, action=action)
    await stage.producer.flush()
    await stage.worker().ready()
    told = {
        refund: [found["reason_codes"] for found in await decisions(stage, refund, 2)]
        for refund in ("edited", "gone")
    }
    assert told == {
        "edited": [["SUPERSEDED_BY_VERSION"], APPROVED],
        "gone": [["REQUEST_WITHDRAWN"], ["REQUEST_WITHDRAWN"]],
    }


async def notices(stage: Stage, count: int) -> list[dict[str, Any]]:
    async def probe() -> list[Record] | None:
        found = await stage.read("notices")
        return found if len(found) >= count else None

    found = await eventually(probe)
    assert found is not None
    return [json.loads(record.value or b"") for record in found]


async def test_races_failed_payouts_and_merchants_are_told_once_over_a_kill(
    stage: Stage,
) -> None:
    """Cases 45, 70, 71, 72: facts after a decision, written once whatever happens."""
    await stage.buyer(BUYER)
    for number in range(1, 4):
        await stage.order(f"o-{number}", BUYER, order_version=1)
    await stage.fresh_facts()
    worker = await stage.worker().ready()
    for number in range(1, 4):
        await stage.request(f"r-{number}", f"o-{number}", BUYER)
        (decision,) = await decisions(stage, f"r-{number}")
        assert decision["reason_codes"] == APPROVED
        gone = {1: -1, 2: 1, 3: None}[number]
        if gone is not None:
            at = decision["decided_at_ms"] + gone
            changes = {
                "order_version": 2,
                "order_status": "shipped",
                "picked_up_at_ms": at,
            }
            await stage.order(f"o-{number}", BUYER, **changes)
    await stage.outcome("r-3", BUYER, samples.outcome("payout_failed", "r-3"))
    value = samples.shop(shop_id="s-1", enabled=False, by="merchant")
    await stage.put("shops", "merchant:s-1", value, owner="s-1")
    await stage.producer.flush()
    told = await notices(stage, 4)
    await worker.kill()
    await stage.worker().ready()
    await stage.request("r-9", "o-9", BUYER)
    await decisions(stage, "r-9")
    assert await notices(stage, 4) == told
    kinds = sorted((found["kind"], found.get("refund_id")) for found in told)
    assert kinds == [
        ("loss_recorded", "r-1"),
        ("merchant_switch_ignored", None),
        ("race_detected", "r-1"),
        ("ship_after_refund", "r-2"),
    ]
    failed = [
        found
        for found in await decisions(stage, "r-3", 2)
        if found["payout_key"] is None
    ]
    assert [found["reason_codes"] for found in failed] == [["REFUND_FAILED"]]


# -- facts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("silent", "expected"),
    [
        ("orders", ["ORDER_STATUS_STALE", "PAID_AMOUNT_STALE"]),
        ("buyers", ["LISTS_NOT_READY"]),
        ("shops", ["LISTS_NOT_READY"]),
        ("catalog", ["CATEGORY_UNKNOWN", "LISTS_NOT_READY"]),
    ],
)
async def test_a_fact_topic_that_is_silent_sends_requests_to_a_person(
    stage: Stage, silent: str, expected: list[str]
) -> None:
    old = now_ms() - 61_000
    await stage.buyer(BUYER)
    await stage.order("o-1", BUYER, as_of_ms=old)
    await stage.marks(
        now_ms() + 240_000, tuple(topic for topic in MARKED if topic != silent)
    )
    await stage.worker().ready()
    await stage.request("r-1", "o-1", BUYER)
    assert sorted(await codes(stage, "r-1")) == expected


async def test_facts_that_stopped_long_ago_are_stale_and_a_new_word_mends_it(
    stage: Stage,
) -> None:
    await stage.buyer(BUYER)
    await stage.order("o-1", BUYER, as_of_ms=1)
    await stage.order("o-2", BUYER, as_of_ms=1)
    await stage.marks(now_ms() - 120_000)
    await stage.worker().ready()
    await stage.request("r-1", "o-1", BUYER)
    assert sorted(await codes(stage, "r-1")) == [
        "LISTS_NOT_READY",
        "ORDER_STATUS_STALE",
        "PAID_AMOUNT_STALE",
    ]
    await stage.fresh_facts()
    await stage.request("r-2", "o-2", BUYER)
    assert await codes(stage, "r-2") == APPROVED


async def test_an_order_that_ended_older_or_unreadable_is_no_ground_to_approve(
    stage: Stage,
) -> None:
    await stage.buyer(BUYER)
    for name in ("ended", "older", "broken"):
        await stage.order(name, BUYER, order_version=5)
    await stage.put("orders", "ended", None, owner=BUYER)
    await stage.order("older", BUYER, order_version=6, order_status="shipped")
    await stage.order("older", BUYER, order_version=4)
    await stage.put("orders", "broken", b'{"order_id":', owner=BUYER)
    await stage.fresh_facts()
    worker = await stage.worker().ready()
    for name in ("ended", "older", "broken"):
        await stage.request(f"r-{name}", name, BUYER)
    assert await codes(stage, "r-ended") == ["ORDER_DETAIL_UNKNOWN"]
    assert await codes(stage, "r-older") == ["ORDER_SHIPPED"]
    assert await codes(stage, "r-broken") == ["ORDER_DETAIL_UNKNOWN"]
    await worker.kill()
    await stage.worker().ready()
    await stage.request("r-after", "ended", BUYER)
    await decisions(stage, "r-after")
    (dead,) = await stage.read("dead-letters")  # once, though it was read twice
    assert (dead.key, dead.value) == (b"broken", b'{"order_id":')
    assert header(dead, "refund_dlq_topic") == stage.prefix + "orders"


async def test_an_order_written_just_before_its_request_is_seen(stage: Stage) -> None:
    await stage.buyer(BUYER)
    await stage.fresh_facts()
    await stage.worker().ready()
    for number in range(50):
        await stage.order(f"o-{number}", BUYER)
        await stage.producer.flush()
        await stage.request(f"r-{number}", f"o-{number}", BUYER)
    await stage.answers(50)
    assert len(await stage.read("approvals")) == 50


async def test_a_request_in_the_wrong_partition_is_a_persons(stage: Stage) -> None:
    await good_order(stage)
    worker = await stage.worker().ready()
    at = now_ms()
    value = samples.request(
        refund_id="r-1",
        order_id="o-1",
        buyer_id=BUYER,
        refund_version=at,
        requested_at_ms=at,
    )
    for number in range(stage.partitions):
        await stage.put("requests", f"r-1-{number}", value, partition=number)
    await stage.answers(stage.partitions)
    assert len(await stage.read("approvals")) == 1
    text = await worker.page("metrics")
    assert _total(text, "refund_misrouted_total") == stage.partitions - 1


async def test_aborted_transactions_are_not_decided(stage: Stage, kafka: Kafka) -> None:
    await stage.buyer(BUYER)
    for number in range(30):
        await stage.order(f"o-{number}", BUYER)
    await stage.fresh_facts()
    await stage.worker().ready()
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=stage.prefix + "edge"
    )
    await producer.start()
    try:
        stage.producer, kept = producer, stage.producer
        for number in range(30):
            await producer.begin_transaction()
            await stage.request(f"r-{number}", f"o-{number}", BUYER)
            await (
                producer.abort_transaction()
                if number % 3
                else producer.commit_transaction()
            )
        stage.producer = kept
    finally:
        await producer.stop()
    found = await stage.answers(10)
    names = {(record.key or b"").decode() for record in found}
    assert names == {f"r-{number}" for number in range(0, 30, 3)}
    assert problems(await stage.read("requests"), found, POLICIES) == []
