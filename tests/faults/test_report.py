"""The page says how many runs there were, and how many there should be."""

from pathlib import Path

import pytest

from faults.campaign import runs_of
from faults.catalog import FAULTS, LASTING
from faults.cli import chosen
from faults.measurements import Measurements
from faults.report import line, write_page
from faults.verdict import NotRunError, RunVerdict, not_run

WANTED = (
    *(10, 20, 10, 5, 5, 3, 5, 3, 2, 3, 3, 3, 5, 5, 5, 3, 2, 3, 1, 5, 1, 2, 1, 1, 10),
    *(4, 3, 4, 3, 2, 2, 2, 2, 1),
)
"""Runs of faults 1 to 34."""
KINDS_OF_17 = {"too-large", "unauthorised", "topic-deleted"}


def verdict(name: str, seed: int, **changes: object) -> RunVerdict:
    (fault,) = chosen([name])
    fields = {"problems": (), "timeline": (), "measured": Measurements(requests=1_000)}
    return RunVerdict(fault=fault.number, name=name, seed=seed, **(fields | changes))  # type: ignore[arg-type]


def rows(page: Path) -> dict[str, list[str]]:
    cells = [
        [cell.strip() for cell in text.split("|")[1:-1]]
        for text in page.read_text(encoding="utf-8").splitlines()
        if text.startswith("|")
    ]
    return {row[1]: row for row in cells[2:]}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    found = tmp_path / "page.md"
    found.write_text("before\n<!-- runs: from here -->\nold\n<!-- runs: to here -->\n")
    return found


def test_the_campaign_has_every_fault_as_often_as_it_is_wanted() -> None:
    assert {fault.number: fault.runs for fault in FAULTS} == dict(enumerate(WANTED, 1))
    assert {fault.name for fault in chosen(["17"])} == KINDS_OF_17
    lasting = {fault.name: fault.length_s for fault in FAULTS if fault.length_s}
    assert lasting == {"soak": 7_200, "mixture": 1_000}
    assert {name: LASTING[name](60).length_s for name in lasting} == {
        "soak": 60,
        "mixture": 60,
    }
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_seeds_of_a_fault_follow_each_other() -> None:
    assert [seed for _, seed in runs_of(chosen(["spare"]), None, 4)] == [4, 5]
    assert [seed for _, seed in runs_of(chosen(["spare"]), 1, None)] == [1]


def test_a_row_says_how_many_runs_passed_and_how_many_there_should_be(
    page: Path,
) -> None:
    told = [verdict("kill", 1), verdict("kill", 2, problems=("lost",))]
    write_page(told, FAULTS, page)
    assert rows(page)["kill"][2:6] == ["1 of 2", "20", "0", "2000"]
    assert "old" not in page.read_text(encoding="utf-8")


def test_faults_that_were_not_run_have_a_row_that_says_so(page: Path) -> None:
    (fault,) = chosen(["disk-full"])
    skipped = not_run(fault.number, fault.name, 1, NotRunError("cannot mount"))
    write_page([skipped], FAULTS, page)
    assert list(rows(page)) == [fault.name for fault in FAULTS]
    assert {row[2] for row in rows(page).values()} == {"not run"}
    assert not skipped.passed
    assert line(skipped) == "NOT RUN 23 disk-full  cannot mount"
