"""What is asked when a universe ends: the judge of the campaign, and what still waits."""

from collections.abc import Callable
from random import Random
from typing import Final, TypeAlias

import msgspec
import pytest

from faults.judge.checks import ALWAYS, UNDISTURBED, WITHOUT_ZOMBIES
from faults.judge.view import Rec, View
from simulation.oracles.end import KINDS, Known
from simulation.oracles.names import Names
from simulation.oracles.progress import PATIENCE_MS
from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.decision_codec import encode_decision
from streams.families.fast_refund.model import Facts
from streams.families.fast_refund.seen import see
from testkit import samples
from tests.faults.test_judge_oracles import (
    against,
    facts_of,
    lost,
    reordered,
    right,
    unknown,
    vetoed,
)
from tests.simulation.oracles.universe import POLICY, Universe, decided, request_of

ONE: Final = Names("t.", "g", 1)
SHIPPED: Final = {"order_version": 9**15, "order_status": "shipped"}
SEEDS: Final = range(3)

Corrupt: TypeAlias = Callable[[View, Random], View]
Break: TypeAlias = Callable[[Universe], None]

WRONG: Final = "unjust:codes_hold"
UNJUST: Final = "unjust:approvals_are_just"
CORRUPTIONS: Final[tuple[tuple[Corrupt, str], ...]] = (
    (against(lambda number: facts_of(number, **SHIPPED)), UNJUST),
    (against(lambda _: None), UNJUST),
    (vetoed, UNJUST),
    (unknown, UNJUST),
    (reordered, "disordered:order_is_kept"),
)


def happened(view: View) -> Universe:
    """Let everything that a view shows happen in a cluster, then commit it."""
    u = Universe(ONE)
    u.assign({"w1": [0]})
    for rec in (*view.inputs, *view.facts):
        u.put(rec, rec.timestamp_ms)
    for rec in view.inputs:
        u.oracles.acknowledged((0, rec.offset), samples.T)
    for rec in view.outputs:
        u.write(rec)
    u.commit(len(view.inputs))
    u.oracles.faults_ended()
    return u


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_found_in_a_right_universe(seed: int) -> None:
    u = happened(right(seed))
    assert u.ended(calm=True) == []
    assert u.oracles.lagging(u.now_ms()) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("corrupt", "signature"), CORRUPTIONS)
def test_what_only_the_judge_can_see_is_found(
    corrupt: Corrupt, signature: str, seed: int
) -> None:
    u = happened(corrupt(right(seed), Random(seed)))  # noqa: S311 - a place, no secret
    assert u.signatures == set()
    assert {one.signature for one in u.ended(calm=True)} == {signature}


def test_a_decision_that_does_not_follow_from_its_facts_is_found() -> None:
    u = Universe()
    review = decided(u.ask(1))
    value = (review.value or b"").replace(b"LISTS_NOT_READY", b"ORDER_SHIPPED")
    assert value != review.value
    u.write(Rec("reviews", 0, 0, review.key, value, review.headers))
    u.commit(1)
    (found,) = u.ended()
    assert found.signature == "unjust:decisions_follow_from_their_facts"
    assert found.place == "reviews/0@0"


def test_an_acknowledged_request_that_is_gone_is_found() -> None:
    u = happened(right(0))
    u.oracles.acknowledged((0, 60), samples.T)
    (found,) = u.ended()
    assert found.signature == "lost:acknowledged_is_there"
    assert found.place == "requests/0@60"


def test_a_lost_answer_is_found_once() -> None:
    """The step has found it at the commit; the end does not tell it again."""
    u = happened(lost(right(0), Random(0)))  # noqa: S311 - a place, no secret
    (ahead,) = u.oracles.findings
    assert ahead.signature == "commit_ahead:commits_stay_behind"
    told = {(one.signature, one.place) for one in u.ended()}
    assert told == {
        (ahead.signature, ahead.place),
        ("lost:every_offset_is_answered", ahead.place),
    }


def test_a_log_that_changes_what_it_holds_is_found() -> None:
    u = happened(right(0))
    batches = u.log("approvals").log.segments[-1].batches
    at = len(batches) // 2
    other = batches[at]
    batches[at] = u.placed(b"k", b"{}", other.base_offset)
    rules = {one.signature for one in u.ended()}
    assert "log_changed:reader_agrees" in rules


def test_a_check_that_cannot_be_done_is_a_finding() -> None:
    u = Universe()
    review = decided(u.ask(1))
    value = (review.value or b"").replace(b'"refund_version"', b'"refund_wersion"')
    u.write(Rec("reviews", 0, 0, review.key, value, review.headers))
    u.commit(1)
    assert any(one.kind == "unjudged" for one in u.ended())


def test_a_decision_for_other_reasons_than_its_scenario_says_is_found() -> None:
    review = Universe().ask(1)
    codes = frozenset(decided(review).fields["reason_codes"])
    for wanted, found in ((codes, set()), (codes - {"LISTS_NOT_READY"}, {WRONG})):
        u = Universe()
        u.write(decided(u.ask(1)))
        u.commit(1)
        known = Known(codes={("FR:r-1:1", False): wanted, ("FR:r-2:1", False): codes})
        assert {one.signature for one in u.oracles.at_end(known=known)} == found


def test_a_decision_by_a_policy_that_nobody_published_is_found() -> None:
    other = msgspec.structs.replace(POLICY, version=9)
    for known, kinds in (
        (Known(policies={other.name: other}), set()),
        (Known(), {"unjust"}),
    ):
        u = Universe()
        rec = u.ask(1)
        seen = see(request_of(rec), Facts(), other, samples.NOW)
        decision = decide(request_of(rec), seen, other, samples.NOW)
        review = decided(rec)
        value = encode_decision(decision)
        u.write(Rec("reviews", 0, 0, review.key, value, review.headers))
        u.commit(1)
        assert {one.kind for one in u.oracles.at_end(known=known)} == kinds


# -- progress ---------------------------------------------------------------------


def test_a_request_without_an_answer_for_ten_minutes_is_stuck() -> None:
    u = Universe()
    u.oracles.tell = lambda partition: f"w2 says: loading {partition}"
    u.assign({"w1": [0], "w2": [1]})
    u.write(decided(u.ask(1)))
    u.commit(1)
    rec = u.ask(2, partition=1)
    u.oracles.faults_ended()
    u.pass_ms(PATIENCE_MS - 1)
    assert u.oracles.overdue(u.now_ms()) == []
    u.pass_ms(1)
    (lag,) = u.oracles.overdue(u.now_ms())
    assert (lag.place, lag.answered) == ((1, rec.offset), False)
    (found,) = u.ended()
    assert found.signature == "stuck:nobody_is_stuck"
    assert found.text == (
        "requests/1@0: no answer for 600 s; owned by w2; w2 says: loading 1"
    )


def test_patience_begins_when_the_faults_are_over() -> None:
    u = Universe()
    u.ask(1)
    u.pass_ms(PATIENCE_MS)
    assert u.oracles.overdue(u.now_ms()) == []
    u.oracles.faults_ended()
    assert u.oracles.overdue(u.now_ms()) == []
    assert len(u.oracles.lagging(u.now_ms())) == 1
    u.pass_ms(PATIENCE_MS)
    assert len(u.oracles.overdue(u.now_ms())) == 1


def test_an_answer_that_is_never_committed_is_stuck() -> None:
    u = Universe()
    u.write(decided(u.ask(1)))
    u.oracles.faults_ended()
    u.pass_ms(PATIENCE_MS)
    (found,) = u.ended()
    assert found.signature == "stuck:nobody_is_stuck"
    assert "answered but not committed" in found.text


def test_where_a_person_is_needed_no_progress_is_owed() -> None:
    u = Universe()
    u.ask(1)
    u.oracles.faults_ended()
    u.pass_ms(PATIENCE_MS)
    assert u.ended(progress=False) == []


def deleted_by_retention(u: Universe) -> None:
    u.ask(1)
    u.log("requests").delete_records(1)


def aborted(u: Universe) -> None:
    u.put(
        Rec("requests", 0, 0, b"k", samples.request()),
        producer_id=9,
        transactional=1,
        sequence=0,
    )
    u.log("requests").write_marker(9, 0, commit=False)


def open_transaction(u: Universe) -> None:
    u.put(
        Rec("requests", 0, 0, b"k", samples.request()),
        producer_id=9,
        transactional=1,
        sequence=0,
    )


def moved_over(u: Universe) -> None:
    u.ask(1)
    u.oracles.offset_will_be_moved(0, 1)
    u.commit(1)


@pytest.mark.parametrize(
    "excuse", [deleted_by_retention, aborted, open_transaction, moved_over]
)
def test_a_request_that_nobody_can_answer_is_not_waited_for(excuse: Break) -> None:
    u = Universe()
    excuse(u)
    u.oracles.faults_ended()
    u.pass_ms(PATIENCE_MS)
    assert u.oracles.lagging(u.now_ms()) == []
    assert u.ended() == []


def test_a_request_of_a_committed_transaction_is_waited_for() -> None:
    u = Universe()
    open_transaction(u)
    u.log("requests").write_marker(9, 0, commit=True)
    (lag,) = u.oracles.lagging(u.now_ms())
    assert lag.place == (0, 0)


# -- which checks -----------------------------------------------------------------


def test_every_check_of_the_judge_has_a_kind() -> None:
    checks = (*ALWAYS, *WITHOUT_ZOMBIES, *UNDISTURBED, Known().codes_hold)
    assert {check.__name__ for check in checks} == KINDS.keys()


def test_after_a_late_writer_readers_fold() -> None:
    """Its repeat is allowed, to the step as to the judge."""
    u = Universe()
    u.assign({"w1": [0], "w2": [1]})
    u.assign({"w2": [0, 1]})
    rec = u.ask(1)
    u.write(decided(rec), "w2")
    u.write(decided(rec, samples.NOW + 1), "w1")
    u.commit(1)
    assert u.ended() == []


def test_a_wrong_clock_excuses_an_order_that_was_missed() -> None:
    for allowed in (False, True):
        u = Universe(ONE)
        order = Rec("orders", 0, 0, b"o-1", samples.order())
        u.put(order, samples.NOW - 6_000)
        u.write(decided(u.ask(1)))
        u.commit(1)
        found = {one.signature for one in u.ended(wrong_clock=allowed)}
        assert found == (set() if allowed else {"unjust:facts_were_loaded"})


def test_a_finding_of_the_world_is_told_with_the_others() -> None:
    u = Universe()
    u.oracles.add("crash", "no_error_escapes", "w1.2", "ValueError: x")
    (found,) = u.ended()
    assert found.signature == "crash:no_error_escapes"
    assert found.at_ms == u.now_ms()
