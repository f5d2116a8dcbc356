"""Policies on a real broker: published, refused, paused, scheduled, rolled back; breakers reset."""

import json
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from faults.lab import Lab, laboratory
from faults.lab_logs import now_ms
from faults.waiting import eventually
from faults.workers import WorkerProcess
from streams.processing.partitioner import partition_of
from streams.settings import load_policy, shipped_policy_text
from testkit import samples
from testkit.rows import PARTITIONS, Row, row
from testkit.samples import BUYER
from tests.kafka.conftest import Kafka
from tests.kafka.tools import run

pytestmark = pytest.mark.asyncio
HOUR = 3_600_000


WHY = ("--author", "li", "--reason", "as tested", "--yes")


class Desk:
    """One worker, somebody who asks for refunds, and an operator who changes policies."""

    def __init__(
        self, lab: Lab, worker: WorkerProcess, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.lab = lab
        self.worker = worker
        self.asked = 0
        self._capfd = capfd

    async def policy(self, *arguments: str) -> tuple[int, str, str]:
        """Run ``refund policy``: exit code, output, errors."""
        self._capfd.readouterr()
        code = await run(self.lab, "policy", *arguments)
        captured = self._capfd.readouterr()
        return code, captured.out, captured.err

    async def done(self, *arguments: str) -> str:
        """Change something, seen by the worker; return what was printed."""
        shown = ("--workers", self.worker.address)
        code, out, err = await self.policy(*arguments, *WHY, *shown)
        assert (code, err) == (0, "")
        assert out.splitlines()[-1].startswith(f"worker {self.worker.address}: ")
        return out

    async def ask(self, paid_fen: int = 19_900, at_ms: int | None = None) -> Any:  # noqa: ANN401
        self.asked += 1
        refund_id, order_id = f"r-{self.asked}", f"o-{self.asked}"
        asked_ms = now_ms() if at_ms is None else at_ms
        amounts = {"paid_fen": paid_fen, "refundable_left_fen": paid_fen}
        order = samples.order(order_id=order_id, as_of_ms=now_ms(), **amounts)
        request = samples.request(
            refund_id=refund_id,
            order_id=order_id,
            refund_fen=paid_fen,
            requested_at_ms=asked_ms,
        )
        number = partition_of(BUYER, PARTITIONS)
        await self.lab.put(Row("orders", number, order_id.encode(), order))
        await self.lab.put(Row("requests", number, refund_id.encode(), request))
        await self.lab.written(self.asked)
        found = await self.lab.records("approvals", "reviews")
        (value,) = [one.value for one in found if one.key == refund_id.encode()]
        return json.loads(value or b"")


def file(folder: Path, version: int, **changes: object) -> str:
    """The shipped policy with some keys set, as a file."""
    keys = tomllib.loads(shipped_policy_text())
    flat = {
        key: value
        for name, part in keys.items()
        for key, value in (part if isinstance(part, dict) else {name: part}).items()
    } | {"version": version, **changes}
    path = folder / f"policy-{version}.toml"
    lines = [f"{key} = {json.dumps(value)}" for key, value in flat.items()]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


async def facts(lab: Lab) -> None:
    shop = {"enabled": True, "standing": "good", "as_of_ms": now_ms()}
    buyer = json.loads(samples.buyer(as_of_ms=now_ms()))
    await lab.put(
        row("shops", "s-1", "s-1", shop_id="s-1", **shop),
        row("buyers", BUYER, BUYER, **buyer),
    )


async def publishes_what_it_told(desk: Desk, folder: Path) -> None:
    """Nothing without --yes; then it is confirmed by the topic and by the worker."""
    second = file(folder, 2, paid_limit_fen=16_000)
    code, out, _ = await desk.policy("publish", second, *WHY[:-1])
    assert (code, out.splitlines()[-1]) == (
        0,
        "nothing was published; repeat with --yes",
    )
    assert "30,000 fen = 300.00 yuan -> 16,000 fen = 160.00 yuan" in out
    assert (await desk.ask())["policy"] == "FR@1"
    assert "FR@2 (hash " in await desk.done("publish", second, "--from", "now")
    code, _, err = await desk.policy("resume", *WHY)
    assert (code, err) == (
        2,
        "refund: the service is not paused, and no pause is planned\n",
    )
    found = await desk.ask()
    assert (found["reason_codes"], found["policy"]) == (
        ["PAID_AT_OR_OVER_LIMIT"],
        "FR@2",
    )


async def knows_the_categories_of_the_orders(desk: Desk, folder: Path) -> None:
    """A root that no order has is a slip; one that orders have is none."""
    brokers = ("--bootstrap-servers", desk.lab.settings.kafka.bootstrap_servers)
    usual = ["custom", "virtual"]
    for root, expected in (("wine", 2), ("clothing", 0)):
        name = file(folder, 3, excluded_roots=[*usual, root])
        code, out, err = await desk.policy("check", name, *brokers)
        assert code == expected, err
        assert ("no order has a category wine" in err) is (root == "wine")
        assert ("FR@3 is in order and can be published" in out) is (root != "wine")


async def refuses_other_content(desk: Desk, folder: Path) -> None:
    """The same version with other content: not by the command, nor by any other tool."""
    other = file(folder, 2, paid_limit_fen=29_000)
    code, _, err = await desk.policy("publish", other, *WHY)
    assert code == 2
    assert "FR@2 is published with other content" in err
    record = {"family": "FR", "version": 2, "effective_from_ms": now_ms()}
    value = json.dumps(record | {"paid_limit_fen": 20_000}).encode()
    await desk.lab.put(Row("policies", 0, b"FR@2", value))

    async def refused() -> bool:
        status: Any = await desk.worker.status()
        return bool(status.get("policy_refused"))

    await eventually(refused)
    line = 'refund_policy_info{family="FR",policy="FR@2",state="refused"}'
    await eventually(lambda: desk.worker.metric(line))
    assert "policy record FR@2 refused" in desk.worker.text()
    assert (await desk.ask())["policy"] == "FR@2"


async def pauses_on_top_of_what_waits(desk: Desk, folder: Path) -> None:
    """A version that waits, and a pause: neither hinders the other."""
    third, later = file(folder, 3, paid_limit_fen=20_000), str(now_ms() + HOUR)
    assert "waiting" in await desk.done("publish", third, "--from", later)
    await desk.done("pause")
    found = await desk.ask(paid_fen=10_000)
    assert (found["reason_codes"], found["policy"]) == (["SERVICE_PAUSED"], "FR@2")
    assert type(found["seen"]["pause"]) is int
    status: Any = await desk.worker.status()
    assert [one["policy"] for one in status["policies"]["waiting"]] == ["FR@3"]
    assert status["policies"]["paused"] is True
    await desk.done("resume")
    assert (await desk.ask(paid_fen=10_000))["outcome"] == "auto_approve"


async def resets_an_open_breaker(desk: Desk, folder: Path) -> None:
    """The maximum counts what the earlier steps approved in the window."""
    guarded = file(folder, 5, breaker_shop_max_count=1, breaker_window_ms=HOUR)
    await desk.done("publish", guarded, "--from", "now")
    codes = [(await desk.ask())["reason_codes"] for _ in range(2)]
    assert codes[1] == ["BREAKER_OPEN"]
    gauge = 'refund_breakers_open{family="FR",scope="shop"}'
    code, out, _ = await desk.policy("reset-breakers", *WHY[:-1])
    assert (code, out.splitlines()[-1]) == (
        0,
        "nothing was published; repeat with --yes",
    )
    assert (await desk.ask())["seen"]["breaker"] == "shop"
    out = await desk.done("reset-breakers", "--shop", "s-1")
    assert "the breaker of shop s-1 reset on " in out
    found = await desk.ask()
    assert (found["outcome"], found["policy"]) == ("auto_approve", "FR@5")
    assert (await desk.ask())["reason_codes"] == ["BREAKER_OPEN"]
    await eventually(partial(desk.worker.metric, gauge))
    await desk.done("reset-breakers", "--global")  # not the shop's
    assert (await desk.ask())["seen"]["breaker"] == "shop"
    await desk.lab.put(Row("policies", 0, b"FR:breaker", b'{"scope":"all"}'))

    async def buried() -> bool:
        letters = await desk.lab.records("dead-letters")
        return [one.key for one in letters][-1:] == [b"FR:breaker"]

    await eventually(buried)
    assert "the record FR:breaker is refused and resets nothing" in desk.worker.text()
    assert (await desk.ask())["seen"]["breaker"] == "shop"


async def rolls_back_with_a_word(desk: Desk) -> None:
    """What waits would never be in force: that must be said."""
    code, _, err = await desk.policy("rollback", "1", *WHY)
    assert code == 2
    assert "FR@3 waits for" in err
    assert "give --overtake 3" in err
    await desk.done("rollback", "1", "--overtake", "3")
    found = await desk.ask()
    assert (found["outcome"], found["policy"]) == ("auto_approve", "FR@4")


async def remembers_who_did_what(desk: Desk) -> None:
    _, out, _ = await desk.policy("history", "--json")
    rows = [json.loads(one) for one in out.splitlines()]
    assert [(one["what"], one["state"]) for one in rows] == [
        ("FR@1", "past"),
        ("FR@2", "past"),
        ("FR@2", "refused (policy_conflict)"),
        ("FR@3", "overtaken"),
        ("FR:pause", "paused"),
        ("FR:pause", "resumed"),
        ("FR@4", "past"),
        ("FR@5", "in_force"),
        ("FR:breaker", "the breaker of shop s-1 reset"),
        ("FR:breaker", "the global breaker reset"),
        ("FR:breaker", "refused (policy_refused)"),
    ]
    assert {one["author"] for one in rows[3:-1]} == {"li"}


async def tells_of_another_file_in_the_group(desk: Desk, folder: Path) -> None:
    other = file(folder, 1, paid_limit_fen=29_000)
    second = await desk.lab.started(REFUND_POLICY__FILE=other)
    line = 'refund_policy_disagreements_total{family="FR",kind="member"}'
    for worker in (desk.worker, second):
        await eventually(partial(worker.metric, line))
        assert "of this group started with the policy file FR@1:" in worker.text()


async def test_policies_are_published_refused_paused_scheduled_and_rolled_back(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab, lab.fresh():
        await facts(lab)
        desk = Desk(lab, await lab.started(), capfd)
        found = await desk.ask()
        assert (found["outcome"], found["policy"]) == ("auto_approve", "FR@1")
        assert found["policy_hash"] == load_policy(None).policy_hash
        await publishes_what_it_told(desk, tmp_path)
        await knows_the_categories_of_the_orders(desk, tmp_path)
        await refuses_other_content(desk, tmp_path)
        await pauses_on_top_of_what_waits(desk, tmp_path)
        await rolls_back_with_a_word(desk)
        await resets_an_open_breaker(desk, tmp_path)
        await remembers_who_did_what(desk)
        await tells_of_another_file_in_the_group(desk, tmp_path)
        day = tmp_path / "day"
        assert await run(lab, "capture", str(day)) == 0
        capfd.readouterr()
        assert await run(lab, "replay", str(day), "--verify") == 0
        assert f"{desk.asked} decisions are the same" in capfd.readouterr().out
