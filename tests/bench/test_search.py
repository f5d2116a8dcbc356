import pytest

from bench.latency import Latency, unable
from bench.search import Highest, highest


def measured(rate: int, p99_ms: float) -> Latency:
    return Latency(rate, 1.0, p99_ms, p99_ms, p99_ms, 0.1, 1.0, kept=True)


def refused(rate: int) -> Latency:
    return Latency(rate, None, None, None, None, 99.0, 1.0, kept=True, refused=True)


@pytest.mark.parametrize(
    ("able", "found"), [(100, 100), (999, 500), (10_000, 10_000), (13_000, 12_500)]
)
def test_the_highest_rate_under_the_bound_is_found(able: int, found: int) -> None:
    def probe(rate: int) -> Latency:
        return measured(rate, 19.9 if rate <= able else 20.0)

    assert highest(probe, 20, 1e9) == Highest(found, bounded_by_generator=False)


def test_an_engine_that_is_slow_at_every_rate_has_none() -> None:
    assert highest(lambda rate: measured(rate, 50.0), 20, 1e9).rate == 0


def test_no_rate_is_tried_that_the_engine_cannot_do() -> None:
    tried = []

    def probe(rate: int) -> Latency:
        tried.append(rate)
        return measured(rate, 1.0)

    assert highest(probe, 20, 4_100).rate == 4_000
    assert max(tried) == 4_000


def test_a_rate_that_was_not_kept_is_too_high() -> None:
    def probe(rate: int) -> Latency:
        return measured(rate, 1.0) if rate <= 2_000 else unable(rate)

    assert highest(probe, 20, 1e9) == Highest(2_000, bounded_by_generator=False)


def test_a_generator_that_could_not_go_higher_is_told_of() -> None:
    def probe(rate: int) -> Latency:
        return measured(rate, 1.0) if rate <= 30_000 else refused(rate)

    assert highest(probe, 20, 1e9) == Highest(30_000, bounded_by_generator=True)
