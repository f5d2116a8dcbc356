"""The page: its figures are those of recorded verdicts, its words those of the code."""

import re
from pathlib import Path

import msgspec
import pytest

from simulation.cli import main, parser
from simulation.oracles.end import KINDS
from simulation.page import PAGE, recorded, write_page
from simulation.plan import PROFILES
from simulation.verdict import Verdict
from testkit.simulated.conversations.subjects import every
from tests.simulation.verdicts import verdict

ROOT = Path(__file__).parents[2]


def record(file: Path, *verdicts: Verdict) -> Path:
    file.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in verdicts))
    return file


@pytest.fixture
def page(tmp_path: Path) -> Path:
    found = tmp_path / "page.md"
    marks = "<!-- figures: from here -->\nold\n<!-- figures: to here -->"
    found.write_text(f"before\n{marks}\nafter\n", encoding="utf-8")
    return found


def rows(page: Path) -> list[dict[str, str]]:
    cells = [
        [cell.strip() for cell in text.split("|")[1:-1]]
        for text in page.read_text(encoding="utf-8").splitlines()
        if text.startswith("|")
    ]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


def test_there_is_a_row_for_each_profile_that_ran_and_one_for_all(page: Path) -> None:
    write_page([verdict(1), verdict(2, "network"), verdict(3)], page)
    assert [row["profile"] for row in rows(page)] == ["calm", "network", "**all**"]
    assert [row["universes"] for row in rows(page)] == ["2", "1", "3"]
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text


def test_universes_are_counted_by_what_is_wrong_with_them(page: Path) -> None:
    write_page(
        [
            verdict(1),
            verdict(2, "calm", "lost", "lost", "stuck"),
            verdict(3, "calm", "exit_code", "crash"),
        ],
        page,
    )
    found = rows(page)[-1]
    assert {name: found[name] for name in ("without a finding", "lost", "stuck")} == {
        "without a finding": "1",
        "lost": "1",
        "stuck": "1",
    }
    assert found["other findings"] == "1"
    assert found["doubled"] == found["unjust"] == found["contradictory"] == "0"


def test_times_and_counts_are_added_up(page: Path) -> None:
    write_page([verdict(seed) for seed in range(2_000)], page)
    assert list(rows(page)[-1].values())[-4:] == ["1,000.0", "4,000", "6,000", "0.50"]


def test_of_a_seed_that_was_repeated_the_last_verdict_counts(tmp_path: Path) -> None:
    file = record(tmp_path / "v", verdict(1, "calm", "lost"), verdict(2), verdict(1))
    assert recorded(file) == [verdict(1), verdict(2)]


@pytest.mark.parametrize(
    ("text", "said"), [(b"", "holds no verdict"), (b"{}\n", "line 1: ")]
)
def test_a_file_without_verdicts_is_named(
    tmp_path: Path, text: bytes, said: str
) -> None:
    file = tmp_path / "verdicts"
    file.write_bytes(text)
    with pytest.raises(ValueError, match=said):
        recorded(file)


def test_the_command_writes_the_page_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / PAGE
    copy.parent.mkdir()
    copy.write_bytes((ROOT / PAGE).read_bytes())
    monkeypatch.chdir(tmp_path)
    file = record(tmp_path / "verdicts", *(verdict(seed) for seed in range(1_234)))
    assert main(["--write-docs", str(file)]) == 0
    assert "| calm | 1,234 |" in copy.read_text(encoding="utf-8")


def test_a_page_without_marks_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text("no marks\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    file = record(tmp_path / "verdicts", verdict(1))
    assert main(["--write-docs", str(file)]) == 2
    assert "<!-- figures: from here --> and" in capsys.readouterr().err
    assert (tmp_path / PAGE).read_text(encoding="utf-8") == "no marks\n"


# -- what is written by hand -----------------------------------------------------------

TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


def test_every_option_is_on_the_page_and_every_option_on_the_page_is_there() -> None:
    known = set(re.findall(r"--[a-z-]+", parser().format_help())) - {"--help"}
    assert known <= set(re.findall(r"--[a-z-]+", TEXT))
    table = re.findall(r"^\| `(--[a-z-]+)", TEXT, re.MULTILINE)
    assert table
    assert set(table) <= known


def test_every_profile_is_on_the_page() -> None:
    assert [name for name in PROFILES if f"`{name}`" not in TEXT] == []


def test_the_page_says_how_many_conversations_there_are() -> None:
    assert f"{len(every())} conversations" in TEXT


def test_every_oracle_of_the_judge_is_on_the_page_with_its_rule() -> None:
    rows = re.findall(r"^\| (O\d+) \|", TEXT, re.MULTILINE)
    assert rows == [f"O{number}" for number in range(1, 12)]
    table = TEXT.split("## The oracles")[1].split("\n## ")[0]
    assert set(KINDS) <= set(re.findall(r"`([a-z_]+)`", table))
