"""The checker finds what it is there for: each violation, built into a right log."""

import msgspec
import pytest

from faults.judge.answers import answers_fit, readable
from faults.judge.checks import (
    ALWAYS,
    UNDISTURBED,
    WITHOUT_ZOMBIES,
    Check,
    commits_stay_behind,
    decisions_follow_from_their_facts,
    every_offset_is_answered,
    every_offset_is_answered_once,
    first_decisions_hold,
    notices_are_written_once,
    one_content_a_decision,
    problems,
)
from faults.judge.order import order_is_kept, refunds_keep_order
from faults.judge.view import OffsetSample, Rec, View
from streams.families.fast_refund.codec import decode_request
from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.model import Facts
from streams.families.fast_refund.seen import see
from streams.records.json_values import Unreadable
from streams.settings import load_policy
from testkit import samples

INPUT = "t.requests"
POLICY = load_policy(None)
REQUESTS = tuple(
    Rec("requests", 0, offset, b"k", samples.request(refund_id=f"r-{offset}"))
    for offset in range(3)
)
BAD = Rec("requests", 0, 3, None, b"{", (("x", b"1"), ("x", None)))


def decided(rec: Rec, offset: int, decided_at_ms: int = samples.NOW) -> Rec:
    """What a worker that knows no facts writes."""
    asked = decode_request(rec.value)
    assert not isinstance(asked, Unreadable)
    seen = see(asked, Facts(), POLICY, decided_at_ms)
    decision = decide(asked, seen, POLICY, decided_at_ms)
    return answering(rec, offset, decision.decision_id, encode_decision(decision))


def answering(rec: Rec, offset: int, decision_id: str, value: bytes) -> Rec:
    headers = (
        ("ce_id", decision_id.encode()),
        ("ce_type", b"refund.manual_review.v1"),
        ("source_topic", INPUT.encode()),
        ("source_partition", b"0"),
        ("source_offset", b"%d" % rec.offset),
    )
    return Rec("reviews", 0, offset, rec.key, value, headers)


def letter(
    rec: Rec, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...]
) -> Rec:
    added = {
        "topic": INPUT,
        "partition": "0",
        "offset": str(rec.offset),
        "stage": "decode",
        "error": "not_json",
        "message": "",
        "failed_at_ms": "1",
        "app_version": "0",
    }
    ours = tuple((f"refund_dlq_{name}", text.encode()) for name, text in added.items())
    return Rec("dead-letters", 0, 0, rec.key, value, (*headers, *ours))


def notice(offset: int) -> Rec:
    return Rec("notices", 0, offset, b"o", b'{"notice_id":"race:FR:r-0:1"}')


REVIEWS = tuple(decided(rec, rec.offset) for rec in REQUESTS)
LETTER = letter(BAD, BAD.value, BAD.headers)
ENDS = {("reviews", 0): 3, ("dead-letters", 0): 1}
SAMPLES = (
    OffsetSample({}, {}),
    OffsetSample({0: 2}, {("reviews", 0): 2}),
    OffsetSample({0: 4}, ENDS),
)


def view(*outputs: Rec, samples: tuple[OffsetSample, ...] = SAMPLES) -> View:
    return View(INPUT, (*REQUESTS, BAD), outputs, samples, {POLICY.name: POLICY})


def found(seen: View, checks: tuple[Check, ...] = UNDISTURBED) -> set[str]:
    return {line.partition(":")[0] for line in problems(seen, checks)}


def altered(rec: Rec, **fields: object) -> Rec:
    decision = decode_decision(rec.value or b"")
    changed = encode_decision(msgspec.structs.replace(decision, **fields))
    return Rec(rec.topic, 0, rec.offset, rec.key, changed, rec.headers)


def test_nothing_is_found_in_a_right_log() -> None:
    assert problems(view(*REVIEWS, LETTER, notice(0))) == []
    assert problems(view(*REVIEWS, LETTER, notice(0)), ALWAYS) == []


def test_a_lost_request_is_found() -> None:
    for kept in (REVIEWS[:2], REVIEWS[1:]):
        names = found(view(*kept, LETTER))
        assert every_offset_is_answered.__name__ in names
        assert every_offset_is_answered.__name__ in found(view(*kept, LETTER), ALWAYS)


def test_a_lost_dead_letter_is_found() -> None:
    assert every_offset_is_answered.__name__ in found(view(*REVIEWS))


def test_an_output_that_nobody_asked_for_is_found() -> None:
    stray = Rec("requests", 0, 9, b"k", samples.request(refund_id="r-9"))
    seen = view(*REVIEWS, decided(stray, 3), LETTER)
    assert found(seen) == {every_offset_is_answered.__name__}


def test_a_doubled_output_is_found_even_when_it_is_equal() -> None:
    seen = view(*REVIEWS, decided(REQUESTS[2], 3), LETTER)
    assert found(seen) == {every_offset_is_answered_once.__name__}


def test_a_second_decision_is_found() -> None:
    again = decided(REQUESTS[2], 3, samples.NOW + 1)
    names = found(view(*REVIEWS, again, LETTER))
    assert names == {
        every_offset_is_answered_once.__name__,
        one_content_a_decision.__name__,
    }


def test_two_outcomes_of_one_decision_are_found_even_by_readers_that_fold() -> None:
    approval = altered(
        REVIEWS[2],
        outcome="auto_approve",
        reason_codes=("FR_ALL_CONDITIONS_MET",),
        payout_key="pay:r-2",
    )
    approval = Rec("approvals", 0, 0, approval.key, approval.value, approval.headers)
    assert first_decisions_hold.__name__ in found(
        view(*REVIEWS, approval, LETTER), ALWAYS
    )


def test_a_decision_that_its_facts_do_not_call_for_is_found() -> None:
    wrong = altered(REVIEWS[1], reason_codes=("ORDER_SHIPPED",))
    names = found(view(REVIEWS[0], wrong, REVIEWS[2], LETTER))
    assert names == {decisions_follow_from_their_facts.__name__}


def test_a_decision_in_the_wrong_topic_is_found() -> None:
    rec = REVIEWS[2]
    moved = Rec("approvals", 0, 0, rec.key, rec.value, rec.headers)
    names = found(
        view(*REVIEWS[:2], moved, LETTER), (decisions_follow_from_their_facts,)
    )
    assert names


def test_a_decision_on_another_request_is_found() -> None:
    other = REVIEWS[0]
    swapped = answering(REQUESTS[1], 1, "FR:r-0:1", other.value or b"")
    names = found(view(REVIEWS[0], swapped, REVIEWS[2], LETTER))
    assert names == {answers_fit.__name__}


@pytest.mark.parametrize(
    "wrong",
    [
        letter(BAD, b"{ ", BAD.headers),
        letter(BAD, BAD.value, BAD.headers[:1]),
        letter(BAD, BAD.value, tuple(reversed(BAD.headers))),
        Rec("dead-letters", 0, 0, b"", BAD.value, LETTER.headers),
        Rec("dead-letters", 0, 0, None, BAD.value, LETTER.headers[:-1]),
    ],
)
def test_a_dead_letter_that_is_not_byte_for_byte_is_found(wrong: Rec) -> None:
    assert found(view(*REVIEWS, wrong)) == {answers_fit.__name__}


def test_a_dead_letter_of_a_good_request_is_found() -> None:
    wrong = letter(REQUESTS[2], REQUESTS[2].value, ())
    assert answers_fit.__name__ in found(view(*REVIEWS[:2], wrong, LETTER))


def test_a_reordered_log_is_found() -> None:
    first = Rec("reviews", 0, 0, b"k", REVIEWS[1].value, REVIEWS[1].headers)
    second = Rec("reviews", 0, 1, b"k", REVIEWS[0].value, REVIEWS[0].headers)
    seen = view(first, second, REVIEWS[2], LETTER, samples=SAMPLES[2:])
    assert found(seen) == {order_is_kept.__name__}


def test_decisions_on_one_refund_in_the_wrong_order_are_found_even_after_crashes() -> (
    None
):
    asked = [
        Rec("requests", 0, at, b"k", samples.request(refund_id="r", refund_version=at))
        for at in (1, 2)
    ]
    first, second = (decided(rec, at) for at, rec in enumerate(reversed(asked)))
    both = View(INPUT, asked, (first, second), (), {POLICY.name: POLICY})
    assert refunds_keep_order.__name__ in found(both, WITHOUT_ZOMBIES)
    right = View(
        INPUT,
        asked,
        [decided(rec, at) for at, rec in enumerate(asked)],
        (),
        {POLICY.name: POLICY},
    )
    assert found(right, WITHOUT_ZOMBIES) == set()


@pytest.mark.parametrize(
    "premature",
    [
        (OffsetSample({0: 2}, {("reviews", 0): 1}),),  # its output came after the look
        (*SAMPLES, OffsetSample({0: 5}, ENDS)),  # beyond the last record
        (
            OffsetSample({0: 4}, {("reviews", 0): 3}),
        ),  # the dead letter is not there yet
        (*SAMPLES, OffsetSample({0: 3}, ENDS)),  # it went back
    ],
)
def test_a_commit_ahead_of_the_outputs_is_found(
    premature: tuple[OffsetSample, ...],
) -> None:
    seen = view(*REVIEWS, LETTER, samples=premature)
    assert found(seen) == {commits_stay_behind.__name__}


def test_a_repeated_notice_is_found() -> None:
    seen = view(*REVIEWS, LETTER, notice(0), notice(1))
    assert found(seen) == {notices_are_written_once.__name__}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        (b"", False),
        (b"[]", False),
        (b'{"refund_id":""}', False),
        (b'{"refund_id":1}', False),
        (b'{"refund_id":"r","refund_fen":NaN}', False),
        (b'{"refund_id":"\\ud800"}', False),
        (b'{"refund_id":"r"}', True),
        (b'{"refund_id":"r"}'.ljust(65_536), True),
        (b'{"refund_id":"r"}'.ljust(65_537), False),
    ],
)
def test_what_is_readable_is_told_by_the_letter_of_the_rules(
    value: bytes | None, *, expected: bool
) -> None:
    assert readable(value) is expected
