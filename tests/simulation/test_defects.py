"""The simulation is judged: it must find what is planted into the product."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from simulation.defects import DEFECTS, planted
from simulation.defects.search import PLANS, Replayed, kept, seeds_needed, write_page
from simulation.page import PAGE
from simulation.shrinking.soundness import sound
from streams.kafka.offsets import PendingSlice

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def replayed() -> dict[str, Replayed]:
    """What comes of all kept universes, in a process with the hashes of a campaign."""
    ended = subprocess.run(
        [sys.executable, "-m", "simulation.defects", "--replay"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    rows = [msgspec.json.decode(line, type=Replayed) for line in lines]
    return {row.defect: row for row in rows}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_in_the_universe_that_is_kept_for_it(
    name: str, replayed: dict[str, Replayed]
) -> None:
    assert kept(name).signature in DEFECTS[name].expected
    assert kept(name).signature in replayed[name].found


@pytest.mark.parametrize("name", DEFECTS)
def test_nothing_is_found_in_that_universe_without_the_defect(
    name: str, replayed: dict[str, Replayed]
) -> None:
    assert replayed[name].without == []


@pytest.mark.parametrize("name", DEFECTS)
def test_a_kept_universe_is_of_its_defect_and_has_all_that_its_parts_need(
    name: str,
) -> None:
    one = kept(name)
    assert one.defect == name
    assert sound(one.plan) == one.plan


def test_nothing_is_kept_for_a_defect_that_is_none() -> None:
    assert {path.stem for path in PLANS.glob("*.json")} == set(DEFECTS)


def test_the_published_table_is_that_of_the_last_searches_of_all_defects(
    tmp_path: Path,
) -> None:
    assert set(seeds_needed()) == set(DEFECTS)
    page = ROOT / PAGE
    copy = tmp_path / "page.md"
    copy.write_bytes(page.read_bytes())
    write_page(copy)
    assert copy.read_text("utf-8") == page.read_text("utf-8"), (
        "renew it: python -m simulation.defects --write-docs"
    )


def test_a_thousand_seeds_are_enough_for_every_defect() -> None:
    for name, counts in seeds_needed().items():
        assert len(counts) == 3, name
        assert None not in counts, name


def test_a_defect_is_gone_when_its_run_is_over() -> None:
    right = PendingSlice.hold
    with planted("commit-before-acknowledgement"):
        assert PendingSlice.hold is not right
    assert PendingSlice.hold is right
