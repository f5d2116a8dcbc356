"""The schemas name closed lists, and what a fact is when all is well."""

from typing import Any, Final

import jsonschema
import msgspec
import pytest

from streams.families.fast_refund import schemas
from streams.families.fast_refund.closed_lists import FACTS, well_formed
from streams.families.fast_refund.model import Seen
from streams.families.fast_refund.reasons import REASONS
from streams.families.fast_refund.rules.request import ACTIONS, KINDS
from tests.families.fast_refund import cases

SCHEMA: Final = schemas.schema("decision")
DECISION: Final = jsonschema.Draft202012Validator(SCHEMA)
SEEN: Final = SCHEMA["$defs"]["Seen"]["properties"]
DECIDED: Final = [
    {name: value for name, value in decision.items() if name != "name"}
    for case in cases.CASES
    if not cases.in_stream(case)
    for decision in cases.answers([cases.raw_of(case)])
    if "dead_letter" not in decision
]


def test_the_decision_of_every_case_fits_its_schema() -> None:
    assert len(DECIDED) > 100
    for decision in DECIDED:
        DECISION.validate(decision)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("disposition", "perhaps"),
        ("outcome", "approved"),
        ("reason_codes", [5]),
        ("decided_at_ms", "now"),
    ],
)
def test_what_is_no_decision_does_not_fit(field: str, value: object) -> None:
    assert not DECISION.is_valid({**DECIDED[0], field: value})


def listed(shown: Any) -> set[object]:  # noqa: ANN401 - JSON
    """Every value of every enum in a part of a schema."""
    if isinstance(shown, list):
        return set().union(*map(listed, shown))
    if not isinstance(shown, dict):
        return set()
    return set(shown.get("enum", ())) | listed(list(shown.values()))


def test_closed_lists_are_those_of_the_code_and_say_that_they_may_grow() -> None:
    properties = SCHEMA["properties"]
    dispositions = ["decided", "out_of_scope", "superseded"]
    assert properties["disposition"]["enum"] == dispositions
    assert properties["outcome"]["enum"] == ["auto_approve", "manual_review", None]
    assert listed(properties["reason_codes"]) == set(REASONS)
    asked = schemas.schema("request")["properties"]
    for where in (asked, SEEN):
        assert listed(where["refund_kind"]) == set(KINDS)
        assert listed(where["action"]) == set(ACTIONS)
    told = [properties[name] for name in ("disposition", "outcome", "reason_codes")]
    for shown in (*told, asked["refund_kind"], SEEN["refund_kind"], SEEN["limits"]):
        assert "may grow" in shown["description"]


def test_a_code_of_tomorrow_breaks_no_reader_of_today() -> None:
    DECISION.validate({**DECIDED[0], "reason_codes": ["A_CODE_OF_TOMORROW"]})


COLUMNS: Final = ("skus", "quantities", "shipped_counts", "customs", "paths")


def test_every_fact_in_seen_says_what_it_is_when_all_is_well() -> None:
    fields = msgspec.structs.fields(Seen)
    kept = {field.name for field in fields if "object" in str(field.type)}
    assert set(FACTS) == kept
    fitting = {"listed": "custom", "order_vetoed": True, "pause": 5}
    good = {**cases.DATA["base"]["order"], **DECIDED[0]["seen"], **fitting}
    for fact in FACTS:
        forms = jsonschema.Draft202012Validator({"anyOf": well_formed(fact)})
        values = good[fact] if fact in COLUMNS else [cases.moments(good.get(fact))]
        assert values
        for value in values:
            assert forms.is_valid(value), (fact, value)
        assert not forms.is_valid({"no": "fact"}), fact
        assert "recorded as it came" in str(SEEN[fact]), fact


def test_a_wrong_value_in_seen_fits_all_the_same() -> None:
    for fact in FACTS:
        if fact not in (*COLUMNS, "listed"):
            seen = {**DECIDED[0]["seen"], fact: {"no": ["fact"]}}
            DECISION.validate({**DECIDED[0], "seen": seen})
    for fact in COLUMNS:
        seen = {**DECIDED[0]["seen"], fact: [{"no": "fact"}, None, 5]}
        DECISION.validate({**DECIDED[0], "seen": seen})
