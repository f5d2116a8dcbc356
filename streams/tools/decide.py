"""``refund decide``: decide JSON lines, one decision per line, without broker or state.

A line holds everything that a worker would have read from its topics. The rules handle
wrong values inside a fact; a wrong line gives a dead-letter object, so that every line
is answered and none stops the others.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from streams.errors import PolicyError
from streams.families.fast_refund.codec import decode_request
from streams.families.fast_refund.decide import (
    AUTO_APPROVE,
    DECIDED,
    FAMILY,
    MANUAL_REVIEW,
    PASSED,
    decide,
    decision_id,
    payout_key,
)
from streams.families.fast_refund.decision_codec import encode_decision
from streams.families.fast_refund.history_facts import find, first_decision
from streams.families.fast_refund.model import Decision, Past, Request
from streams.families.fast_refund.policy import Policies, Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.seen import see
from streams.records.json_values import Unreadable
from streams.tools.decide_history import history_of
from streams.tools.decide_line import (
    ABSENT,
    NULL,
    Line,
    RefusedLineError,
    facts_of,
    line_of,
    members_of,
    name_of,
    value_of,
)

NO_POLICY: Final = "absent"


class Answers:
    """The answers to lines, in order (contract 4), with the number of dead letters.

    Each answer is one JSON object without line end: the decision with the line's
    ``name``, or ``{"name", "dead_letter"}``. No line raises; empty lines have no
    answer.

    Parameters
    ----------
    lines
        With or without line ends.
    shipped
        The policy file; a line's ``policy`` overrides it as a later version.
    """

    def __init__(self, lines: Iterable[bytes], shipped: Policy) -> None:
        self._lines = lines
        self._shipped = shipped
        self.dead_letters = 0
        """Number of dead letters; counted while the answers are read."""

    def __iter__(self) -> Iterator[bytes]:
        for line in self._lines:
            if line.strip():
                answer, decided = _answer(line, self._shipped)
                self.dead_letters += not decided
                yield answer


def decide_lines(lines: Iterable[bytes], shipped: Policy) -> Iterator[bytes]:
    """Answer every line that is not empty, in order, as :class:`Answers` without the count."""
    return iter(Answers(lines, shipped))


def _answer(line: bytes, shipped: Policy) -> tuple[bytes, bool]:
    """Answer one line; False = dead letter."""
    name: str | float | None = None
    try:
        members = members_of(line)
        name = name_of(members.get("name", ABSENT))
        decision = _judge(line_of(members), shipped)
    except RefusedLineError as refused:
        named, why = _written(name), _written(str(refused))
        return b'{"name":%s,"dead_letter":%s}' % (named, why), False
    written = encode_decision(decision)
    return b'{"name":%s,%s' % (_written(name), written[1:]), True


def _written(text: str | float | None) -> bytes:
    """Encode a name or a message; a lone surrogate becomes an escape again."""
    try:
        return msgspec.json.encode(text)
    except UnicodeEncodeError:
        return json.dumps(text).encode()


def _judge(line: Line, shipped: Policy) -> Decision:
    now_ms = value_of(line.now_ms, "now_ms")
    if type(now_ms) is not int:
        raise RefusedLineError("now_ms: must be a whole number, UTC ms")
    request = decode_request(bytes(line.request) or NULL)
    if isinstance(request, Unreadable):
        raise RefusedLineError(f"request: {request.message}")
    facts = facts_of(line)
    rows = history_of(value_of(line.history, "history"), request)
    if isinstance(rows, str):
        raise RefusedLineError(rows)
    pinned_ms = now_ms if request.requested_at_ms is None else request.requested_at_ms
    policy = _policy(line.policy, shipped, pinned_ms)
    first = first_decision(request, rows)
    if first is not None:
        return _again(request, first, policy, now_ms)
    history = find(request, request.order_id, rows, policy, now_ms)
    facts = msgspec.structs.replace(facts, history=history)
    return decide(request, see(request, facts, policy, now_ms), policy, now_ms)


def _policy(raw: msgspec.Raw, shipped: Policy, pinned_ms: int) -> Policy | None:
    """R-08: return the overriding version if it is in force at that moment, else the file."""
    given = value_of(raw, "policy")
    if given == NO_POLICY:
        return None
    base = Policies((shipped,))
    if given is None:
        return base.at(pinned_ms)
    if not isinstance(given, dict):
        raise RefusedLineError("policy: must be an object of keys, null or absent")
    try:
        later = POLICY.override(shipped, POLICY.flatten(given))
    except PolicyError as refused:
        raise RefusedLineError(f"policy: {refused}") from None
    except RecursionError:
        raise RefusedLineError("policy: nested too deeply") from None
    return Policies((later,)).at(pinned_ms) or base.at(pinned_ms)


def _again(
    request: Request, first: Past, policy: Policy | None, now_ms: int
) -> Decision:
    """Case 57: return the first decision again, without ``seen``: no fact was read."""
    approved = first.outcome == AUTO_APPROVE
    codes = PASSED[2] if approved else _texts(first.reason_codes)
    return Decision(
        decision_id=decision_id(request.refund_id, request.refund_version),
        family=FAMILY,
        refund_id=request.refund_id,
        refund_version=request.refund_version,
        order_id=request.order_id,
        buyer_id=request.buyer_id,
        shop_id=request.shop_id,
        disposition=DECIDED,
        outcome=AUTO_APPROVE if approved else MANUAL_REVIEW,
        reason_codes=codes,
        policy=None if policy is None else policy.name,
        refund_fen=first.refund_fen
        if type(first.refund_fen) is int
        else request.refund_fen,
        payout_key=payout_key(request.refund_id) if approved else None,
        requested_at_ms=request.requested_at_ms,
        decided_at_ms=first.decided_at_ms
        if type(first.decided_at_ms) is int
        else now_ms,
        review_deadline_ms=None if approved else request.expire_at_ms,
        seen=None,
        policy_hash=None if policy is None else policy.policy_hash,
    )


def _texts(codes: object) -> tuple[str, ...]:
    return tuple(codes) if isinstance(codes, Sequence) else ()
