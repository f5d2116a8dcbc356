from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from streams.tools.load.pace import Festival, moments


def test_a_festival_rises_stays_and_falls() -> None:
    festival = Festival(rate=100, peak=5, seconds=100)
    found = [round(festival.at(s)) for s in (0, 35, 40, 45, 50, 55, 60, 65, 99)]
    assert found == [100, 100, 300, 500, 500, 500, 300, 100, 100]


@given(st.floats(10, 60), st.floats(1, 4), st.sampled_from(["random", "even"]))
def test_the_run_has_about_as_many_requests_as_the_mean_says(
    rate: float, peak: float, gaps: str
) -> None:
    festival = Festival(rate, peak, 60)
    found = list(moments(festival, Random(1), gaps))  # noqa: S311 - gaps
    wanted = festival.mean * 60
    assert abs(len(found) - wanted) <= 6 * wanted**0.5 + 0.01 * wanted
    assert all(one <= other for one, other in pairwise(found))
    assert found[-1] < 60e9


def test_even_gaps_are_even() -> None:
    found = list(moments(Festival(100, 1, 1), Random(1), "even"))  # noqa: S311 - gaps
    assert {round((b - a) / 1e6) for a, b in pairwise(found)} == {10}
