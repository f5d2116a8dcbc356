import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from simulation.drawing import plan_of
from simulation.regressions import FOLDER, Regression, keep, regressions
from simulation.shrinking.soundness import sound

ROOT = Path(__file__).parents[2]
replace = msgspec.structs.replace


def found(name: str = "commit-before-answer") -> Regression:
    return Regression(
        name=name,
        why="an offset was committed before its answer was acknowledged",
        seed=17,
        signature="commit_ahead:commits_stay_behind",
        plan=plan_of(17),
    )


def test_what_is_kept_is_read_again_in_the_order_of_names(tmp_path: Path) -> None:
    later, first = found("veto-forgotten"), found("answer-lost")
    for one in (later, first):
        assert keep(one, tmp_path) == tmp_path / f"{one.name}.json"
    assert regressions(tmp_path) == (first, later)


def test_a_kept_plan_is_never_replaced(tmp_path: Path) -> None:
    keep(found(), tmp_path)
    with pytest.raises(FileExistsError):
        keep(replace(found(), why="another one"), tmp_path)
    assert regressions(tmp_path) == (found(),)


@pytest.mark.parametrize("name", ["", "Commit", "a_b", "../a", "a-", "a.json"])
def test_a_name_that_is_none_for_a_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lower-case words"):
        keep(found(name), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    keep(found("renamed"), tmp_path).rename(tmp_path / "other.json")
    (tmp_path / "torn.json").write_bytes(b'{"name": "torn"')
    with pytest.raises(
        ValueError, match=r"other\.json: its name is renamed"
    ) as refused:
        regressions(tmp_path)
    assert "torn.json" in str(refused.value)


def test_a_field_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = keep(found(), tmp_path)
    text = path.read_bytes()
    for known, unknown in ((b'"why"', b'"because"'), (b'"asks_us"', b'"asked_us"')):
        assert known in text
        path.write_bytes(text.replace(known, unknown, 1))
        with pytest.raises(ValueError, match="commit-before-answer"):
            regressions(tmp_path)


def test_the_kept_ones_are_universes_and_each_is_named_in_the_reliability_page() -> (
    None
):
    page = (ROOT / "docs/reliability.md").read_text("utf-8")
    for one in regressions():
        assert sound(one.plan) == one.plan
        assert re.search(rf"\b{one.seed}\b", page), one.name


def test_no_kept_plan_fails_again() -> None:
    for one in regressions():
        ended = subprocess.run(
            [
                *(sys.executable, "-m", "simulation", "--no-shrink"),
                *("--plan", str(FOLDER / f"{one.name}.json")),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, f"{one.name}: {one.why}\n{ended.stdout}"
