"""The table of working days: what is shipped holds, what is wrong is refused."""

import datetime as dt
from pathlib import Path

import pytest

from streams.errors import SettingsError
from streams.processing.calendar import Date, day_of
from streams.settings.calendar_file import load_calendar
from streams.settings.shipped import shipped_text

GOOD = """
[[years]]
year = 2030
version = 1
holidays = [{ name = "New Year", first = 2030-01-01, last = 2030-01-03 }]
worked = [2030-01-05]
"""


def problems(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as refused:
        load_calendar(str(path))
    return tuple(one.removeprefix(f"{path}: ") for one in refused.value.problems)


@pytest.mark.parametrize(
    ("year", "weekdays_off", "weekends_worked"),
    [(2024, 19, 8), (2025, 18, 5), (2026, 19, 6)],
)
def test_the_shipped_years_have_the_announced_number_of_days(
    year: int, weekdays_off: int, weekends_worked: int
) -> None:
    calendar = load_calendar(None)
    off = worked = 0
    for number in range(366):
        date = dt.date(year, 1, 1) + dt.timedelta(number)
        if date.year == year:
            is_worked = calendar.is_working_day(
                day_of(Date(date.year, date.month, date.day))
            )
            worked += is_worked is True and date.weekday() >= 5
            off += is_worked is False and date.weekday() < 5
    assert (off, worked) == (weekdays_off, weekends_worked)
    assert calendar.version(year) == 1


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "calendar.toml"
    path.write_text(GOOD, "utf-8")
    calendar = load_calendar(str(path))
    assert calendar.is_working_day(day_of(Date(2030, 1, 2))) is False
    assert calendar.is_working_day(day_of(Date(2030, 1, 5))) is True


def test_all_contradictions_are_told_at_once(tmp_path: Path) -> None:
    text = """
[[years]]
year = 2030
version = 0
holidays = [
  { name = "A", first = 2030-01-03, last = 2030-01-01 },
  { name = "B", first = 2029-12-31, last = 2030-01-02 },
  { name = "C", first = 2030-01-02, last = 2030-01-06 },
]
worked = [2030-01-05, 2030-01-09, 2031-01-04]
"""
    assert problems(tmp_path / "c.toml", text) == (
        "2030 version 0: versions start at 1",
        "2030 version 0: A ends before it begins",
        "2030 version 0: B is not in that year: split it by year",
        "2030 version 0: C has days of another holiday",
        "2030 version 0: 2030-01-05 is both off and worked",
        "2030 version 0: 2030-01-09 is not a weekend day: other days are working days unless off",
        "2030 version 0: 2031-01-04 is not in that year",
    )
    assert problems(tmp_path / "c.toml", GOOD + GOOD) == (
        "2030 version 1 is listed twice: give the later one the next version",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("years = 5", "Expected `array`"),
        (GOOD.replace("worked", "works"), "unknown field `works`"),
        (GOOD.replace("2030-01-05", "'soon'"), "Expected `date`"),
        ("[[", "correct it"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_name(
    tmp_path: Path, text: str, expected: str
) -> None:
    (line,) = problems(tmp_path / "c.toml", text)
    assert expected in line


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    with pytest.raises(SettingsError, match="check the path"):
        load_calendar(str(path))
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_calendar(str(path))


def test_a_broken_installation_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="install refund-streams again"):
        shipped_text(f"{tmp_path.name}.toml")
