"""A topic that was deleted and made again is judged as one log."""

from dataclasses import replace
from typing import Final

from faults.judge.checks import UNDISTURBED, problems
from faults.judge.loss import Loss
from faults.judge.view import Rec, View
from tests.faults.test_judge_oracles import DECIDED_MS, right

KEPT: Final = 10
"""Approvals that the topic held when it was deleted."""


def torn(seed: int) -> tuple[View, Loss]:
    """A right log whose first approvals were deleted; what came later starts at 0."""
    view = right(seed)
    approvals = [rec for rec in view.outputs if rec.topic == "approvals"]
    loss = Loss("approvals", approvals[:KEPT], DECIDED_MS - 1)
    again = [moved_back(rec) for rec in approvals[KEPT:]]
    others = [rec for rec in view.outputs if rec.topic != "approvals"]
    heard = [one for one in view.heard if one.topic == "approvals"]
    rest = [one for one in view.heard if one.topic != "approvals"]
    late = [replace(one, offset=one.offset - KEPT) for one in heard[KEPT:]]
    begun, done = view.samples
    ends = {**done.ends, ("approvals", 0): len(again)}
    loss.made_again(DECIDED_MS, len(rest) + KEPT)
    found = replace(
        view,
        outputs=[*again, *others],
        heard=[*rest, *heard[:KEPT], *late],
        samples=(begun, replace(done, ends=ends, at_ms=DECIDED_MS + 1)),
    )
    return found, loss


def moved_back(rec: Rec) -> Rec:
    return replace(rec, offset=rec.offset - KEPT)


def names(view: View) -> set[str]:
    return {line.partition(":")[0] for line in problems(view, UNDISTURBED)}


def test_what_was_deleted_is_missed_and_found_in_the_whole() -> None:
    view, loss = torn(0)
    assert "every_offset_is_answered" in names(view)
    assert problems(loss.whole(view), UNDISTURBED) == []


def test_a_decision_that_was_lost_besides_is_found_in_the_whole() -> None:
    view, loss = torn(1)
    outputs = list(view.outputs)
    del outputs[3]
    found = names(loss.whole(replace(view, outputs=outputs, heard=())))
    assert "every_offset_is_answered" in found


def test_a_commit_ahead_of_the_topic_that_was_made_again_is_found() -> None:
    view, loss = torn(2)
    begun, done = view.samples
    early = replace(done, ends={**done.ends, ("approvals", 0): 0})
    found = names(loss.whole(replace(view, samples=(begun, early, done))))
    assert found == {"commits_stay_behind"}


def test_a_look_while_the_topic_was_gone_tells_nothing() -> None:
    view, loss = torn(2)
    begun, done = view.samples
    gone = replace(done, ends={}, at_ms=DECIDED_MS - 2, ended_ms=DECIDED_MS)
    samples = (begun, gone, done)
    assert problems(loss.whole(replace(view, samples=samples)), UNDISTURBED) == []


def test_decisions_that_are_made_again_are_counted() -> None:
    view, loss = torn(3)
    same, other = loss.records[:2]
    outputs = [
        *view.outputs,
        same,
        replace(other, topic="reviews"),
    ]
    assert loss.decided_again(view) == (0, 0)
    assert loss.decided_again(replace(view, outputs=outputs)) == (2, 1)
