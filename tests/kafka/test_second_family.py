"""A second family runs beside the fast refund, and nothing in streams/ knows of it.

Both are killed in the middle of it. The fast refund answers to the judge of faults; the
small one to a reading of its topics that shares nothing with it.
"""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from faults.judge.checks import WITHOUT_ZOMBIES
from faults.judge.view import Rec
from faults.lab import Lab, laboratory
from faults.lab_logs import now_ms
from faults.waiting import eventually
from testkit.rows import Row, row
from tests.kafka.conftest import Kafka
from tests.kafka.test_crashes import Load
from tests.kafka.tools import run

pytestmark = pytest.mark.asyncio

BOTH = {"REFUND_WORKER__FAMILIES": "fast_refund,testkit.families.tiny"}
LIMIT_FEN, REMIND_AFTER_MS = 5_000, 1_000
SHOPS = 12
MANY = 1_200
BAD = 3


class Payments:
    """Payments of some shops, in the order of their moments within each partition."""

    def __init__(self, count: int) -> None:
        rng = Random(5)  # noqa: S311 - amounts, no secrets
        start_ms = now_ms() - count * 10
        self.rows: list[Row] = []
        self.sent: dict[str, tuple[int, int]] = {}
        """Payment -> amount (fen) and moment (UTC ms)."""
        for number in range(count):
            name, at_ms = f"p-{number}", start_ms + number * 10
            amount_fen = rng.randrange(1, 2 * LIMIT_FEN)
            self.sent[name] = amount_fen, at_ms
            self.rows.append(
                row(
                    "payments",
                    f"s-{rng.randrange(SHOPS)}",
                    name,
                    payment_id=name,
                    shop_id="s",
                    amount_fen=amount_fen,
                    at_ms=at_ms,
                )
            )
        last_ms = start_ms + (count - 1) * 10
        self.sent |= {
            f"last-{number}": (1, last_ms + 2 * REMIND_AFTER_MS)
            for number in range(SHOPS)
        }
        self.last = [
            row(
                "payments",
                f"s-{number}",
                f"last-{number}",
                payment_id=f"last-{number}",
                shop_id="s",
                amount_fen=1,
                at_ms=last_ms + 2 * REMIND_AFTER_MS,
            )
            for number in range(SHOPS)
        ]
        """One a shop, so late that every reminder is due."""


def policy() -> Row:
    from_ms = now_ms() - 3_600_000
    value = {"family": "TF", "version": 1, "effective_from_ms": from_ms}
    published = {"author": "us", "reason": "first", "published_at_ms": now_ms()}
    body = json.dumps({**value, "limit_fen": LIMIT_FEN, **published}).encode()
    return Row("policies", 0, b"TF@1", body)


async def test_two_families_in_one_worker_survive_kill_9_and_answer_to_their_judges(
    kafka: Kafka, topics: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path, **BOTH) as lab:
        load, payments = Load(lab, 3_000), Payments(MANY)
        await lab.put(policy())
        await load.facts()
        worker = await lab.started()
        async with load.coming_in():
            for turn in range(3):
                some = payments.rows[turn::3] + payments.rows[turn::7]  # and repeats
                decided = await lab.count("payment-decisions")
                await lab.put(*some[: len(some) // 2])
                await lab.written(decided + 1, "payment-decisions")
                worker.kill()  # in the middle of it
                await lab.put(*some[len(some) // 2 :])
                worker.start()
                await worker.ready()
        await lab.put(*(Row("payments", 0, b"k", b"{") for _ in range(BAD)))
        await lab.put(*payments.last)
        await answered(lab)
        view = await lab.checked(WITHOUT_ZOMBIES)
        assert len(view.inputs) == len(load.rows)
        await judged(lab, payments)
        await shown(lab)
        assert await run(lab, "explain", "TF:p-1", environ=BOTH) == 0
        told = capsys.readouterr().out
        assert "the payment is" in told
        assert "TF@1" in told
        assert await run(lab, "topics", "check", environ=BOTH) == 0
        assert "16 topics are as declared" in capsys.readouterr().out
        worker.terminate()
        assert await worker.exit_code(30) == 0, worker.tail()


async def answered(lab: Lab) -> None:
    """Wait until every payment has an answer and every reminder is there."""

    async def done() -> bool:
        answers = await lab.count("payment-decisions")
        letters = len(await buried(lab))
        return answers + letters == await lab.count("payments")

    await eventually(done, 60)

    async def reminded() -> bool:
        large = {
            record["decision_id"]
            for record in await values(lab, "payment-decisions")
            if record["outcome"] == "manual_review"
        }
        return await lab.count("payment-reminders") >= len(large)

    await eventually(reminded, 60)


async def buried(lab: Lab) -> list[Rec]:
    topic = (lab.prefix + "payments").encode()
    return [
        one
        for one in await lab.records("dead-letters")
        if dict(one.headers).get("refund_dlq_topic") == topic
    ]


async def values(lab: Lab, topic: str) -> list[dict[str, object]]:
    return [json.loads(one.value or b"") for one in await lab.records(topic)]


async def judged(lab: Lab, payments: Payments) -> None:
    """Hold the topics against what was sent: nothing lost, doubled or contradictory."""
    inputs = await lab.records("payments")
    outputs = await lab.records("payment-decisions")
    answers = Counter(
        (one.partition, dict(one.headers)["source_offset"]) for one in outputs
    )
    assert set(answers.values()) == {1}
    letters = await buried(lab)
    assert len(letters) == BAD
    assert len(answers) + len(letters) == len(inputs)
    first: dict[object, bytes | None] = {}
    large = set()
    for one in outputs:
        found = json.loads(one.value or b"")
        name = str(found["decision_id"]).removeprefix("TF:")
        assert first.setdefault(name, one.value) == one.value  # repeats: the same bytes
        amount_fen, _ = payments.sent[name]
        small = amount_fen <= LIMIT_FEN
        assert found["outcome"] == ("pay" if small else "manual_review")
        assert found["reason_codes"] == ["PAYMENT_SMALL" if small else "PAYMENT_LARGE"]
        assert found["policy"] == "TF@1"
        if not small:
            large.add(name)
    assert set(first) == set(payments.sent)
    reminders = Counter(
        str(one["notice_id"]) for one in await values(lab, "payment-reminders")
    )
    wanted = {
        f"remind:TF:{name}:{payments.sent[name][1] + REMIND_AFTER_MS}" for name in large
    }
    assert reminders == Counter(wanted)


async def shown(lab: Lab) -> None:
    """The pages of the worker tell the families apart."""
    worker = lab.workers[0]
    status = await worker.status()
    families = status["families"]
    assert isinstance(families, dict)
    assert families["TF"]["policy"] == "TF@1"
    assert families["TF"]["state"] == status["state"] == "ready"
    for line, least in (
        ('refund_decisions_total{family="TF",outcome="pay",reason="PAYMENT_SMALL"}', 1),
        ('refund_table_rows{family="TF",table="decisions"}', MANY),
        (f'refund_partitions{{topic="{lab.prefix}payments"}}', 1),
        (f'refund_partitions{{topic="{lab.prefix}requests"}}', 1),
    ):
        found = await worker.metric(line)
        assert found is not None, line
        assert found >= least, line
