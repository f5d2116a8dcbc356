from pathlib import Path

import pytest

from streams.cli import execute


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "topics.prefix is refund.: generated requests would be decided, and paid"),
        (["--ramp", "5"], "--ramp 5: write FROM..TO"),
        (["--assert", "p99<5"], "add us, ms or s"),
        (["--seconds", "2", "--warm-up", "2"], "must be less than --seconds"),
        (["--rate", "0"], "--rate"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(
    arguments: list[str], why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert execute(["load", *arguments], {}) == 2
    err = capfd.readouterr().err
    assert why in err
    assert err.count("\n") == 1


def test_brokers_that_are_not_there_are_named_and_no_folder_is_left(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nowhere = ["--bootstrap-servers", "127.0.0.1:1", "--set", "topics.prefix=x."]
    report = ["--report", str(tmp_path / "report")]
    assert execute(["load", *nowhere, *report], {}) == 1
    err = capfd.readouterr().err
    assert err.startswith("refund: Kafka at 127.0.0.1:1: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_capture_without_a_broker_leaves_no_folder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "day")
    assert execute(["capture", folder, "--bootstrap-servers", "127.0.0.1:1"], {}) == 1
    assert "Kafka at 127.0.0.1:1 cannot be reached" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_replay_or_backtest_of_no_capture_leaves_no_folder(tmp_path: Path) -> None:
    nothing, report = str(tmp_path / "nothing"), str(tmp_path / "report")
    policy = ("--policy", str(tmp_path / "none.toml"))
    for arguments in (("replay", nothing), ("backtest", nothing, *policy)):
        assert execute([*arguments, "--report", report], {}) == 2
        assert list(tmp_path.iterdir()) == []
