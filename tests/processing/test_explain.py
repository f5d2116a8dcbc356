"""Explaining a family that has a catalogue and plain rule rows, and nothing else."""

import json
from typing import Literal

import pytest

from streams.processing.explain_page import Page
from streams.processing.policies import AnyPolicy, PolicyType, Span
from streams.processing.reasons import Reason, ReasonCatalog, Reasons
from streams.processing.record_explainer import AnyDecision, RecordExplainer
from streams.processing.rules import Bound, Fact, Rule
from streams.processing.words import Language


class Waiting(AnyPolicy, frozen=True):
    family: Literal["XX"]
    wait_ms: Span = 60_000


POLICY = PolicyType(Waiting)
NOW = 1_773_800_100_007

ON_TIME = Reason(
    *("ON_TIME", 1, "XX-1", "按时到达", "it came in time"),
    reviewer=("无需处理。", "Nothing to do."),
    outcome="accept",
)
LATE = Reason(
    *("TOO_LATE", 10, "XX-1", "迟到", "it came late"),
    reviewer=("联系承运人。", "Ask the carrier."),
)
REASONS = ReasonCatalog((ON_TIME, LATE))


def in_time(waited_ms: int, policy: Waiting) -> Reasons:
    """XX-1: it comes within ``wait_ms``, inclusive."""
    return () if waited_ms <= policy.wait_ms else (LATE,)


RULES: tuple[Rule[int, Waiting], ...] = (
    Rule(
        check=in_time,
        clause="XX-1",
        title=("按时到达", "it comes in time"),
        fact=Fact("arrived_at_ms"),
        codes=(LATE,),
        bound=Bound("最多{}", "at most {} after it was sent", ("wait_ms",)),
    ),
)
EXPLAINER = RecordExplainer(REASONS, RULES, {"accept": ("接受", "accepted")})


def record(*codes: str, **fields: object) -> AnyDecision:
    made = {
        "decision_id": "XX:p-1:1",
        "outcome": "accept" if codes == ("ON_TIME",) else "manual_review",
        "reason_codes": codes,
        "policy": "XX@1",
        "policy_hash": POLICY.defaults.policy_hash,
        "decided_at_ms": NOW,
        "seen": {"arrived_at_ms": NOW},
        "something": {"of": "its own"},
        **fields,
    }
    return EXPLAINER.read(json.dumps(made).encode())


def lines(
    decision: AnyDecision, policy: Waiting | None, language: Language = "en"
) -> list[str]:
    page = Page(EXPLAINER, decision, policy, language)
    return [line.first + line.text for line in page.lines()]


def test_a_record_is_told_with_its_reasons_and_conditions() -> None:
    named = f"XX@1 (hash {POLICY.defaults.policy_hash})"
    assert lines(record("TOO_LATE"), POLICY.defaults) == [
        "XX:p-1:1",
        "manual_review (manual_review)",
        "  judged: 2026-03-18 02:15:00.007 UTC",
        f"  policy: {named}",
        "",
        "reasons:",
        "  TOO_LATE (XX-1)",
        "    it came late",
        "    reviewer: Ask the carrier.",
        "",
        "conditions:",
        "  fails: it comes in time (XX-1)",
        "    2026-03-18 02:15:00.007 UTC; at most 1 min after it was sent",
    ]


def test_it_is_told_in_both_languages() -> None:
    told = lines(record("ON_TIME", seen=None), POLICY.defaults, "zh")
    assert told[1] == "接受 (accept)"
    assert told[-4:] == [
        "原因：",
        "  ON_TIME (XX-1)",
        "    按时到达",
        "    审核：无需处理。",
    ]


@pytest.mark.parametrize(
    ("codes", "by", "state", "bound"),
    [
        (("TOO_LATE",), POLICY.defaults, "fails", 60_000),
        (("ON_TIME",), POLICY.defaults, "holds", 60_000),
        (("ON_TIME",), None, "holds", None),
        (("TOO_LATE", "OF_A_NEWER_VERSION"), None, "fails", None),
    ],
)
def test_a_condition_fails_when_one_of_its_codes_is_listed(
    codes: tuple[str, ...], by: Waiting | None, state: str, bound: int | None
) -> None:
    found = EXPLAINER.explain(record(*codes), by)
    (condition,) = found.conditions
    assert (condition.state, condition.bound) == (state, bound)
    assert condition.value == NOW
    assert found.policy_at_hand is (by is not None)


def test_without_a_policy_what_is_bounded_by_one_was_not_judged() -> None:
    decision = record("ON_TIME", policy=None, policy_hash=None)
    (condition,) = EXPLAINER.explain(decision, None).conditions
    assert condition.state == "not_evaluated"
    assert "  policy: none in force" in lines(decision, None)


def test_a_policy_that_is_not_at_hand_is_named_with_how_to_give_it() -> None:
    (told,) = [one for one in lines(record("ON_TIME"), None) if "--policy" in one]
    assert told.startswith("  The policy XX@1 (hash ")


def test_a_code_of_a_newer_version_is_told_as_such() -> None:
    (told,) = EXPLAINER.explain(record("NEW_CODE"), None).reasons
    assert told.clause is None
    assert told.en == "NEW_CODE, a code this version does not know"


@pytest.mark.parametrize(
    "seen", [{}, {"arrived_at_ms": None}, {"arrived_at_ms": [[1]]}]
)
def test_whatever_was_recorded_as_seen_can_be_told(seen: dict[str, object]) -> None:
    assert lines(record("TOO_LATE", seen=seen), POLICY.defaults)
