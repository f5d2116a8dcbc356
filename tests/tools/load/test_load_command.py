import pytest

from streams.cli import execute


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "topics.prefix is refund.: made requests would be decided, and paid"),
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


def test_brokers_that_are_not_there_are_named(
    capfd: pytest.CaptureFixture[str],
) -> None:
    nowhere = ["--bootstrap-servers", "127.0.0.1:1", "--set", "topics.prefix=x."]
    assert execute(["load", *nowhere], {}) == 1
    err = capfd.readouterr().err
    assert err.startswith("refund: Kafka at 127.0.0.1:1: ")
    assert err.count("\n") == 1
