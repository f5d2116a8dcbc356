"""``refund replay`` on a real broker: into other topics, through a real worker."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from faults.judge.view import Rec
from faults.lab import laboratory
from streams.tools.capture.store import Capture
from testkit.rows import Row, row
from tests.kafka.conftest import Kafka
from tests.kafka.tools import live, other, run

pytestmark = pytest.mark.asyncio

DECISIONS = ("approvals", "reviews", "skipped")
PATIENT = ("--lateness-max-ms", "60000")
"""Tests share a machine: how late the generator is says nothing of it."""


def verdicts(found: Iterable[Rec]) -> dict[str, object]:
    """First outcome and reasons by decision id."""
    known: dict[str, object] = {}
    for one in found:
        fields = one.fields
        verdict = (fields["outcome"], tuple(fields["reason_codes"]))
        known.setdefault(fields["decision_id"], verdict)
    return known


async def test_a_replayed_day_gives_the_decisions_of_that_day(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    day, report = tmp_path / "day", tmp_path / "report"
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        world = await live(lab, 300, waves=1)
        assert await run(lab, "capture", str(day)) == 0
        recorded = verdicts(await lab.records(*DECISIONS))
        assert await run(lab, "replay", str(day), "--verify") == 0
        assert await run(lab, "replay", str(day)) == 2  # into what was captured
        assert "--into-origin" in capfd.readouterr().err
        async with other(lab, "again") as new:
            await new.started()
            asserts = ("--assert", "lost==0", "--assert", "repeats==0")
            files = ("--report", str(report))
            code = await run(new, "replay", str(day), *asserts, *files, *PATIENT)
            assert code == 0, capfd.readouterr().out
            assert verdicts(await new.records(*DECISIONS)) == recorded
    found = json.loads((report / "report.json").read_text("utf-8"))
    assert (
        found["counts"]["sent"] == found["counts"]["answered"] == len(world.requests[0])
    )
    assert found["latency"]["count"] == len(world.requests[0])
    assert found["counts"]["dead"] > 0
    assert (report / "report.hgrm").exists()
    assert "new uPlot" in (report / "report.html").read_text("utf-8")


async def test_frozen_records_are_sent_again_byte_for_byte_and_nobody_answers(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    odd = [
        Row("requests", 0, None, b"", (("h", b""), ("h", None), ("b", b"\xff"))),
        Row("requests", 0, b"", None),
        Row("requests", 3, b"\xff\x00", b'{"requested_at_ms":5}'),
        row("orders", "b-1", "o-1", as_of_ms=7),
        Row("orders", 2, b"o-2", None),
    ]
    day = tmp_path / "day"
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await lab.put(*odd)
        assert await run(lab, "capture", str(day)) == 0
        before = await lab.records("orders", "requests")
        async with other(lab, "again") as new:
            options = ("--times", "frozen", "--patience", "0.5", *PATIENT)
            code = await run(new, "replay", str(day), *options, "--assert", "lost==0")
            assert code == 1
            assert "lost==0: DOES NOT HOLD (3)" in capfd.readouterr().out
            after = await new.records("orders", "requests")
    assert [(one.key, one.value, one.headers) for one in after] == [
        (one.key, one.value, one.headers) for one in before
    ]


async def test_a_capture_goes_to_other_partition_counts_by_buyer(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    day = tmp_path / "day"
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await live(lab, 100, waves=1)
        assert await run(lab, "capture", str(day)) == 0
        recorded = await lab.records(*DECISIONS)
        async with other(lab, "wide", REFUND_TOPICS__PARTITIONS="6") as new:
            assert await run(new, "replay", str(day)) == 2
            assert "--rekey" in capfd.readouterr().err
            await new.started()
            code = await run(
                new, "replay", str(day), "--rekey", "--assert", "lost==0", *PATIENT
            )
            assert code == 0, capfd.readouterr().out
            assert await run(new, "capture", str(tmp_path / "wide")) == 0
    # Rekeying puts a request that was in another partition than its buyer's right.
    astray = {
        one.key for one in recorded if "REQUEST_MISROUTED" in one.fields["reason_codes"]
    }
    assert astray
    wide = Capture(tmp_path / "wide").records(DECISIONS)
    found = {(one.key, json.loads(one.value or b"null")["outcome"]) for one in wide}
    wanted = {(one.key, one.fields["outcome"]) for one in recorded}
    assert {one for one in found if one[0] not in astray} == {
        one for one in wanted if one[0] not in astray
    }


WRONG = {
    "add us, ms or s": ["--assert", "p99<20"],
    "give one of --speed, --rate and --poisson": ["--rate", "5", "--speed", "2"],
    "not one of policies, catalog": ["--topic", "approvals"],
    "requests are not among the topics": ["--topic", "orders"],
    "--rate": ["--rate", "0"],
    "--report": ["--report", "/dev/null/folder"],
}


async def test_wrong_usage_is_told_before_anything_is_sent(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    day = tmp_path / "day"
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await lab.put(row("requests", "b-1", "r-1", refund_id="r-1"))
        assert await run(lab, "capture", str(day)) == 0
        for why, arguments in WRONG.items():
            capfd.readouterr()
            code = await run(lab, "replay", str(day), "--into-origin", *arguments)
            found = capfd.readouterr().err
            assert (code, why in found) == (2, True), found
            assert found.startswith("refund: ")
        assert await lab.count("requests") == 1


async def test_a_generator_that_falls_behind_says_so_and_fails(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    day = tmp_path / "day"
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        rows = [
            row("requests", f"b-{n}", f"r-{n}", refund_id=f"r-{n}") for n in range(500)
        ]
        await lab.put(*rows)
        assert await run(lab, "capture", str(day), "--topic", "requests") == 0
        async with other(lab, "again") as new:
            hopeless = ("--rate", "10000000", "--lateness-max-ms", "0.001")
            code = await run(new, "replay", str(day), *hopeless, "--patience", "0.2")
    assert code == 1
    assert "FAILED: the sender fell behind" in capfd.readouterr().out
