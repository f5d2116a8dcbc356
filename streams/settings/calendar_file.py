"""The table of working days read and checked: the shipped one, or another file."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from streams.errors import SettingsError
from streams.processing.calendar import (
    Date,
    Day,
    WorkingCalendar,
    YearTable,
    day_of,
    is_weekend,
)
from streams.settings.shipped import shipped_text

SHIPPED_CALENDAR: Final = "calendar.toml"


class _Holiday(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    first: dt.date
    last: dt.date


class _Year(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    year: int
    version: int
    holidays: list[_Holiday]
    worked: list[dt.date]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    years: list[_Year]


def load_calendar(file: str | None) -> WorkingCalendar:
    """Read a table of working days; None = the shipped one. Reads a file.

    Raises
    ------
    SettingsError
        One line a problem, each with the file's name.
    """
    name = SHIPPED_CALENDAR if file is None else file
    try:
        text = shipped_text(name) if file is None else Path(name).read_text("utf-8")
        found = msgspec.toml.decode(text, type=_File)
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        raise SettingsError([f"{name}: {why}; check the path"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{name}: not UTF-8; save it as UTF-8"]) from None
    except (ValueError, RecursionError) as problem:
        raise SettingsError([f"{name}: {problem}; correct it"]) from None
    problems = [f"{name}: {line}" for line in _problems(found)]
    if problems:
        raise SettingsError(problems)
    return WorkingCalendar(_table(year) for year in found.years)


def _problems(found: _File) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    for year in found.years:
        called = f"{year.year} version {year.version}"
        if year.version < 1:
            yield f"{called}: versions start at 1"
        if (year.year, year.version) in seen:
            yield f"{called} is listed twice: give the later one the next version"
        seen.add((year.year, year.version))
        for line in _problems_of(year):
            yield f"{called}: {line}"


def _problems_of(year: _Year) -> Iterator[str]:
    taken: set[Day] = set()
    for holiday in year.holidays:
        days = _days(holiday)
        if not days:
            yield f"{holiday.name} ends before it begins"
        if {holiday.first.year, holiday.last.year} != {year.year}:
            yield f"{holiday.name} is not in that year: split it by year"
        if not taken.isdisjoint(days):
            yield f"{holiday.name} has days of another holiday"
        taken.update(days)
    for date in year.worked:
        if date.year != year.year:
            yield f"{date} is not in that year"
        if not is_weekend(_day(date)):
            yield f"{date} is not a weekend day: other days are working days unless off"
        if _day(date) in taken:
            yield f"{date} is both off and worked"


def _table(year: _Year) -> YearTable:
    off = frozenset(day for holiday in year.holidays for day in _days(holiday))
    return YearTable(year.year, year.version, off, frozenset(map(_day, year.worked)))


def _days(holiday: _Holiday) -> range:
    return range(_day(holiday.first), _day(holiday.last) + 1)


def _day(date: dt.date) -> Day:
    return day_of(Date(date.year, date.month, date.day))
