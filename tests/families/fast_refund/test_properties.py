"""What holds for every request, shown on mixtures of the worked cases."""

import copy
import json
import random
from typing import Any, Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.families.fast_refund.decide import judge_again
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policies, Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.reasons import REASONS
from streams.tools.decide import decide_lines
from tests.families.fast_refund.cases import (
    CASES,
    DATA,
    NOW,
    SHIPPED,
    Json,
    line_of,
    moments,
    put,
)

BASE: Final[dict[str, Any]] = line_of({"title": "base"})

# --- lines mixed from the worked cases ---------------------------------------------

CHANGES: Final = [
    (path, moments(value))
    for case in CASES
    for path, value in case.get("change", {}).items()
    if "dead_letter" not in case.get("expect", {})
]


def told(row: dict[str, Any]) -> dict[str, Any]:
    """Make a row tell what a first decision needs, should it be of the same version."""
    if row["outcome"] == "manual_review":
        return {"reason_codes": ["PRESALE"], **row}
    return row


ROWS: Final = [
    told(moments({**DATA["base_row"], **row}))
    for case in CASES
    for row in case.get("history", [])
    if "dead_letter" not in case.get("expect", {})
]
POLICIES: Final = [None, None, None, "absent"] + [
    moments(case["policy"])
    for case in CASES
    if isinstance(case.get("policy"), dict) and "dead_letter" not in case["expect"]
]


@st.composite
def lines(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a line that takes some of its facts from one case, some from others."""
    line = copy.deepcopy(BASE)
    for path, value in draw(st.lists(st.sampled_from(CHANGES), max_size=6)):
        set_if_there(line, path, value)
    line["history"] = draw(st.lists(st.sampled_from(ROWS), max_size=3))
    line["policy"] = draw(st.sampled_from(POLICIES))
    return line


def set_if_there(line: dict[str, Any], path: str, value: Json) -> None:
    """Change a path unless another change took away what it belongs to."""
    try:
        put(line, path, copy.deepcopy(value))
    except (KeyError, IndexError, TypeError):
        return


def raw_answer(line: dict[str, Any]) -> bytes:
    (found,) = decide_lines([json.dumps(line).encode()], SHIPPED)
    return found


def answer(line: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(raw_answer(line)))


def approved(line: dict[str, Any]) -> bool:
    return answer(line).get("outcome") == "auto_approve"


def policy_of(line: dict[str, Any]) -> Policy | None:
    given_policy, asked = line["policy"], line["request"].get("requested_at_ms")
    if given_policy == "absent":
        return None
    at_ms = asked if type(asked) is int else line["now_ms"]
    later = () if given_policy is None else (POLICY.override(SHIPPED, given_policy),)
    return Policies(later).at(at_ms) or Policies((SHIPPED,)).at(at_ms)


# --- the form of every decision -----------------------------------------------------


@given(lines())
def test_codes_are_sorted_listed_once_and_fit_the_disposition(
    line: dict[str, Any],
) -> None:
    found = answer(line)
    codes = found["reason_codes"]
    assert codes
    assert codes == sorted(set(codes), key=lambda code: (REASONS[code].rank, code))
    kinds = {(REASONS[code].disposition, REASONS[code].outcome) for code in codes}
    assert kinds == {(found["disposition"], found["outcome"])}
    paid = found["outcome"] == "auto_approve"
    assert (found["payout_key"] is not None) is paid
    assert (codes == ["FR_ALL_CONDITIONS_MET"]) is paid


@given(lines())
def test_the_same_line_gives_the_same_bytes(line: dict[str, Any]) -> None:
    assert raw_answer(line) == raw_answer(copy.deepcopy(line))


@given(lines())
def test_a_decision_judged_again_has_the_same_bytes(line: dict[str, Any]) -> None:
    decision = msgspec.json.decode(raw_answer(line), type=Decision)
    written = msgspec.json.encode(decision)
    again = judge_again(decision, policy_of(line))
    assert msgspec.json.encode(again) == written
    assert msgspec.json.encode(judge_again(again, policy_of(line))) == written


@given(lines(), st.randoms(use_true_random=False))
def test_the_order_in_which_facts_are_given_does_not_matter(
    line: dict[str, Any], chance: random.Random
) -> None:
    mixed = shuffled(line, chance)
    for path in (("history",), ("buyer", "limits"), ("catalog", "excluded")):
        owner: Any = mixed
        for step in path:
            owner = owner.get(step) if isinstance(owner, dict) else None
        if isinstance(owner, list):
            chance.shuffle(owner)
    assert raw_answer(mixed) == raw_answer(line)


def shuffled(value: Json, chance: random.Random) -> Json:
    """Copy with the keys of every object in another order; lists stay as they are."""
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    chance.shuffle(keys)
    return {key: shuffled(value[key], chance) for key in keys}


# --- nothing ever turns into an approval --------------------------------------------

VETOES: Final[tuple[tuple[str, Any], ...]] = (
    ("order_vetoed", True),
    ("order_vetoed", "perhaps"),
    ("breaker", "shop"),
    ("unavailable", ["weather"]),
    ("lists_as_of_ms", None),
    ("catalog", None),
    ("order", None),
    ("buyer", None),
    ("shop", {"shop_id": "s-1", "enabled": False}),
    ("shop", {"shop_id": "s-1", "standing": "excluded"}),
    ("buyer.limits", [{"kind": "cancelled", "from_ms": 1}]),
    ("order.pay_type", 88),
    ("order.presale_stage", "deposit_paid"),
    ("order.delivery_block", 1),
    ("order.risk_code", 10001),
    ("order.order_status", "shipped"),
    ("order.order_type", 2),
    ("order.lines[0].is_custom", True),
    ("order.lines[0].shipped_count", None),
    ("policy", "absent"),
    ("policy", {"service_paused": True}),
    ("request.action", "withdraw"),
    ("request.special_refund_type", 1),
)


@settings(max_examples=400)
@given(lines(), st.sampled_from(VETOES))
def test_no_veto_ever_lets_an_approval_through(
    line: dict[str, Any], veto: tuple[str, Any]
) -> None:
    # A first decision is printed again unread, so it stays out.
    line["history"] = [row for row in line["history"] if row["refund_id"] != "r-1"]
    set_if_there(line, *veto)
    assert not approved(line)


STALE: Final = {
    "order.as_of_ms": NOW - 60_001,
    "buyer.as_of_ms": NOW - 86_400_001,
    "catalog.as_of_ms": NOW - 86_400_001,
    "lists_as_of_ms": NOW - 60_001,
}


@given(lines(), st.sets(st.sampled_from(sorted(STALE)), min_size=1))
def test_age_adds_codes_and_takes_none_away(
    line: dict[str, Any], paths: set[str]
) -> None:
    before = answer(line)
    aged = copy.deepcopy(line)
    for path in paths:
        head, _, tail = path.rpartition(".")
        owner = line.get(head) if head else line
        dated = owner.get(tail) if isinstance(owner, dict) else None
        if type(dated) is int and dated <= NOW:
            set_if_there(aged, path, min(dated, STALE[path]))
    after = answer(aged)
    if before["outcome"] == "auto_approve":
        return  # its one code says that there was no reason
    assert set(before["reason_codes"]) <= set(after["reason_codes"])


@given(st.integers(1, 29_999), st.data())
def test_less_paid_is_approved_too(paid_fen: int, data: st.DataObject) -> None:
    less_fen = data.draw(st.integers(1, paid_fen))
    for fen in (paid_fen, less_fen):
        case = {"title": "amount", "change": {"order.paid_fen": fen}}
        assert approved(line_of(case))


@given(st.integers(30_000))
def test_no_amount_at_or_over_the_limit_is_approved(paid_fen: int) -> None:
    found = answer(line_of({"title": "amount", "change": {"order.paid_fen": paid_fen}}))
    assert found["reason_codes"] == ["PAID_AT_OR_OVER_LIMIT"]
