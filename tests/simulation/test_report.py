"""What people read of a campaign: its progress, one line at the end, and the findings by kind."""

import io

from rich.console import Console

from simulation.report import Progress, findings_table, summary
from simulation.verdict import Verdict
from tests.simulation.verdicts import verdict


def told(*verdicts: Verdict) -> str:
    with Progress(Console(file=io.StringIO()), None) as progress:
        for one in verdicts:
            progress.add(one)
    return summary(progress)


def rows(*failed: Verdict) -> list[list[str]]:
    table = findings_table(failed)
    columns = [list(column.cells) for column in table.columns]
    return [[str(cell) for cell in row] for row in zip(*columns, strict=True)]


def test_a_signature_is_that_of_the_first_finding() -> None:
    assert verdict(1).signature is None
    assert verdict(1, "calm", "lost", "stuck").signature == "lost:some_rule"


def test_the_last_line_adds_everything_up() -> None:
    line = told(verdict(1), verdict(2, "calm", "lost"), verdict(3))
    assert line.startswith("3 universes, 1 with findings: 1.5 virtual hours in ")
    assert "0.50 s of CPU each" in line
    assert line.endswith("6 ends of workers, 9 disturbed requests")


def test_a_campaign_without_a_universe_has_a_last_line_too() -> None:
    assert told().startswith("0 universes, 0 with findings: 0.0 virtual hours")


def test_findings_of_one_kind_are_one_row_and_the_most_frequent_come_first() -> None:
    seeds = [verdict(seed, "calm", "stuck") for seed in range(10, 17)]
    assert rows(verdict(3, "calm", "lost"), *seeds) == [
        ["stuck:some_rule", "7", "10 11 12 13 14", "it"],
        ["lost:some_rule", "1", "3", "it"],
    ]


def test_foreign_text_cannot_change_the_table() -> None:
    found = verdict(1, "calm", "lost", text="a\nb\x1b[31m")
    assert rows(found) == [["lost:some_rule", "1", "1", "a\\nb\\u001b[31m"]]


def test_a_terminal_shows_a_bar_and_gets_its_cursor_back() -> None:
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=True), 2) as progress:
        progress.add(verdict(1))
    assert "universes" in out.getvalue()
    assert "\x1b[?25h" in out.getvalue()
