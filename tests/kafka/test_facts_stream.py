"""Facts come from topics: loaded before the first decision, fresh, or a person decides."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from faults.judge.checks import WITHOUT_ZOMBIES
from faults.lab import DATED, WATERMARK, Lab, laboratory
from faults.lab_logs import now_ms
from faults.waiting import eventually
from faults.workers import WorkerProcess
from streams.processing.partitioner import partition_of
from testkit.rows import PARTITIONS, Row, row
from testkit.scenarios.eras import DAY, MINUTE
from testkit.scenarios.script import APPROVED, Script
from testkit.scenarios.single import LINE
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio

STATIC = {"REFUND_KAFKA__GROUP_INSTANCE_ID": "one"}
MANY = 40_000
ASKED = 800
FLUSHED = 200
LISTS = frozenset({"LISTS_NOT_READY"})


class Asking:
    """One buyer a partition, who asks again and again, each time about another order."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._numbers = itertools.count(1)
        self.owners = dict(sorted(self._found()))

    def _found(self) -> Iterator[tuple[int, str]]:
        wanted = set(range(PARTITIONS))
        for number in itertools.count():
            buyer_id = f"b-{number}"
            partition = partition_of(buyer_id, PARTITIONS)
            if partition in wanted:
                wanted.remove(partition)
                yield partition, buyer_id
            if not wanted:
                return

    async def buyers(self, as_of_ms: int) -> None:
        quality = [{"from_ms": 1, "value": "quality"}]
        for buyer_id in self.owners.values():
            fields = {"quality": quality, "limits": [], "as_of_ms": as_of_ms}
            await self._lab.put(
                row("buyers", buyer_id, buyer_id, buyer_id=buyer_id, **fields)
            )

    async def ask(self, partition: int, order_as_of_ms: int | None) -> frozenset[str]:
        """Write an order and ask for its refund; what comes of it."""
        script = Script(next(self._numbers), now_ms())
        script.buyer_id = self.owners[partition]
        script.order(as_of_ms=order_as_of_ms)
        script.request(None)
        before = await self._lab.count("approvals", "reviews", "skipped")
        await self._lab.put(*[found for _, found in (*script.facts, *script.requests)])
        await self._lab.written(before + 1, "approvals", "reviews", "skipped")
        for rec in await self._lab.records("approvals", "reviews", "skipped"):
            if rec.fields["refund_id"] == f"r-{script.name}-1":
                return frozenset(rec.fields["reason_codes"])
        raise AssertionError(f"{script.name} was not decided")

    async def until(self, wanted: frozenset[str]) -> None:
        """Ask until this comes of it: a new watermark takes effect by and by."""

        async def asked() -> bool:
            found = await self.ask(0, now_ms())
            assert found == wanted or found != APPROVED
            return found == wanted

        await eventually(asked)


async def test_silent_and_stale_fact_topics_send_requests_to_a_person_with_the_right_code(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        asking = Asking(lab)
        old_ms = now_ms() - 2 * DAY
        await asking.buyers(old_ms)
        await lab.put(mark("orders", 1, old_ms), mark("buyers", 3, old_ms))
        await lab.mark("shops", "catalog", at_ms=now_ms() + MINUTE)
        fresh_ms = now_ms() + MINUTE
        await lab.put(
            *(mark("buyers", number, fresh_ms) for number in (0, 1)),
            *(mark("orders", number, fresh_ms) for number in (2, 3)),
        )
        await lab.started()
        stale = frozenset({"ORDER_STATUS_STALE", "PAID_AMOUNT_STALE"})
        unknown = frozenset({"ORDER_STATUS_UNKNOWN", "PAID_AMOUNT_UNKNOWN"})
        no_buyers = frozenset({"BUYER_QUALITY_STALE", "LISTS_NOT_READY"})
        assert await asking.ask(0, old_ms) == stale  # orders without a watermark
        assert await asking.ask(0, None) == unknown
        assert await asking.ask(0, now_ms()) == APPROVED  # it vouches for itself
        assert await asking.ask(1, old_ms) == stale  # an old watermark
        assert await asking.ask(2, old_ms) == no_buyers  # buyers without a watermark
        assert await asking.ask(3, old_ms) == no_buyers  # an old one
        await lab.checked()


async def test_silent_and_stale_lists_send_requests_to_a_person_with_the_right_code(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        asking = Asking(lab)
        await asking.buyers(now_ms())
        fresh_ms = now_ms() + 2 * MINUTE
        await lab.mark("orders", "buyers", at_ms=fresh_ms)
        await lab.started()
        await asking.until(LISTS | {"CATEGORY_UNKNOWN"})
        await lab.mark("shops", at_ms=fresh_ms)
        await lab.mark("catalog", at_ms=now_ms() - DAY - MINUTE)
        await asking.until(LISTS | {"CATEGORY_STALE"})
        await lab.mark("catalog", at_ms=now_ms() - 2 * MINUTE)
        await asking.until(LISTS)
        await lab.mark("catalog", at_ms=fresh_ms)
        await asking.until(APPROVED)
        await lab.mark("outcomes", at_ms=now_ms() - 2 * MINUTE)  # vetoes may be missing

        async def disbelieved() -> bool:
            return await asking.ask(0, now_ms()) == LISTS

        await eventually(disbelieved)
        await lab.checked()


def mark(topic: str, partition: int, at_ms: int) -> Row:
    return Row(topic, partition, WATERMARK, b'{"watermark_ms":%d}' % at_ms)


async def test_buyers_and_orders_written_right_before_their_requests_are_approved_on(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    """The order may be applied already when its buyer is not; both are waited for."""
    async with laboratory(kafka.bootstrap, topics, tmp_path, **STATIC) as lab:
        told = [Script(n, now_ms()) for n in range(FLUSHED)]
        for script in told:
            script.order()
            script.buyer()
            script.request("")
        first, second = told[: FLUSHED // 2], told[FLUSHED // 2 :]
        orders = [one.facts[0][1] for one in first]
        async with lab.fresh(*DATED):
            worker = await lab.started()
            await lab.put(*orders)

            async def applied() -> bool:
                line = 'refund_table_rows{family="FR",table="orders"}'
                return await worker.metric(line) == len(orders)

            await eventually(applied, 30)
            await lab.put(*[one.facts[1][1] for one in first])
            await lab.put(*[found for one in first for _, found in one.requests])
            await lab.caught_up()
            await lab.put(*[found for one in second for _, found in one.facts])
            await lab.put(*[found for one in second for _, found in one.requests])
            await lab.caught_up()
            view = await lab.checked(WITHOUT_ZOMBIES)
        approved = [rec for rec in view.decisions if rec.topic == "approvals"]
        assert (len(approved), len(view.decisions)) == (FLUSHED, FLUSHED)


async def test_orders_that_vanish_go_back_or_cannot_be_read_are_never_approved_on(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **STATIC) as lab:
        ended, turned, broken, misrouted, well = (
            Script(n, now_ms()) for n in range(1, 6)
        )
        told = (ended, turned, broken, misrouted, well)
        for script in told:
            script.buyer()
            script.order()
        bad = [
            Row("orders", partition_of(broken.owner, PARTITIONS), b"o-000003-1", value)
            for value in (b"{", b'{"order_id":7}')
        ]
        async with lab.fresh(*DATED):
            await lab.put(*[found for script in told for _, found in script.facts])
            await lab.put(tombstone(ended), *bad)
            newer = {"order_version": 5, "order_status": "shipped"}
            await lab.put(order(turned, **newer), order(turned, order_version=4))
            for script in told:
                script.request(None)
            asked = [found for script in told for _, found in script.requests]
            wrong = (asked[3].partition + 1) % PARTITIONS
            asked[3] = Row("requests", wrong, asked[3].key, asked[3].value)
            await lab.put(*asked)
            worker = await lab.started()
            await lab.caught_up()
            await lab.written(2, "dead-letters")
            line = f'refund_misrouted_total{{topic="{lab.input_topic}"}}'
            assert await worker.metric(line) == 1
            # Told live, and to a worker that loads it all again.
            await lab.put(tombstone(well), *bad[:1])
            await lab.written(3, "dead-letters")
            for start in ("kill", "term"):
                await ended_by(worker, start)
                worker.start()
                await worker.ready()
            well.request(None, 2)
            await lab.put(well.requests[-1][1])
            await lab.caught_up()
            view = await lab.checked(WITHOUT_ZOMBIES)
        found = {
            rec.fields["refund_id"]: frozenset(rec.fields["reason_codes"])
            for rec in view.decisions
        }
        assert found == {
            "r-000001-1": frozenset({"ORDER_DETAIL_UNKNOWN"}),
            "r-000002-1": frozenset({"ORDER_SHIPPED"}),
            "r-000003-1": frozenset({"ORDER_DETAIL_UNKNOWN"}),
            "r-000004-1": frozenset(
                {"REQUEST_MISROUTED", "ORDER_DETAIL_UNKNOWN", "BUYER_QUALITY_UNKNOWN"}
            ),
            "r-000005-1": APPROVED,
            "r-000005-2": frozenset({"ORDER_DETAIL_UNKNOWN", "PRIOR_REFUND_ON_ORDER"}),
        }
        assert [(rec.value, rec.key) for rec in view.dead] == [
            (one.value, one.key) for one in (*bad, bad[0])
        ]
        assert {rec.header("refund_dlq_stage") for rec in view.dead} == {"fact"}


def order(script: Script, **changes: Any) -> Row:  # noqa: ANN401 - JSON
    script.order(**changes)
    return script.facts[-1][1]


def tombstone(script: Script) -> Row:
    partition = partition_of(script.owner, PARTITIONS)
    return Row("orders", partition, f"o-{script.name}-1".encode(), None)


async def ended_by(worker: WorkerProcess, way: str) -> None:
    if way == "kill":
        worker.kill()
    else:
        worker.terminate()
        assert await worker.exit_code(10) == 0


async def test_facts_are_loaded_before_the_first_decision_of_every_start(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **STATIC) as lab:
        asking = Asking(lab)
        await asking.buyers(now_ms())
        fields = {
            "shop_id": "s-good",
            "currency": "CNY",
            "paid_fen": 19_900,
            "refundable_left_fen": 19_900,
            "lines": [LINE],
            "as_of_ms": now_ms(),
        }
        owners = list(asking.owners.values())

        def orders(count: int, version: int, status: str) -> Iterator[Row]:
            for number in range(count):
                owner, order_id = owners[number % PARTITIONS], f"o-{number}"
                ids = {"order_id": order_id, "buyer_id": owner}
                state = {"order_version": version, "order_status": status}
                yield row("orders", owner, order_id, **fields, **ids, **state)

        requests = [
            row(
                "requests",
                owners[number % PARTITIONS],
                f"r-{number}",
                refund_id=f"r-{number}",
                refund_version=1,
                action="open",
                order_id=f"o-{number}",
                buyer_id=owners[number % PARTITIONS],
                shop_id="s-good",
                refund_kind="refund_only",
                special_refund_type=0,
                refund_fen=19_900,
                requested_at_ms=now_ms(),
            )
            for number in range(ASKED)
        ]
        async with lab.fresh(*DATED):
            # The last word on what is asked for stands at the very end.
            await lab.put(*orders(MANY, 1, "paid"), *orders(ASKED, 2, "shipped"))
            await lab.put(*requests[: ASKED // 2])  # they wait
            worker = lab.worker()
            worker.start()
            await lab.caught_up()
            worker.kill()
            await lab.put(*requests[ASKED // 2 :])
            worker.start()
            await lab.caught_up()
        view = await lab.checked(WITHOUT_ZOMBIES)
        assert view.codes() == {"ORDER_SHIPPED"}
        assert len(view.decisions) == ASKED


async def test_an_order_written_just_before_its_request_is_seen(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        told = [Script(number, now_ms()) for number in range(300)]
        for script in told:
            script.buyer()
        async with lab.fresh(*DATED):
            await lab.put(*[found for script in told for _, found in script.facts])
            await lab.started()
            for script in told:
                script.order()
                script.request("")
                await lab.put(script.facts[-1][1])
                await lab.put(script.requests[-1][1])
            await lab.caught_up()
        view = await lab.checked()
        assert view.codes() == APPROVED


async def test_what_a_transaction_aborted_is_not_decided_and_offsets_pass_it(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        told = [Script(number, now_ms()) for number in range(4)]
        for script in told:
            script.buyer()
            script.order()
            script.request("")
        aborted, kept, last, never = told
        async with lab.fresh(*DATED):
            await lab.put(*[found for script in told for _, found in script.facts])
            await lab.started()
            sender = AIOKafkaProducer(
                bootstrap_servers=kafka.bootstrap, transactional_id=topics + "sender"
            )
            async with sender:
                for script, commits in ((aborted, False), (kept, True), (never, False)):
                    asked = script.requests[0][1]
                    await sender.begin_transaction()
                    await sender.send_and_wait(
                        lab.input_topic, asked.value, asked.key, partition=0
                    )
                    if commits:
                        await sender.commit_transaction()
                    else:
                        await sender.abort_transaction()
            await lab.written(1)
            # Nothing but markers and aborted records is left: that is no lag.
            await lab.caught_up(15)
            asked = last.requests[0][1]
            await lab.put(Row("requests", 0, asked.key, asked.value))
            await lab.caught_up()
        view = await lab.checked()
        assert {rec.fields["refund_id"] for rec in view.decisions} == {
            "r-000001-1",
            "r-000002-1",
        }
