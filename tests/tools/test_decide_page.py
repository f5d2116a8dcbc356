"""``docs/decide.md`` is true: its members, its examples, its messages, its exit codes."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

from streams.families.fast_refund.history_facts import GIVEN, NOT_GIVEN
from streams.families.fast_refund.model import Past
from streams.tools.decide_line import MEMBERS
from tests.families.fast_refund.cases import CASES, SHIPPED, answers, line_of

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "decide.md").read_text(encoding="utf-8")
EXAMPLES: Final = (ROOT / "examples" / "cases.jsonl").read_bytes().splitlines()


def table(heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading."""
    section = PAGE.partition(f"\n{heading}\n")[2]
    lines = section[section.index("|") :].splitlines()
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_page_names_the_members_of_a_line_in_their_order() -> None:
    assert [quoted(row[0])[0] for row in table("## The line")] == list(MEMBERS)


def test_what_the_page_says_of_a_missing_member_holds() -> None:
    line = line_of({"title": "base"})
    refused = {quoted(row[0])[0] for row in table("## The line") if "refused" in row[2]}
    assert refused == {"now_ms", "request", "history"}
    for member in MEMBERS:
        gone = {name: value for name, value in line.items() if name != member}
        for one in (gone, {**line, member: None}):
            (found,) = answers([json.dumps(one).encode()])
            assert ("dead_letter" in found) is (member in refused), member


def test_the_page_names_the_fields_and_states_of_a_row_of_the_history() -> None:
    rows = table("### The history")
    fields = [name for row in rows for name in quoted(row[0])]
    assert sorted(fields) == sorted(Past.__struct_fields__)
    (states,) = (row[1] for row in rows if row[0] == "`state`")
    assert set(quoted(states)) == {*GIVEN, *NOT_GIVEN}


def test_every_example_comes_out_as_the_page_says() -> None:
    expected = {
        row[0]: (quoted(row[1])[0], quoted(row[2])) for row in table("## Examples")
    }
    found = answers(EXAMPLES, SHIPPED)
    assert {
        one["name"]: (one["outcome"] or one["disposition"], one["reason_codes"])
        for one in found
    } == expected
    assert [one["name"] for one in found] == list(expected)


def test_the_dead_letter_of_the_page_is_the_answer_to_such_a_line() -> None:
    (block,) = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    shown: dict[str, Any] = json.loads(block)
    line = {**json.loads(EXAMPLES[0]), "name": shown["name"], "order_veto": True}
    assert answers([json.dumps(line).encode()]) == [shown]


def test_the_page_says_how_many_worked_cases_there_are() -> None:
    (said,) = re.findall(r"Some (\d+)\s+more lines", PAGE)
    assert int(said) <= len(CASES) < int(said) + 100


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_has_every_member_that_a_line_must_have(line: bytes) -> None:
    assert set(MEMBERS) - {"unavailable"} == set(json.loads(line))
