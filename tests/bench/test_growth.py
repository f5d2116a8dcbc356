"""The figures of more orders in memory: made by the worker's own code, told in full."""

import json

import pytest

from bench import growth
from bench.options import BenchError


def test_a_size_is_loaded_judged_and_read_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert growth.main(["50000", "--rounds", "1", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found.keys() == set(growth.Growth.__slots__)
    assert found["orders"] == 50_000
    assert all(value > 0 for value in found.values())


@pytest.mark.parametrize("arguments", [["49999"], ["50000", "--rounds", "0"]])
def test_too_few_orders_or_rounds_are_wrong_usage(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        growth.main(arguments)
    assert ended.value.code == 2
    assert "at least 50000 orders" in capsys.readouterr().err


def test_what_cannot_be_measured_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise BenchError("a request was not approved")

    monkeypatch.setattr(growth, "_of_all", refuse)
    assert growth.main(["50000"]) == 1
    assert capsys.readouterr().err == "a request was not approved\n"
