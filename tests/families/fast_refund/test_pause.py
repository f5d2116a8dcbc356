import msgspec
import pytest

from streams.errors import PolicyError
from streams.families.fast_refund.decide import decide, judge_again
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.seen import see
from streams.processing.policies.pause import Pause, parse_pause
from tests.families.fast_refund.base import FACTS, NOW, REQUEST, SHIPPED, judge

SAID = {
    "family": "FR",
    "paused": True,
    "author": "li",
    "reason": "wrong amounts",
    "published_at_ms": NOW,
}


def pause(**changes: object) -> Pause:
    return parse_pause({**SAID, **changes}, "FR")


def test_a_pause_holds_from_and_until_and_without_bounds_always() -> None:
    bounded = pause(from_ms=100, until_ms=200)
    assert [bounded.holds(at_ms) for at_ms in (99, 100, 199, 200)] == [
        False,
        True,
        True,
        False,
    ]
    assert pause().holds(0)
    assert pause(from_ms=None, until_ms=200).holds(0)
    assert not pause(paused=False).holds(NOW)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"author": ""}, "author: "),
        ({"reason": 5}, "reason: "),
        ({"paused": 1}, "paused: "),
        ({"family": "SV"}, "family: "),
        ({"from_ms": -1}, "from_ms: "),
        ({"until_ms": "tomorrow"}, "until_ms: "),
        ({"from_ms": 5, "until_ms": 5}, "until_ms: 5 is not after from_ms 5"),
        ({"untl_ms": 5}, "untl_ms: unknown key; remove it"),
    ],
)
def test_a_pause_that_is_not_understood_is_refused(
    changes: dict[str, object], problem: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        pause(**changes)
    assert [line[: len(problem)] for line in caught.value.problems] == [problem]


def test_a_pause_must_say_who_and_why() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_pause({"family": "FR", "paused": True}, "FR")
    assert [line.split(":")[0] for line in caught.value.problems] == [
        "author",
        "reason",
        "published_at_ms",
    ]


@pytest.mark.clause("FR-Q3")
@pytest.mark.parametrize("by", [SHIPPED, None])
@pytest.mark.parametrize("value", [NOW, 0, "unreadable"])
def test_a_pause_sends_everything_to_a_person_and_can_be_judged_again(
    by: object, value: object
) -> None:
    policy = SHIPPED if by is SHIPPED else None
    seen = see(REQUEST, msgspec.structs.replace(FACTS, pause=value), policy, NOW)
    decision = decide(REQUEST, seen, policy, NOW)
    assert decision.outcome == "manual_review"
    assert "SERVICE_PAUSED" in decision.reason_codes
    written = encode_decision(decision)
    assert encode_decision(judge_again(decode_decision(written), policy)) == written


def test_without_a_pause_no_record_speaks_of_one() -> None:
    assert b'"pause"' not in encode_decision(judge())
