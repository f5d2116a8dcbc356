"""A backtest in words, and its chart."""

import pytest

from streams.families.fast_refund.reasons import REASONS
from streams.tools.backtest.comparing import Count, Hour
from streams.tools.backtest.hours import chart_of
from streams.tools.backtest.wording import (
    headline,
    outcome_words,
    reason_words,
    reasons_words,
    work_line,
)

HOUR_MS = 3_600_000
FIRST_MS = 1_773_799_200_000
FIRST_S = FIRST_MS // 1000


@pytest.mark.parametrize(
    ("before", "after", "start"),
    [
        (64_900, 5_000, "599.00 yuan less is refunded automatically: 50.00 instead of"),
        (5_000, 64_905, "599.05 yuan more is refunded automatically: 649.05 instead"),
        (500, 500, "As much money is refunded automatically: 5.00 yuan"),
    ],
)
def test_the_headline_begins_with_the_money(
    before: int, after: int, start: str
) -> None:
    total = Count("all", approved_fen_before=before, approved_fen_after=after)
    assert headline(total).startswith(start)


def test_approvals_and_cases_are_counted_in_a_second_line() -> None:
    total = Count("all", 5, 4, 1, 0, 0, 1, 1)
    assert work_line(total) == "1 approval instead of 4, 1 case for a person as before"


def test_outcomes_and_reasons_are_words() -> None:
    for code in REASONS:
        assert "_" not in reason_words(code)
        assert "{" not in reason_words(code)
    assert outcome_words("manual_review") == "case for a person"
    assert outcome_words("something new") == "something new"
    assert reasons_words(["PRESALE", "NO_SUCH_CODE"]) == (
        "pre-sale order; NO_SUCH_CODE, a code this version does not know"
    )


def test_the_chart_begins_at_the_first_hour_and_ends_with_the_last() -> None:
    chart = chart_of([Hour(FIRST_MS, 2, 3), Hour(FIRST_MS + 3 * HOUR_MS, 4, 1)])
    assert chart is not None
    assert chart.at_s == [FIRST_S + 3600 * hour for hour in range(5)]
    assert chart.before == [2, 0, 0, 4, 4]
    assert chart.after == [3, 0, 0, 1, 1]


def test_one_hour_is_a_chart_of_one_hour_and_none_is_no_chart() -> None:
    chart = chart_of([Hour(FIRST_MS, 2, 3)])
    assert chart is not None
    assert chart.at_s == [FIRST_S, FIRST_S + 3600]
    assert chart_of([]) is None


def test_a_stray_hour_of_long_ago_is_not_filled_up_to_today() -> None:
    chart = chart_of([Hour(0, 1, 1), Hour(FIRST_MS, 2, 3)])
    assert chart is not None
    assert len(chart.at_s) == 3
