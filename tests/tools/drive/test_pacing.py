from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.tools.drive.pacing import NS_PER_MS, NS_PER_S, PaceOptions

moments = st.lists(st.integers(0, 10**7), min_size=1, max_size=50).map(sorted)
rates = st.floats(0.1, 100_000)


@given(moments, st.floats(0.01, 1000))
def test_recorded_gaps_are_divided_by_the_speed(
    recorded: list[int], speed: float
) -> None:
    pace = PaceOptions("recorded", speed=speed).build(recorded[0])
    for at_ms in recorded:
        wanted = (at_ms - recorded[0]) * NS_PER_MS / speed
        assert abs(pace.request(at_ms) - wanted) <= 1
        assert pace.fact(at_ms) == pace.request(at_ms)


@given(rates, st.integers(1, 500))
def test_a_constant_rate_does_not_drift(rate: float, count: int) -> None:
    pace = PaceOptions("constant", rate=rate).build(0)
    due = [pace.request(0) for _ in range(count)]
    assert due[0] == 0
    assert abs(due[-1] - (count - 1) * NS_PER_S / rate) <= 1
    assert pace.fact(0) == due[-1]


@given(rates, st.integers(0, 2**32))
def test_random_gaps_are_those_of_their_seed_and_never_go_back(
    rate: float, seed: int
) -> None:
    def dues() -> list[int]:
        pace = PaceOptions("poisson", rate=rate, seed=seed).build(0)
        return [pace.request(0) for _ in range(200)]

    found = dues()
    assert found == dues()
    assert all(one <= other for one, other in pairwise([0, *found]))


def test_random_gaps_have_the_mean_and_the_spread_of_a_poisson_process() -> None:
    pace = PaceOptions("poisson", rate=1000, seed=7).build(0)
    due = [pace.request(0) for _ in range(20_000)]
    gaps = [other - one for one, other in pairwise(due)]
    mean = sum(gaps) / len(gaps)
    deviation = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert 0.97 < mean / 1e6 < 1.03
    assert 0.95 < deviation / mean < 1.05
