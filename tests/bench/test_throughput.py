"""The slope of outputs is that of their arrival, smooth or in bursts."""

import pytest

from bench.options import BenchError
from bench.throughput import ThroughputSample, between

_EVERY_S = 0.025


def _looks(counts: list[int]) -> list[ThroughputSample]:
    return [
        ThroughputSample(number * _EVERY_S, count, 0.0)
        for number, count in enumerate(counts)
    ]


def _slope(counts: list[int]) -> float:
    first, last = between(_looks(counts), 100, 900)
    return (last.count - first.count) / (last.at_s - first.at_s)


def test_outputs_that_come_evenly() -> None:
    assert _slope(list(range(0, 1010, 10))) == pytest.approx(10 / _EVERY_S)


@pytest.mark.parametrize("burst", [70, 250, 330])
def test_bursts_do_not_change_the_slope(burst: int) -> None:
    # Ten looks from one burst to the next: a line between two looks would count a part
    # of the first burst and of the last for no time at all.
    counts = [burst * (look // 10) for look in range(200)]

    assert _slope(counts) == pytest.approx(burst / (10 * _EVERY_S))


def test_all_outputs_at_once_have_no_slope() -> None:
    with pytest.raises(BenchError, match="all at once"):
        _slope([0, 0, 1000])


def test_outputs_of_before_are_no_throughput() -> None:
    with pytest.raises(BenchError, match="before the engine started"):
        _slope([500, 700, 1000])
