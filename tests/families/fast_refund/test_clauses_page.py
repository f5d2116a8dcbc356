"""``docs/clauses.md`` is made from the code and the tests, and complete."""

import re
from typing import Final

import pytest

from streams.families.fast_refund.rules import RULES
from streams.families.fast_refund.rules.rule import Rule
from tests.families.fast_refund import clauses_page
from tests.families.fast_refund.clauses_page import (
    CLAUSES,
    OPTIONS,
    READINGS,
    RENEW,
    ROOT,
    RULINGS,
    STATUSES,
    code_of,
    known_names,
    page,
    shown_by,
)

PAGE: Final = ROOT / "docs" / "clauses.md"
MADE: Final = clauses_page.sources()


def test_the_page_is_the_one_made_from_code_and_tests(
    update_cases: bool,  # noqa: FBT001 - a fixture
) -> None:
    made = page(MADE)
    if update_cases:
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, f"it is old; renew it: {RENEW}"


@pytest.mark.parametrize("name", [*CLAUSES, *READINGS, *RULINGS, *OPTIONS])
def test_what_is_done_has_code_and_a_test_and_all_else_says_why(name: str) -> None:
    note = MADE.notes.get(name, {})
    assert note.keys() <= {"status", "why"}
    assert note.get("status", "done") in STATUSES
    if note.get("status", "done") != "done" or not MADE.tests.get(name):
        assert note.get("why", "").strip(), f"{name}: say why in clauses.toml"
    if note.get("status", "done") in ("done", "recorded"):
        assert code_of(name, MADE), f"{name}: no docstring cites it"


def test_marks_notes_and_docstrings_name_what_there_is() -> None:
    known = known_names()
    assert MADE.tests.keys() <= known
    assert MADE.notes.keys() <= {*known, "HISTORY_UNAVAILABLE"}
    ours = re.compile(r"FR-|E-")  # belong to other families
    assert {clause for clause in MADE.code if ours.match(clause)} <= known


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_cites_what_it_serves_and_has_a_test(rule: Rule) -> None:
    text = rule.check.__doc__ or ""
    assert re.search(r"FR-|R-\d|E-\d|[Cc]ases? \d|[Ss]ection \d", text), text
    if rule.clause.startswith("FR-"):
        assert rule.clause in text, f"{rule.name} is told as {rule.clause}"
    assert shown_by(rule, MADE)


def test_a_rule_whose_docstring_cites_another_clause_changes_the_page() -> None:
    moved = {**MADE.code, "FR-1.4b": [*MADE.code["FR-1.4b"], "some.new_function"]}
    other = clauses_page.Sources(moved, MADE.tests, MADE.notes)
    assert "`some.new_function`" in page(other)
