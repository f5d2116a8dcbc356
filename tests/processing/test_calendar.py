"""Local days, months and working days, by the worked cases of the rules and by properties."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.processing.calendar import (
    DAY_MS,
    Date,
    Day,
    MissingYear,
    WorkingCalendar,
    YearTable,
    add_months,
    date_of,
    day_of,
    end_of,
    is_weekend,
    local_day,
    start_of,
)
from streams.settings.calendar_file import load_calendar

SHANGHAI = ZoneInfo("Asia/Shanghai")
EPOCH = dt.date(1970, 1, 1)
CALENDAR = load_calendar(None)

DATES = st.dates(dt.date(1, 2, 1), dt.date(9998, 12, 31))
DAYS = st.integers(-(10**12), 10**12)
MONTHS = st.integers(-5_000, 5_000)
COVERED = st.dates(dt.date(2024, 1, 1), dt.date(2026, 11, 1))
NUMBERS = st.integers(1, 30)


def day(text: str) -> Day:
    return of(dt.date.fromisoformat(text))


def of(date: dt.date) -> Day:
    return day_of(Date(date.year, date.month, date.day))


def ms(text: str) -> int:
    moment = dt.datetime.fromisoformat(text)
    since = moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return since // dt.timedelta(milliseconds=1)


def working_day(text: str, number: int) -> Day:
    found = CALENDAR.working_day(day(text), number)
    assert not isinstance(found, MissingYear)
    return found


# -- local days -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2025-03-31T16:00:00+00:00", "2025-04-01"),  # SC case 8
        ("2025-03-31T15:59:59.999+00:00", "2025-03-31"),
        ("2025-06-09T00:00:00+08:00", "2025-06-09"),
        ("1969-12-31T16:00:00+00:00", "1970-01-01"),
        ("1969-12-31T15:59:59.999+00:00", "1969-12-31"),
    ],
)
def test_a_local_day_begins_at_midnight_in_shanghai(moment: str, expected: str) -> None:
    assert local_day(ms(moment)) == day(expected)


def test_a_day_begins_with_its_first_millisecond_and_ends_before_the_next() -> None:
    found = day("2025-06-18")
    assert start_of(found) == ms("2025-06-18T00:00:00+08:00")
    assert end_of(found) == ms("2025-06-19T00:00:00+08:00")


@given(st.integers(-(10**15), 10**15))
def test_every_moment_lies_in_its_own_day(at_ms: int) -> None:
    found = local_day(at_ms)
    assert start_of(found) <= at_ms < end_of(found)
    assert end_of(found) - start_of(found) == DAY_MS


@given(st.datetimes(dt.datetime(1992, 1, 1), dt.datetime(2200, 1, 1)))  # noqa: DTZ001 - drawn without a zone
def test_days_are_those_of_the_time_zone_data_since_1992(at: dt.datetime) -> None:
    moment = at.replace(tzinfo=dt.UTC)
    assert local_day(ms(moment.isoformat())) == of(moment.astimezone(SHANGHAI).date())


@given(DATES)
def test_days_and_dates_are_those_of_the_library(date: dt.date) -> None:
    found = of(date)
    assert found == (date - EPOCH).days
    assert date_of(found) == Date(date.year, date.month, date.day)
    assert is_weekend(found) == (date.weekday() >= 5)


@given(st.integers(-(10**30), 10**30))
def test_a_day_beyond_every_calendar_is_a_day_like_any_other(found: int) -> None:
    assert day_of(date_of(found)) == found


# -- months (R-14) ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "months", "expected"),
    [
        ("2025-06-09", 1, "2025-07-09"),  # DP case 1
        ("2025-01-31", 1, "2025-02-28"),  # DP case 10
        ("2025-06-09", 3, "2025-09-09"),  # DP case 12
        ("2025-03-10", 3, "2025-06-10"),  # SX case 4
        ("2024-11-30", 3, "2025-02-28"),  # SX case 5
        ("2025-01-31", 6, "2025-07-31"),  # SX case 13
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-12-31", 2, "2024-02-29"),
        ("2100-01-29", 1, "2100-02-28"),
        ("2025-12-31", 1, "2026-01-31"),
        ("2025-03-31", -1, "2025-02-28"),
        ("2025-05-31", 0, "2025-05-31"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-02-29", -2, "2023-12-29"),
    ],
)
def test_a_month_later_is_the_same_number_or_the_last_of_the_month(
    date: str, months: int, expected: str
) -> None:
    assert add_months(day(date), months) == day(expected)


@given(DAYS, MONTHS)
def test_months_taken_back_lead_to_the_day_or_to_the_last_that_was_cut(
    begin: Day, months: int
) -> None:
    there = add_months(begin, months)
    back = add_months(there, -months)
    cut = date_of(begin).day - date_of(there).day
    assert back == begin - cut
    assert cut == 0 or date_of(there + 1).day == 1


@given(DAYS, st.integers(0, 400), MONTHS)
def test_a_later_day_never_leads_to_an_earlier_one(
    begin: Day, later: int, months: int
) -> None:
    assert add_months(begin, months) <= add_months(begin + later, months)


@given(DAYS, MONTHS)
def test_one_month_more_leads_into_the_month_after(begin: Day, months: int) -> None:
    one, two = (
        date_of(add_months(begin, months)),
        date_of(add_months(begin, months + 1)),
    )
    assert (two.year * 12 + two.month) - (one.year * 12 + one.month) == 1


# -- natural days (R-15) ----------------------------------------------------------


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        ("2025-01-01", "2025-04-01"),  # SC case 1
        ("2025-02-01", "2025-05-02"),  # SC case 9
    ],
)
def test_ninety_natural_days_after_a_close_request(closed: str, expected: str) -> None:
    assert day(closed) + 90 == day(expected)


# -- working days (R-13) ----------------------------------------------------------


@pytest.mark.parametrize(
    ("applied", "number", "expected"),
    [
        ("2025-06-09", 7, "2025-06-18"),  # DP case 2
        ("2025-09-26", 7, "2025-10-13"),  # DP case 9
        ("2025-06-09", 10, "2025-06-23"),  # SX case 1
        ("2025-06-09", 18, "2025-07-03"),  # SX case 1
        ("2025-09-26", 1, "2025-09-28"),  # a Sunday that is worked
        ("2025-09-28", 1, "2025-09-29"),
        ("2025-12-31", 1, "2026-01-04"),  # over the new year, a worked Sunday
        ("2026-02-13", 2, "2026-02-24"),
        ("2024-09-30", 1, "2024-10-08"),
    ],
)
def test_the_nth_working_day_after_the_application(
    applied: str, number: int, expected: str
) -> None:
    assert working_day(applied, number) == day(expected)


def test_dp_8_a_review_is_overdue_with_the_first_millisecond_after_working_day_7() -> (
    None
):
    overdue_ms = end_of(working_day("2025-06-09", 7))
    assert overdue_ms - 1 == ms("2025-06-18T23:59:59.999+08:00")


def test_dp_12_a_freeze_is_overdue_on_the_day_after_three_months() -> None:
    overdue_ms = end_of(add_months(day("2025-06-09"), 3))
    assert local_day(overdue_ms - 1) == day("2025-09-09")
    assert local_day(overdue_ms) == day("2025-09-10")


def test_sx_2_a_payout_is_overdue_on_the_day_after_working_day_18() -> None:
    assert local_day(end_of(working_day("2025-06-09", 18))) == day("2025-07-04")


def test_a_year_without_a_table_is_an_error_value_and_never_a_guess() -> None:
    applied = day("2026-12-28")
    assert CALENDAR.working_day(applied, 3) == day("2026-12-31")
    assert CALENDAR.working_day(applied, 4) == MissingYear(2027)
    assert CALENDAR.working_days(applied, applied + 9) == MissingYear(2027)
    assert CALENDAR.is_working_day(10**4_000) == MissingYear(date_of(10**4_000).year)
    assert CALENDAR.version(2027) is None


def test_of_several_versions_of_a_year_the_highest_counts() -> None:
    monday = day("2030-01-07")
    first = YearTable(2030, 1, frozenset(), frozenset())
    second = YearTable(2030, 2, frozenset({monday}), frozenset())
    for tables in ([first, second], [second, first]):
        found = WorkingCalendar(tables)
        assert found.version(2030) == 2
        assert found.is_working_day(monday) is False
    assert WorkingCalendar([first]).is_working_day(monday) is True


@given(COVERED, NUMBERS)
def test_counting_working_days_is_the_inverse_of_finding_them(
    begin: dt.date, number: int
) -> None:
    found = CALENDAR.working_day(of(begin), number)
    assert not isinstance(found, MissingYear)
    assert CALENDAR.is_working_day(found) is True
    assert CALENDAR.working_days(of(begin), found) == number


@given(COVERED, COVERED, NUMBERS)
def test_a_later_application_never_has_an_earlier_deadline(
    one: dt.date, two: dt.date, number: int
) -> None:
    earlier, later = sorted((of(one), of(two)))
    first = CALENDAR.working_day(earlier, number)
    second = CALENDAR.working_day(later, number)
    assert isinstance(first, int)
    assert isinstance(second, int)
    assert first <= second


@given(COVERED, NUMBERS)
def test_the_next_working_day_is_the_first_one_after(
    begin: dt.date, number: int
) -> None:
    one = CALENDAR.working_day(of(begin), number)
    two = CALENDAR.working_day(of(begin), number + 1)
    assert isinstance(one, int)
    assert two == CALENDAR.working_day(one, 1)
