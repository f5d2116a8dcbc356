"""``refund capture`` on a real broker."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.lab import Lab, laboratory
from streams.cli import execute
from streams.settings import Secret
from streams.tools.capture import filling
from streams.tools.capture.redaction import Redactor
from streams.tools.capture.store import Capture, write_part
from testkit.rows import Row, row
from tests.kafka.conftest import Kafka

pytestmark = pytest.mark.asyncio

KEY = "a key of some length"
ODD = (
    Row("requests", 0, None, b"", (("h", b""), ("h", None), ("b", b"\xff"))),
    Row("requests", 0, b"", None),
    Row("requests", 0, b"\xff\x00", b"\xfe"),
    Row("requests", 0, None, None),
)


def arguments(lab: Lab, folder: Path, *more: str) -> list[str]:
    sets = {
        "kafka.bootstrap_servers": lab.settings.kafka.bootstrap_servers,
        "topics.prefix": lab.prefix,
        "topics.partitions": "4",
        "topics.events": lab.settings.topics.events,
    }
    options = [
        one for name, text in sets.items() for one in ("--set", f"{name}={text}")
    ]
    return ["capture", str(folder), *more, *options]


async def run(lab: Lab, folder: Path, *more: str, **environ: str) -> int:
    # In a thread: the command has a loop of its own.
    return await asyncio.to_thread(execute, arguments(lab, folder, *more), environ)


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
async def test_every_byte_and_every_null_is_captured(
    kafka: Kafka, topics: str, tmp_path: Path, form: str
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await lab.put(*ODD)
        await lab.put(Row("policies", 0, b"FR", b"{}"))
        folder = tmp_path / "capture"
        assert await run(lab, folder, "--format", form) == 0
        wanted = await lab.records("requests")
    capture = Capture(folder)
    found = list(capture.partition("requests", 0))
    assert [(one.key, one.value, one.headers) for one in found] == [
        (one.key, one.value, one.headers) for one in ODD
    ]
    assert [(one.offset, one.timestamp) for one in found] == [
        (one.offset, one.timestamp_ms) for one in wanted
    ]
    assert [one.value for one in capture.partition("policies", 0)] == [b"{}"]


async def test_an_interrupted_capture_goes_on_without_loss_or_repeats(
    kafka: Kafka, topics: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "PART_BYTES", 1)
    broken = _breaking(write_part, after=3)
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        for number in range(4):  # several polls: each write is a fetch of its own
            await lab.put(
                *(row("requests", f"b-{n}", f"r-{number}-{n}", n=n) for n in range(200))
            )
        folder = tmp_path / "capture"
        monkeypatch.setattr(filling, "write_part", broken)
        with pytest.raises(KilledError):
            await run(lab, folder, "--topic", "requests")
        (folder / "refund.requests-0-1.parquet.new").write_bytes(b"half")
        monkeypatch.undo()
        assert await run(lab, folder, "--topic", "requests", "--from", "5") == 2
        await lab.put(row("requests", "b-1", "later"))  # after the range was fixed
        assert await run(lab, folder, "--topic", "requests") == 0
        assert await run(lab, folder, "--topic", "requests") == 0
        wanted = await lab.records("requests")
    capture = Capture(folder)
    found = [one for n in range(4) for one in capture.partition("requests", n)]
    assert [(one.partition, one.offset, one.value) for one in found] == [
        (one.partition, one.offset, one.value) for one in wanted if one.key != b"later"
    ]
    assert not list(folder.glob("*.new"))


class KilledError(Exception):
    """No error of ours or of the system: nothing handles it."""


def _breaking(real: Callable[..., object], after: int) -> Callable[..., object]:
    """Fail as a killed process would: some parts are written, the manifest is not."""
    calls: list[None] = []

    def write(*arguments: object) -> object:
        if len(calls) == after:
            raise KilledError
        calls.append(None)
        return real(*arguments)

    return write


async def test_a_range_by_time_takes_facts_whole_and_requests_in_range(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        before = [Row("orders", 0, b"o", b"{}"), Row("requests", 0, b"r1", b"{}")]
        await lab.put(*before)
        (first,) = await lab.records("requests")
        await lab.put(Row("requests", 0, b"r2", b"{}"))
        while (await lab.records("requests"))[-1].timestamp_ms == first.timestamp_ms:
            await lab.put(Row("requests", 0, b"r2", b"{}"))
        since = str(first.timestamp_ms + 1)
        assert await run(lab, tmp_path / "whole", "--from", since) == 0
        assert (
            await run(lab, tmp_path / "range", "--from", since, "--facts", "range") == 0
        )
        chosen = ("--topic", "requests", "--offsets", "requests:0:0..1")
        assert await run(lab, tmp_path / "offsets", *chosen) == 0
        assert await run(lab, tmp_path / "no", "--offsets", "requests:0:0..999") == 2
    whole, ranged = Capture(tmp_path / "whole"), Capture(tmp_path / "range")
    assert len(list(whole.partition("orders", 0))) == 1
    assert not list(ranged.partition("orders", 0))
    assert {one.key for one in whole.partition("requests", 0)} == {b"r2"}
    offsets = Capture(tmp_path / "offsets")
    assert [one.key for one in offsets.partition("requests", 0)] == [b"r1"]


async def test_buyers_are_redacted_alike_in_all_topics(
    kafka: Kafka,
    topics: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await lab.put(
            row("buyers", "b-77", "b-77", buyer_id="b-77"),
            row("requests", "b-77", "r-1", buyer_id="b-77"),
            Row("requests", 0, b"x", b"b-77 in some text"),
        )
        folder = tmp_path / "capture"
        assert await run(lab, folder, "--redact-buyers") == 2
        assert "tools.redaction_key" in capfd.readouterr().err
        key_file = tmp_path / "key"
        key_file.write_text(KEY + "\n")
        given = {"REFUND_TOOLS__REDACTION_KEY_FILE": str(key_file)}
        assert await run(lab, folder, "--redact-buyers", **given) == 0
        assert "1 values left out" in capfd.readouterr().out
    for path in folder.iterdir():
        assert KEY.encode() not in path.read_bytes()
    capture = Capture(folder)
    new = Redactor(Secret(KEY), 4, (), "").buyer("b-77")
    values = [one.value for one in capture.records(("buyers", "requests")) if one.value]
    assert [json.loads(value) for value in values] == [{"buyer_id": new}] * 2
    assert {one.key for one in capture.records(("buyers",))} == {new.encode()}


async def test_a_folder_with_other_things_is_left_alone(
    kafka: Kafka, topics: str, tmp_path: Path
) -> None:
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "letter").write_text("dear")
        assert await run(lab, tmp_path / "mine") == 2
        assert await run(lab, tmp_path / "x", "--topic", "nobody") == 2
    assert (tmp_path / "mine" / "letter").read_text() == "dear"
