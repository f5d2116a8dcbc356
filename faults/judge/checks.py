"""An independent look at what went in and what came out: the promises, as checks.

It reads nothing but logs: the input topic, every output topic, and committed offsets
as they were sampled. Each check yields one line a violation; none means it holds.
Only to judge a record again does it call the pure core.
"""

import hashlib
import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from faults.judge.money import approvals_are_just, facts_were_loaded
from faults.judge.observer import acknowledged_is_there, nobody_is_stuck, reader_agrees
from faults.judge.order import order_is_kept, refunds_keep_order
from faults.judge.view import Rec, View
from streams.families.fast_refund.decide import judge_again
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.policy import Policy

FOLLOW_UP: Final = ":refund_failed"
RECORD_MAX_BYTES: Final = 65_536
DEAD_HEADERS: Final = (
    "topic",
    "partition",
    "offset",
    "stage",
    "error",
    "message",
    "failed_at_ms",
    "app_version",
)
TRACE: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
TOPIC_OF: Final = {"auto_approve": "approvals", "manual_review": "reviews"}

Check: TypeAlias = Callable[[View], Iterator[str]]


def readable(value: bytes | None) -> bool:
    """Whether somebody could be asked about it (E-28): our own reading of the rule."""
    if value is None or len(value) > RECORD_MAX_BYTES:
        return False
    try:
        found = json.loads(value.decode(), parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    refund_id = found.get("refund_id") if isinstance(found, dict) else None
    return isinstance(refund_id, str) and bool(refund_id)


def _refuse(name: str) -> object:
    raise ValueError(name)


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


def answers_fit(view: View) -> Iterator[str]:
    """A decision on what was asked; a dead letter byte for byte when nobody was."""
    for rec in view.inputs:
        for answer in view.answers.get((rec.partition, rec.offset), ()):
            if answer.partition != rec.partition:
                yield f"{answer}: answers {rec} from another partition"
            if answer.header("refund_dlq_cut") is not None:
                yield from _cut_letter_fits(rec, answer)
                continue
            if answer.key != rec.key:
                yield f"{answer}: another key than {rec}"
            if too_large(rec) or not readable(rec.value):
                yield from _letter_fits(rec, answer)
            elif answer.topic == "dead-letters":
                yield f"{answer}: {rec} could have been decided"
            else:
                yield from _decision_fits(rec, answer)


def too_large(rec: Rec) -> bool:
    """Whether key, value and headers together are more than is read."""
    named = sum(len(name.encode()) + len(text or b"") for name, text in rec.headers)
    return len(rec.key or b"") + len(rec.value or b"") + named > RECORD_MAX_BYTES


def _cut_letter_fits(rec: Rec, letter: Rec) -> Iterator[str]:
    """A letter may be cut where the record is too large, or no client can read it."""
    unread = rec.header("refund_unread") is not None
    if not unread and not too_large(rec):
        yield f"{letter}: cut, though {rec} is small and readable"
    if unread:
        return  # what it was is not known here either
    digest = hashlib.sha256((rec.key or b"") + (rec.value or b""))
    for name, text in rec.headers:
        digest.update(name.encode() + (text or b""))
    if letter.header("refund_dlq_sha256") != digest.hexdigest():
        yield f"{letter}: another checksum than {rec}"
    for kept, whole in ((letter.key, rec.key), (letter.value, rec.value)):
        if not (whole or b"").startswith(kept or b""):
            yield f"{letter}: holds something else than {rec}"


def _letter_fits(rec: Rec, letter: Rec) -> Iterator[str]:
    if letter.topic != "dead-letters":
        yield f"{letter}: decides what nobody can read, {rec}"
        return
    if letter.value != rec.value:
        yield f"{letter}: another value than {rec}"
    kept, added = letter.headers[: len(rec.headers)], letter.headers[len(rec.headers) :]
    if kept != rec.headers:
        yield f"{letter}: other headers than {rec}"
    if tuple(name for name, _ in added) != tuple(
        f"refund_dlq_{one}" for one in DEAD_HEADERS
    ):
        yield f"{letter}: adds the wrong headers"


def _decision_fits(rec: Rec, decision: Rec) -> Iterator[str]:
    asked, found = rec.fields, decision.fields
    version = asked.get("refund_version")
    if type(version) is not int:
        version = None
    if (found["refund_id"], found["refund_version"]) != (asked["refund_id"], version):
        yield f"{decision}: decides another request than {rec}"
    withdraws = asked.get("action") == "withdraw"
    if decision.identity[1] != withdraws:
        yield f"{decision}: takes {rec} for what it is not"
    if decision.header("traceparent") != _trace(rec):
        yield f"{decision}: loses the trace of {rec}"


def _trace(rec: Rec) -> str | None:
    """The first header that is a trace; what is none is not passed through."""
    for name, value in rec.headers:
        if name == "traceparent" and TRACE.fullmatch(value or b""):
            return (value or b"").decode()
    return None


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
