"""``refund backtest`` of a day that a real worker decided."""

import json
from pathlib import Path

import msgspec
import pytest

from faults.lab import laboratory
from streams.cli import execute
from streams.settings import load_policy
from tests.kafka.conftest import Kafka
from tests.kafka.tools import live, run

pytestmark = pytest.mark.asyncio


async def test_a_days_decisions_come_out_again_and_another_policy_shows(
    kafka: Kafka, topics: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    day = tmp_path / "day"
    async with laboratory(kafka.bootstrap, topics, tmp_path) as lab:
        await live(lab, 600)
        assert await run(lab, "capture", str(day)) == 0
    strict = msgspec.structs.asdict(load_policy(None)) | {"paid_limit_fen": 100}
    policy = tmp_path / "strict.toml"
    policy.write_text(
        "\n".join(
            f"{name} = {msgspec.json.encode(value).decode()}"
            for name, value in strict.items()
            if value is not None
        ),
        encoding="utf-8",
    )
    capfd.readouterr()
    assert execute(["backtest", str(day), "--policy", str(policy), "--json"], {}) == 0
    found = json.loads(capfd.readouterr().out)
    # Facts reach a worker a moment after their timestamps, so a few may differ.
    drift = found["drift"]
    assert drift["same"] > 500
    assert drift["different"] <= drift["same"] // 50
    total = found["comparison"]["total"]
    assert total["approved_before"] > 100
    assert total["approved_after"] < total["approved_before"] // 10
    assert total["reviews_after"] > total["reviews_before"]
