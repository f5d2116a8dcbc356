"""What was decided is remembered: over edits, withdrawals, payouts, races and crashes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from faults.judge.checks import WITHOUT_ZOMBIES
from faults.judge.view import Rec
from faults.lab import DATED, Lab, laboratory
from faults.lab_logs import now_ms
from faults.waiting import eventually
from testkit.rows import Row, row
from testkit.scenarios.script import APPROVED, Script
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio

HOUR_MS = 3_600_000
NEVER = {
    "REFUND_WORKER__STALL_AFTER_MS": "86400000",
    "REFUND_WORKER__COMMIT_INTERVAL_MS": "86399999",
}

STATIC = {"REFUND_KAFKA__GROUP_INSTANCE_ID": "one"}
"""The next start of a killed worker need not wait for the end of its session."""


def good(number: int) -> Script:
    """A buyer and an order that would be approved."""
    script = Script(number, now_ms())
    script.buyer()
    script.order()
    return script


class Writer:
    """Writes what scripts add, each row once, in the order in which it was told."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._written: set[int] = set()

    async def __call__(self, *scripts: Script) -> None:
        for told in ([t.facts for t in scripts], [t.requests for t in scripts]):
            await self._lab.put(*self._new([found for one in told for found in one]))

    def _new(self, told: list[tuple[int, Row]]) -> list[Row]:
        fresh = [found for found in told if id(found) not in self._written]
        self._written.update(map(id, fresh))
        return [found for _, found in fresh]


async def notices(lab: Lab) -> dict[str, Mapping[str, Any]]:
    return {rec.fields["notice_id"]: rec.fields for rec in await lab.records("notices")}


async def test_a_request_delivered_again_gets_the_first_decisions_bytes_whatever_happened_since(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **STATIC) as lab:
        approved, reviewed = good(1), good(2)
        write = Writer(lab)
        async with lab.fresh(*DATED), lab.sampling():
            await write(approved, reviewed)
            worker = await lab.started()
            approved.request("")
            reviewed.request("REFUND_AMOUNT_INVALID", refund_fen=19_901)
            await write(approved, reviewed)
            await lab.caught_up()
            first = {rec.identity: rec.value for rec in (await lab.view()).decisions}
            approved.order(wave=1, order_status="shipped")
            reviewed.order(wave=1, order_status="shipped")
            later_ms = now_ms() + 5 * HOUR_MS
            for kill in (False, True):
                approved.again(0)
                approved.request("", requested_at_ms=later_ms, event_id="another")
                reviewed.request("REFUND_AMOUNT_INVALID", requested_at_ms=later_ms)
                if kill:
                    worker.kill()
                    worker.start()
                await write(approved, reviewed)
                await lab.caught_up()
        view = await lab.checked(WITHOUT_ZOMBIES)
        assert len(view.decisions) == 8
        assert {rec.identity: rec.value for rec in view.decisions} == first
        assert view.reasons("FR:r-000001-1:1") == APPROVED
        assert view.reasons("FR:r-000002-1:1") == {"REFUND_AMOUNT_INVALID"}


async def test_versions_and_withdrawals_are_remembered_over_a_crash(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **STATIC) as lab:
        edited, late, open_one, gone, first_gone, second = (
            good(n) for n in range(1, 7)
        )
        told = (edited, late, open_one, gone, first_gone, second)
        write = Writer(lab)
        async with lab.fresh(*DATED):
            for script in (edited, gone, second):
                script.request("")
            late.request("", refund_version=2, action="edit")
            open_one.request("REFUND_AMOUNT_INVALID", refund_fen=19_901)
            first_gone.request("REQUEST_WITHDRAWN", action="withdraw")
            await write(*told)
            worker = await lab.started(**NEVER)
            await lab.written(6)
            worker.kill()
            # Cases 59, 60, 61, 62 and 48, told to a worker that decided none of it.
            edited.request(
                "REQUEST_EDITED_AFTER_APPROVAL", refund_version=2, action="edit"
            )
            late.request("SUPERSEDED_BY_VERSION")
            open_one.request("", refund_version=2, action="edit")
            gone.request("REQUEST_WITHDRAWN", action="withdraw")
            first_gone.request("REQUEST_WITHDRAWN")
            second.request("PRIOR_REFUND_ON_ORDER", 2)
            await write(*told)
            worker.start(REFUND_WORKER__COMMIT_INTERVAL_MS="50")
            await lab.caught_up()
            await lab.written(1, "notices")
        view = await lab.checked(WITHOUT_ZOMBIES)
        found = {
            identity: frozenset(rec.fields["reason_codes"])
            for identity, rec in view.first.items()
        }
        wanted: dict[tuple[str, bool], frozenset[str] | None] = {}
        for script in told:
            wanted |= script.expected
        assert found == wanted
        assert [rec.fields["notice_id"] for rec in view.notices] == [
            "withdrawn_after_approval:FR:r-000004-1:1"
        ]


async def test_a_failed_payout_opens_one_review_also_over_kill_9(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **STATIC) as lab:
        early, late, paid = good(1), good(2), good(3)
        told = (early, late, paid)
        write = Writer(lab)
        async with lab.fresh(*DATED):
            for script in told:
                script.request("")
            await write(*told)
            worker = await lab.started(**NEVER)
            await lab.written(3, "approvals")
            fail(early)
            fail(early)
            await write(*told)
            await lab.written(1, "reviews")
            worker.kill()
            fail(late)  # nobody listens
            paid.outcome(
                0, "r-000003-1", refund_id="r-000003-1", kind="payout_succeeded"
            )
            fail(paid)  # nothing undoes that the money went back
            await write(*told)
            worker.start()
            await lab.written(2, "reviews")
            worker.kill()
            early.request("OPEN_REFUND_ON_ORDER", 2)
            await write(*told)
            worker.start(REFUND_WORKER__COMMIT_INTERVAL_MS="50")
            await lab.caught_up()
        view = await lab.checked(WITHOUT_ZOMBIES)
        follow_ups = [
            rec for rec in view.decisions if "refund_failed" in rec.identity[0]
        ]
        assert sorted(rec.identity[0] for rec in follow_ups) == [
            "FR:r-000001-1:1:refund_failed",
            "FR:r-000002-1:1:refund_failed",
        ]
        for rec in follow_ups:
            assert rec.topic == "reviews"
            assert rec.fields["reason_codes"] == ["REFUND_FAILED"]
            assert rec.fields["payout_key"] is None
        assert view.reasons("FR:r-000001-2:1") == {"OPEN_REFUND_ON_ORDER"}


def fail(script: Script) -> None:
    refund_id = f"r-{script.name}-1"
    script.outcome(
        0, refund_id, refund_id=refund_id, kind="payout_failed", at_ms=now_ms()
    )


async def test_a_ship_race_is_noticed_once_also_over_a_restart(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **STATIC) as lab:
        told = tuple(good(number) for number in range(1, 7))
        write = Writer(lab)
        async with lab.fresh(*DATED):
            for script in told:
                script.request("")
            await write(*told)
            worker = await lab.started()
            await lab.caught_up()
            decided = {
                rec.fields["refund_id"]: rec.fields["decided_at_ms"]
                for rec in await lab.records("approvals")
            }
            before, at, after, entered, unknown, while_away = told

            def ship(script: Script, gap_ms: int, **more: Any) -> None:  # noqa: ANN401 - JSON
                at_ms = decided[f"r-{script.name}-1"] + gap_ms
                script.order(wave=1, picked_up_at_ms=at_ms, **more)

            ship(before, -1)
            ship(at, 0)
            ship(after, 1)
            ship(entered, -5_000, waybill_entered_at_ms=now_ms())
            unknown.order(wave=1, order_status="shipped")
            await write(*told)
            await lab.written(9, "notices")
            worker.kill()
            ship(while_away, -7, order_status="shipped")
            for script in told[:-1]:
                script.facts.append(script.facts[-1])  # the feed says it again
                script.order(
                    wave=2, picked_up_at_ms=now_ms()
                )  # and then something else
            await write(*told)
            worker.start()
            await lab.written(11, "notices")
            worker.terminate()
            assert await worker.exit_code(10) == 0
            worker.start()
            await worker.ready()
            while_away.request("", wave=1)  # answered after the notices of this start
            await write(*told)
            await lab.caught_up()
        view = await lab.checked(WITHOUT_ZOMBIES)
        found = {
            (rec.fields["refund_id"], rec.fields["kind"]): (
                rec.fields.get("gap_ms"),
                rec.fields.get("basis"),
                rec.fields.get("bearer"),
            )
            for rec in view.notices
        }
        assert len(view.notices) == len(found)
        wanted: dict[tuple[str, str], tuple[int | None, str, str | None]] = {
            ("r-000003-1", "ship_after_refund"): (1, "picked_up", None)
        }
        for refund_id, gap_ms, basis in (
            ("r-000001-1", 1, "picked_up"),
            ("r-000002-1", 0, "picked_up"),
            ("r-000004-1", 5_000, "picked_up"),
            ("r-000005-1", None, "unknown"),
            ("r-000006-1", 7, "picked_up"),
        ):
            wanted[refund_id, "race_detected"] = (gap_ms, basis, None)
            wanted[refund_id, "loss_recorded"] = (gap_ms, basis, "merchant")
        assert found == wanted


async def test_a_withdrawal_after_approval_and_a_merchants_switch_are_noticed_once(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **STATIC) as lab:
        withdrawn, covered = good(1), good(2)
        write = Writer(lab)
        off = {"shop_id": "s-good", "enabled": False, "by": "merchant"}
        async with lab.fresh(*DATED):
            await write(withdrawn, covered)
            worker = await lab.started()
            await lab.put(row("shops", "s-good", "s-good", **off))
            await lab.written(1, "notices")
            withdrawn.request("")
            covered.request("")  # case 45: the merchant's wish changes nothing
            await write(withdrawn, covered)
            await lab.caught_up()
            withdrawn.request("REQUEST_WITHDRAWN", action="withdraw", refund_version=2)
            withdrawn.again(0)
            await write(withdrawn)
            await lab.written(2, "notices")
            worker.kill()
            withdrawn.again(0)
            await write(withdrawn)
            worker.start()
            await lab.caught_up()
            await lab.put(row("shops", "s-good", "s-good", **off))
            await lab.written(3, "notices")  # another attempt

        view = await lab.checked(WITHOUT_ZOMBIES)
        assert view.reasons("FR:r-000001-1:1") == APPROVED
        assert view.reasons("FR:r-000002-1:1") == APPROVED
        assert sorted(kinds(view.notices)) == [
            "merchant_switch_ignored",
            "merchant_switch_ignored",
            "withdrawn_after_approval",
        ]


def kinds(found: list[Rec]) -> list[str]:
    return [rec.fields["kind"] for rec in found]


async def test_a_notice_that_was_due_when_its_worker_died_comes_from_the_next_one(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **STATIC) as lab:
        script = good(1)
        write = Writer(lab)
        async with lab.fresh(*DATED):
            script.request("")
            await write(script)
            # Without the watch nobody notices anything.
            worker = await lab.started(REFUND_WORKER__ROLES="decide")
            await lab.caught_up()
            script.request("REQUEST_WITHDRAWN", action="withdraw", refund_version=2)
            await write(script)
            await lab.caught_up()
            worker.kill()
            worker.start(REFUND_WORKER__ROLES="decide,watch")

            async def noticed() -> bool:
                return bool(await notices(lab))

            await eventually(noticed)
        view = await lab.checked(WITHOUT_ZOMBIES)
        assert kinds(view.notices) == ["withdrawn_after_approval"]
