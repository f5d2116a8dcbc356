"""An independent look at what went in and what came out: the promises, as checks.

It reads nothing but logs: the input topic, every output topic, and committed offsets
as they were sampled. Each check yields one line a violation; none means it holds.
Only to judge a record again does it call the pure core.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from faults.judge.answers import answers_fit
from faults.judge.money import approvals_are_just, facts_were_loaded
from faults.judge.observer import acknowledged_is_there, nobody_is_stuck, reader_agrees
from faults.judge.order import order_is_kept, refunds_keep_order
from faults.judge.view import Rec, View
from streams.families.fast_refund.decide import judge_again
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.policy import Policy

FOLLOW_UP: Final = ":refund_failed"
TOPIC_OF: Final = {"auto_approve": "approvals", "manual_review": "reviews"}

Check: TypeAlias = Callable[[View], Iterator[str]]


def every_offset_is_answered(view: View) -> Iterator[str]:
    """No request is lost, and nothing is answered that was not asked."""
    asked = {(rec.partition, rec.offset) for rec in view.inputs}
    for rec in view.inputs:
        if (rec.partition, rec.offset) not in view.answers:
            yield f"{rec}: lost, no output"
    for place, found in view.answers.items():
        if place not in asked:
            yield f"{found[0]}: answers {place}, which was never asked"


def every_offset_is_answered_once(view: View) -> Iterator[str]:
    """Not even an equal record more than one a request."""
    for (partition, offset), found in view.answers.items():
        if len(found) > 1:
            yield f"requests/{partition}@{offset}: {len(found)} outputs: {found[0]}, {found[1]}"


def one_content_a_decision(view: View) -> Iterator[str]:
    """A decision id says one thing, wherever and however often it is written."""
    for rec in view.decisions:
        first = view.first[rec.identity]
        if rec.value != first.value:
            yield f"{rec}: contradicts {first} on {rec.identity[0]}"


def first_decisions_hold(view: View) -> Iterator[str]:
    """After the fold one decision an id, and one payout a refund: what zombies allow."""
    approved: dict[str, Rec] = {}
    for rec in view.first.values():
        key = rec.fields["payout_key"]
        if key is not None and approved.setdefault(key, rec) is not rec:
            yield f"{rec}: pays {key} a second time, after {approved[key]}"
    for rec in view.decisions:
        first = view.first[rec.identity]
        if rec.topic != first.topic:
            yield f"{rec}: another outcome than {first} on {rec.identity[0]}"


def decisions_follow_from_their_facts(view: View) -> Iterator[str]:
    """What is recorded, judged again, gives the same bytes; topic and headers agree."""
    judged: set[bytes] = set()
    for rec in view.decisions:
        found = rec.fields
        wanted = TOPIC_OF.get(found["outcome"], "skipped")
        if rec.topic != wanted:
            yield f"{rec}: outcome {found['outcome']} belongs to {wanted}"
        if rec.header("ce_id") != found["decision_id"]:
            yield f"{rec}: ce_id is not the decision's"
        kind = found["outcome"] or found["disposition"]
        if rec.header("ce_type") != f"refund.{kind}.v1":
            yield f"{rec}: ce_type is not of a {kind}"
        if (found["payout_key"] is None) != (rec.topic != "approvals"):
            yield f"{rec}: payout_key {found['payout_key']}"
        value = rec.value or b""
        if value not in judged:
            judged.add(value)
            yield from _judged_again(rec, found, view.policies)


def _judged_again(
    rec: Rec, found: Mapping[str, Any], policies: Mapping[str, Policy]
) -> Iterator[str]:
    if found["decision_id"].endswith(FOLLOW_UP):
        if found["reason_codes"] != ["REFUND_FAILED"]:
            yield f"{rec}: a follow-up for {found['reason_codes']}"
        return
    value = rec.value or b""
    name = found["policy"]
    policy = None if name is None else policies.get(name)
    if name is not None and policy is None:
        yield f"{rec}: names a policy that nobody wrote, {name}"
    elif encode_decision(judge_again(decode_decision(value), policy)) != value:
        yield f"{rec}: does not follow from what it says was seen"


def commits_stay_behind(view: View) -> Iterator[str]:
    """No committed offset was ever ahead of what the outputs then held (O6)."""
    asked: dict[int, list[int]] = defaultdict(list)
    for rec in view.inputs:
        asked[rec.partition].append(rec.offset)
    looked_at: dict[int, int] = {}
    for sample in view.samples:
        for partition, committed in sample.committed.items():
            since = looked_at.get(partition, 0)
            if committed < since:
                yield f"requests/{partition}: committed {committed} after {since}"
                continue
            looked_at[partition] = committed
            offsets = asked[partition]
            begin, end = bisect_left(offsets, since), bisect_left(offsets, committed)
            for offset in offsets[begin:end]:
                if not any(
                    answer.offset < sample.ends.get((answer.topic, answer.partition), 0)
                    for answer in view.answers.get((partition, offset), ())
                ):
                    yield f"requests/{partition}@{offset}: committed, not yet answered"
    for partition, committed in looked_at.items():
        last = max(asked[partition], default=-1)
        if committed > last + 1 + view.unread.get(partition, 0):
            yield f"requests/{partition}: committed {committed}, the last record is {last}"


def notices_are_written_once(view: View) -> Iterator[str]:
    known: dict[str, Rec] = {}
    for rec in view.notices:
        notice_id = rec.fields["notice_id"]
        if known.setdefault(notice_id, rec) is not rec:
            yield f"{rec}: repeats {known[notice_id]}"
    follow_ups = [rec for rec in view.decisions if rec.identity[0].endswith(FOLLOW_UP)]
    if len(follow_ups) != len({rec.identity for rec in follow_ups}):
        yield f"a follow-up is written twice: {[str(rec) for rec in follow_ups]}"


ALWAYS: Final[tuple[Check, ...]] = (
    acknowledged_is_there,
    every_offset_is_answered,
    answers_fit,
    first_decisions_hold,
    decisions_follow_from_their_facts,
    commits_stay_behind,
    approvals_are_just,
    facts_were_loaded,
    reader_agrees,
    nobody_is_stuck,
)
"""Also when a worker slept through the loss of its partitions."""

WITHOUT_ZOMBIES: Final[tuple[Check, ...]] = (
    *ALWAYS,
    every_offset_is_answered_once,
    one_content_a_decision,
    refunds_keep_order,
    notices_are_written_once,
)
"""Also after crashes, whatever facts do meanwhile."""

UNDISTURBED: Final[tuple[Check, ...]] = (*WITHOUT_ZOMBIES, order_is_kept)
"""A crash may leave an offset of one output topic to be answered later than the next."""


def problems(view: View, checks: Iterable[Check] = UNDISTURBED) -> list[str]:
    """Every violation, first those that explain the others."""
    return [f"{check.__name__}: {line}" for check in checks for line in check(view)]
