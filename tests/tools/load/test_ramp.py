import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import UsageError
from streams.tools.load.ramp import Range, next_above, read_range, search
from streams.tools.report.run import Step

LOW, HIGH = 100.0, 100_000.0


@given(st.floats(LOW, HIGH * 2))
def test_the_rate_found_is_within_a_tenth_of_the_true_limit(limit: float) -> None:
    tried: list[float] = []

    def holds(rate: float) -> bool:
        tried.append(rate)
        return rate <= limit

    found = search(Range(LOW, HIGH), holds)
    assert found is not None
    assert min(limit, HIGH) / 1.1 <= found <= min(limit, HIGH)
    assert max(tried) <= HIGH
    assert len(tried) <= 16
    assert len(set(tried)) == len(tried)


def test_a_limit_below_the_lowest_rate_is_found_at_once() -> None:
    tried: list[float] = []

    def holds(rate: float) -> bool:
        tried.append(rate)
        return False

    assert search(Range(LOW, HIGH), holds) is None
    assert tried == [LOW]


def test_one_rate_is_a_range_too() -> None:
    assert search(Range(5, 5), lambda _: True) == 5


def test_a_range_is_read() -> None:
    assert read_range("500..20000") == Range(500, 20_000)


@pytest.mark.parametrize(
    "text", ["500", "0..5", "9..5", "a..b", "1..inf", "nan..5", ""]
)
def test_any_other_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"write FROM\.\.TO"):
        read_range(text)


def test_what_bounds_a_rate_is_the_last_try_of_the_next_one_above() -> None:
    def step(rate: float, why: str) -> Step:
        return Step(rate, 1.0, 2.0, 0, not why, why)

    steps = [step(50, ""), step(200, "slow"), step(100, "late"), step(100, "slow")]
    assert next_above(steps, 50) is steps[3]
    assert next_above(steps, 100) is steps[1]
    assert next_above(steps, 200) is None
