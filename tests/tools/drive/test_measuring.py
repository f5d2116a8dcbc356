from array import array
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from streams.records.dead_letters import dead_letter_headers
from streams.tools.drive.measuring import Measured, Times
from streams.tools.drive.receiving import origin

MS = 1_000_000


def measured(warm_up_s: float = 0.0) -> Measured:
    return Measured(start_ns=0, length_s=10, warm_up_s=warm_up_s)


def numbers(*rows: Sequence[int]) -> "array[int]":
    return array("q", [one for row in rows for one in row])


def test_an_answer_counts_from_the_intended_moment() -> None:
    found = measured()
    found.acked(numbers((0, 5, 100 * MS, 7 * MS)))
    found.came(numbers((0, 5, 130 * MS, 1)))
    assert (found.latency.at(100) or 0) == 30.015  # to three digits
    assert (found.lateness.at(100) or 0) == 7.003
    assert (found.answered, found.outstanding, found.by_topic) == (1, 0, {1: 1})


@given(st.permutations([(p, o) for p in range(3) for o in range(4)]))
def test_it_does_not_matter_whether_the_answer_or_the_acknowledgement_comes_first(
    places: list[tuple[int, int]],
) -> None:
    found = measured()
    early, late = places[:6], places[6:]
    found.came(numbers(*[(*place, 9 * MS, 0) for place in early]))
    found.acked(numbers(*[(*place, 4 * MS, 0) for place in places]))
    found.came(numbers(*[(*place, 9 * MS, 0) for place in late]))
    assert (found.answered, found.outstanding, found.foreign) == (12, 0, 0)
    assert found.latency.count == 12
    assert found.latency.at(1) == found.latency.at(100)


def test_what_is_never_answered_is_outstanding_and_what_nobody_asked_is_foreign() -> (
    None
):
    found = measured()
    found.acked(numbers((0, 1, 0, 0), (0, 2, 0, 0)))
    found.came(numbers((0, 1, MS, 0), (3, 77, MS, 0)))
    assert (found.outstanding, found.foreign, found.repeats) == (1, 1, 0)


def test_a_second_answer_is_a_repeat_and_no_second_latency() -> None:
    found = measured()
    found.acked(numbers((0, 1, 0, 0)))
    found.came(numbers((0, 1, MS, 0), (0, 1, 2 * MS, 0)))
    assert (found.repeats, found.latency.count, found.answered) == (1, 1, 1)


def test_what_warms_up_is_matched_but_not_measured() -> None:
    found = measured(warm_up_s=1.0)
    found.acked(numbers((0, 1, 999 * MS, 5 * MS), (0, 2, 1000 * MS, MS)))
    found.came(numbers((0, 1, 1500 * MS, 0), (0, 2, 1010 * MS, 0)))
    assert (found.answered, found.latency.count, found.lateness.count) == (2, 1, 1)
    assert [one.at_s for one in found.moments()] == [1.0]


def test_a_long_run_has_600_intervals_at_most() -> None:
    found = Measured(0, length_s=86_400)
    for hour in range(24):
        found.acked(numbers((0, hour, hour * 3_600_000 * MS, 0)))
        found.came(numbers((0, hour, hour * 3_600_000 * MS + MS, 0)))
    at = [one.at_s for one in found.moments()]
    assert at[0] == 0
    assert {round(one % 144, 3) for one in at} == {0}


@given(st.lists(st.integers(1, 10**11), min_size=1, max_size=300), st.floats(1, 100))
def test_quantiles_are_those_of_the_nearest_rank_to_three_digits(
    ns: list[int], percentile: float
) -> None:
    times = Times()
    for one in ns:
        times.add(one)
    rank = max(1, int(percentile / 100 * len(ns) + 0.5))
    true_ms = max(1, sorted(ns)[rank - 1] // 1000) / 1000
    found = times.at(percentile) or 0
    assert true_ms * 0.998 <= found <= true_ms * 1.002 + 0.001


def test_nothing_measured_has_no_figures() -> None:
    figures = Times().figures()
    assert (figures.count, figures.mean_ms, figures.quantiles_ms["p99"]) == (
        0,
        None,
        None,
    )
    assert measured().curve() == []


def test_the_curve_rises_to_the_longest() -> None:
    found = measured()
    for number in range(1000):
        found.latency.add((number + 1) * MS)
    curve = found.curve()
    assert curve[0][0] == 1
    assert [ms for _, ms in curve] == sorted(ms for _, ms in curve)
    assert curve[-1][1] > 990


def test_an_answer_says_by_its_headers_what_it_answers() -> None:
    decided = [
        ("ce_id", b"x"),
        ("source_topic", b"r.requests"),
        ("source_partition", b"3"),
        ("source_offset", b"17"),
    ]
    dead = dead_letter_headers(
        [], ("r.requests", 2, 9), ("decode", "not_json", "why"), 1, "1"
    )
    assert origin(decided, "r.requests") == (3, 17)
    assert origin(dead, "r.requests") == (2, 9)
    assert origin(decided, "other.requests") is None
    assert origin([("source_topic", b"r.requests")], "r.requests") is None
    assert origin([], "r.requests") is None
