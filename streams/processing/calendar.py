"""Local days, months and working days; moments as UTC ms, days as integers.

A local day is a number: days since 1970-01-01 in Asia/Shanghai, which has had UTC+8
without summer time for the years that rules speak of (1992 and later). Natural days are
added to it as they are. All functions take integers of any size: a moment far beyond
the calendar is an ordinary number.

Which clause needs what, by the rules of merchant standing (SV) and deposits (DP, SC, SX):

- :func:`local_day`: SV-0 and SV-2 to SV-4 count by local day; SC case 8.
- :func:`start_of`, from when "local date >= D" holds: DP payout (R-17), SC wait (R-20).
- :func:`end_of`, from when "local date > D" holds, and where deadlines end (24:00):
  SV-0 a day closes, DP-4 and SX-7 are overdue, DP-7 and SX-3c.
- day + N: SC-4 waits 90 days (R-15, R-20), R-29 has a window of 365 days.
- :func:`add_months` (R-14): DP-7 one and three months, SX-3b and SX-3c three, SX-6b six.
- :meth:`WorkingCalendar.working_day` (R-13): DP-4 day 7 (R-16), SX-7 days 10 and 18 (R-25).

SV-9a needs none of it: 150 days are elapsed milliseconds (R-15).
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec

DAY_MS: Final = 86_400_000
_OFFSET_MS: Final = 8 * 3_600_000
"""Offset of Asia/Shanghai from UTC, ms."""

Day: TypeAlias = int
"""A local day: days since 1970-01-01 in Asia/Shanghai."""

_DAYS_PER_ERA: Final = 146_097
"""Days in 400 years, after which the Gregorian calendar repeats."""
_SHIFT: Final = 719_468
"""Days from 0000-03-01, where the arithmetic begins, to 1970-01-01."""
_JANUARY: Final = 10
"""Months after March."""
_SATURDAY: Final = 5
"""Days after Monday."""


class Date(msgspec.Struct, frozen=True, order=True):
    """A Gregorian date as people write it."""

    year: int
    month: int
    day: int


def local_day(at_ms: int) -> Day:
    """Return the local day of a moment (UTC ms)."""
    return (at_ms + _OFFSET_MS) // DAY_MS


def start_of(day: Day) -> int:
    """Return the first moment of a local day, UTC ms."""
    return day * DAY_MS - _OFFSET_MS


def end_of(day: Day) -> int:
    """Return the first moment after a local day, UTC ms: 24:00, no longer inside."""
    return start_of(day + 1)


def date_of(day: Day) -> Date:
    """Return the Gregorian date of a local day."""
    # Years begin in March here, so that the day of a leap year is the last one.
    era, in_era = divmod(day + _SHIFT, _DAYS_PER_ERA)
    in_400 = (
        in_era - in_era // 1_460 + in_era // 36_524 - in_era // (_DAYS_PER_ERA - 1)
    ) // 365
    in_year = in_era - (365 * in_400 + in_400 // 4 - in_400 // 100)
    from_march = (5 * in_year + 2) // 153
    year = 400 * era + in_400 + (from_march >= _JANUARY)
    month = (from_march + 2) % 12 + 1
    return Date(year, month, in_year - (153 * from_march + 2) // 5 + 1)


def day_of(date: Date) -> Day:
    """Return the local day of a date; the caller has checked that the date exists."""
    from_march = (date.month - 3) % 12
    era, in_400 = divmod(date.year - (from_march >= _JANUARY), 400)
    in_year = (153 * from_march + 2) // 5 + date.day - 1
    in_era = 365 * in_400 + in_400 // 4 - in_400 // 100 + in_year
    return era * _DAYS_PER_ERA + in_era - _SHIFT


def add_months(day: Day, months: int) -> Day:
    """R-14: return the same day some months later, or that month's last day if there is none.

    Parameters
    ----------
    months
        How many months later; negative = earlier.
    """
    date = date_of(day)
    later, month = divmod(date.month - 1 + months, 12)
    first = day_of(Date(date.year + later, month + 1, 1))
    return first + min(date.day, _days_in(first)) - 1


def _days_in(first: Day) -> int:
    """Return the number of days in the month that begins on this day."""
    return (
        32 - date_of(first + 31).day
    )  # which is in the next month, whatever this one is


class YearTable(msgspec.Struct, frozen=True):
    """The announced calendar of one year: its differences from Monday to Friday."""

    year: int
    version: int
    """Starts at 1; each later announcement for the same year has the next version."""
    off: frozenset[Day]
    """Public holidays; they may include weekend days."""
    worked: frozenset[Day]
    """Saturdays and Sundays that are worked instead."""


class MissingYear(msgspec.Struct, frozen=True):
    """There is no working day, because no table of this year is loaded.

    The caller answers CALENDAR_UNKNOWN, and a person decides.
    """

    year: int


class WorkingCalendar:
    """R-13: the statutory working days, make-up days included.

    Parameters
    ----------
    tables
        In any order; the highest version of each year counts.
    """

    def __init__(self, tables: Iterable[YearTable]) -> None:
        by_version = sorted(tables, key=lambda table: (table.year, table.version))
        self._tables = {table.year: table for table in by_version}

    def version(self, year: int) -> int | None:
        """Return the version in use for a year, to be recorded; None = no table of that year."""
        table = self._tables.get(year)
        return None if table is None else table.version

    def is_working_day(self, day: Day) -> bool | MissingYear:
        """Whether a local day is a working day."""
        year = date_of(day).year
        table = self._tables.get(year)
        if table is None:
            return MissingYear(year)
        if day in table.worked:
            return True
        return day not in table.off and not is_weekend(day)

    def working_day(self, day: Day, number: int) -> Day | MissingYear:
        """Return the n-th working day after a local day, which is day 0 (R-13).

        Parameters
        ----------
        number
            Starts at 1; 7 for DP-4. Work due on that day is in time until
            :func:`end_of` it.
        """
        left = number
        while left > 0:
            day += 1
            worked = self.is_working_day(day)
            if isinstance(worked, MissingYear):
                return worked
            left -= worked
        return day

    def working_days(self, after: Day, until: Day) -> int | MissingYear:
        """Return how many working days are in (after, until], local days."""
        found = 0
        for day in range(after + 1, until + 1):
            worked = self.is_working_day(day)
            if isinstance(worked, MissingYear):
                return worked
            found += worked
        return found


def is_weekend(day: Day) -> bool:
    """Whether a local day is a Saturday or a Sunday."""
    return (day + 3) % 7 >= _SATURDAY  # 1970-01-01 was a Thursday, Monday is 0
