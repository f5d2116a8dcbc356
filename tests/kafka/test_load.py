"""``refund load`` through a real worker."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from faults.lab import laboratory
from faults.waiting import eventually
from streams.cli import execute
from testkit.marked_processes import MARK, processes_of, until_gone
from tests.kafka.conftest import Kafka
from tests.kafka.tools import run, sets

pytestmark = pytest.mark.asyncio

SMALL = ("--buyers", "300", "--shops", "10", "--orders", "200")
PATIENT = ("--lateness-max-ms", "60000")
"""Tests share a machine: how late the generator is says nothing of it."""


async def test_a_made_world_is_decided_and_timed(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await lab.started()
        length = ("--rate", "200", "--seconds", "4", "--warm-up", "1", "--peak", "2")
        asserts = ("--assert", "lost==0", "--assert", "approved>=200")
        files = ("--report", str(tmp_path / "report"))
        code = await run(lab, "load", *SMALL, *PATIENT, *length, *asserts, *files)
        assert code == 0, capfd.readouterr().out
        decided = await lab.count("approvals", "reviews", "skipped", "dead-letters")
        assert await lab.count("requests") == decided
    found = json.loads((tmp_path / "report/report.json").read_text("utf-8"))
    counts = found["counts"]
    assert counts["sent"] == counts["answered"] == decided
    assert counts["reviewed"] > 0
    assert (
        found["latency"]["count"] < counts["answered"]
    )  # the first second is left out


async def test_a_ramp_finds_the_highest_rate_or_says_that_none_is_borne(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await lab.started()
        ramp = ("--ramp", "50..100", "--seconds", "2", "--warm-up", "0.5")
        patient = (*SMALL, *PATIENT, *ramp, "--under-ms")
        report = tmp_path / "report"
        code = await run(lab, "load", *patient, "60000", "--report", str(report))
        out = capfd.readouterr().out
        assert code == 0, out
        assert "highest sustainable rate: 100 requests/s" in out
        steps = json.loads((report / "report.json").read_text("utf-8"))["steps"]
        assert [one["rate"] for one in steps] == [50, 100]
        assert "Ramp" in (report / "report.html").read_text("utf-8")
        assert await run(lab, "load", *patient, "0.001") == 1
        assert (
            "even 50/s is not sustainable: p99 is not under" in capfd.readouterr().out
        )


async def test_a_limit_that_is_the_generators_own_is_called_so(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await lab.started()
        hopeless = ("--ramp", "50..50", "--seconds", "2", "--warm-up", "0.5")
        late = ("--lateness-max-ms", "0.001", "--under-ms", "60000")
        assert await run(lab, "load", *SMALL, *hopeless, *late) == 1
        out = capfd.readouterr().out
        assert out.count("requests at 50/s") == 2  # the second chance
        assert "even 50/s is not sustainable: the sender fell behind" in out


async def test_topics_that_are_missing_are_told(
    kafka: Kafka, capfd: pytest.CaptureFixture[str]
) -> None:
    given = ("--bootstrap-servers", kafka.bootstrap, "--set", "topics.prefix=nobody.")
    assert await asyncio.to_thread(execute, ["load", *given], {}) == 2
    lines = capfd.readouterr().err.splitlines()
    assert "refund: nobody.requests: missing; run `refund topics create`" in lines


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
async def test_a_load_that_is_ended_does_not_go_on_sending(
    kafka: Kafka, topics: str, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    mark = uuid4().hex
    length = ("--rate", "200", "--seconds", "600")
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        load = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "streams", "load", *SMALL, *length, *sets(lab)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, MARK: mark},  # noqa: TID251 - a process edge
        )

        async def begun() -> bool:
            return await lab.count("requests") >= 100

        try:
            await eventually(begun)
            assert len(processes_of(mark)) >= 3  # it, the sender, the receiver
            load.send_signal(sent)
            _, errors = await load.communicate()  # both are open until all have ended
            assert until_gone(mark) == {}
        finally:
            if load.returncode is None:
                load.kill()
    assert load.returncode == code
    assert b"Traceback" not in errors, errors.decode()


async def test_a_load_that_nobody_answers_ends_with_code_1(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        short = ("--rate", "50", "--seconds", "1", "--warm-up", "0", "--patience", "1")
        assert await run(lab, "load", *SMALL, *PATIENT, *short) == 1
        out = capfd.readouterr().out
        assert "requests was answered: is a worker running on these topics" in out
