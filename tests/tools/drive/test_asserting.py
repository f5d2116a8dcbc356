import pytest

from streams.errors import UsageError
from streams.tools.drive.asserting import METRICS, check, read_assertions

VALUES = {"p99": 19.5, "lost": 0.0, "rate": 1000.0, "p50": None}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("p99<20ms", True),
        ("p99 < 19500us", False),
        ("p99<=19500us", True),
        ("p99<0.02s", True),
        ("p99>20ms", False),
        ("lost==0", True),
        ("lost!=0", False),
        ("rate>=1000/s", True),
        ("rate>=1000.5", False),
        ("p50<1s", False),  # nothing was measured
    ],
)
def test_an_assertion_is_held_against_what_was_measured(text: str, holds: bool) -> None:  # noqa: FBT001 - a case
    (found,) = check(read_assertions([text]), VALUES)
    assert found.holds is holds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("p99<20", "add us, ms or s to 20"),
        ("p99<20m", "add us, ms or s to 20"),
        ("lost==0ms", "remove ms"),
        ("p98<20ms", "p98 is not one of p50, p90"),
        ("p99", "write METRIC"),
        ("p99=20ms", "write METRIC"),
        ("p99<<20ms", "write METRIC"),
        ("p99<-1ms", "write METRIC"),
        ("", "write METRIC"),
        ("__import__('os')", "write METRIC"),
    ],
)
def test_a_wrong_assertion_says_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=f"--assert '.*': .*{why}"):
        read_assertions([text])


def test_all_wrong_assertions_are_told_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        read_assertions(["p99<20", "lost==0", "nothing"])
    assert len(refused.value.problems) == 2


def test_every_metric_can_be_asserted() -> None:
    units = {"p": "ms", "m": "ms", "lateness": "ms"}
    for metric in METRICS:
        unit = units.get(metric, units.get(metric[0], ""))
        assert read_assertions([f"{metric}>=1{unit}"])[0].metric == metric
