"""Decide: run every rule, then derive disposition and outcome from the codes.

All rules always run and all reasons are listed, without weights. Only a case without
any reason is approved.
"""

from typing import Final, TypeAlias

import msgspec

from streams.families.fast_refund.model import Decision, Request, Seen
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons import REASONS
from streams.families.fast_refund.reasons.request import FR_ALL_CONDITIONS_MET
from streams.families.fast_refund.rules import Active, Check, active_rules
from streams.families.fast_refund.rules.case import Codes, case_of

FAMILY: Final = "FR"

DECIDED: Final = "decided"
AUTO_APPROVE: Final = "auto_approve"
MANUAL_REVIEW: Final = "manual_review"

Verdict: TypeAlias = tuple[str, str | None, tuple[str, ...]]
"""Disposition, outcome, listed codes."""

PASSED: Final[Verdict] = (
    DECIDED,
    AUTO_APPROVE,
    (FR_ALL_CONDITIONS_MET.code,),
)

_NO_OUTCOME: Final = ("superseded", "out_of_scope")
"""Dispositions that hide every other code, the stronger first (E-17)."""


def decide(
    request: Request, seen: Seen, policy: Policy | None, decided_at_ms: int
) -> Decision:
    """Judge one request by what was seen of it (FR-1.4, FR-Q2): a pure function.

    Parameters
    ----------
    request
        The request as sent.
    seen
        The facts as reduced by :func:`~streams.families.fast_refund.seen.see`.
    policy
        In force at ``requested_at_ms`` (R-08); None = POLICY_NOT_LOADED.
    decided_at_ms
        UTC ms.
    """
    # E-16: without a policy the default readings judge.
    active = active_rules(policy)
    readings = active.policy
    case = case_of(request, seen, policy, decided_at_ms)
    codes: Codes = ()
    for check in _checks(active, seen):
        found = check(case, readings)
        if found:
            codes += found
    refund_id, version = request.refund_id, request.refund_version
    named = (
        f"FR:{refund_id}:{version}"
        if version is not None
        else decision_id(refund_id, None)
    )
    # FR-1.4: approved only without any reason.
    disposition, outcome, reasons = _verdict(codes) if codes else PASSED
    # Positional, and both ids without a call: that saves a microsecond.
    return Decision(
        named,
        FAMILY,
        refund_id,
        version,
        request.order_id,
        case.buyer_id,
        case.shop_id,
        disposition,
        outcome,
        reasons,
        active.name,
        request.refund_fen,
        # FR-1.4: one payout per refund.
        f"pay:{refund_id}" if outcome is AUTO_APPROVE else None,
        request.requested_at_ms,
        decided_at_ms,
        request.expire_at_ms if outcome is MANUAL_REVIEW else None,
        seen,
        active.policy_hash,
    )


def decision_id(refund_id: str, version: int | None) -> str:
    """Return the permanent id of a decision; ``null`` stands for a missing version."""
    return f"FR:{refund_id}:{'null' if version is None else version}"


def payout_key(refund_id: str) -> str:
    """Return the key of the only payout that a refund can ever have, over all versions (FR-1.4)."""
    return f"pay:{refund_id}"


def judge_again(decision: Decision, policy: Policy | None) -> Decision:
    """Recompute a decision from ``seen`` in its own record.

    With the policy it names, the result encodes to the same bytes; with another one it
    shows what that policy would have decided. A record without ``seen`` is returned
    unchanged: there is nothing to judge. One of version 0.1.0 has no ``policy_hash``
    and gets none.
    """
    seen = decision.seen
    if seen is None:
        return decision
    again = decide(asked(decision, seen), seen, policy, decision.decided_at_ms)
    # Records of version 0.1.0.
    if decision.policy_hash is msgspec.UNSET:
        return msgspec.structs.replace(again, policy_hash=msgspec.UNSET)
    return again


def asked(decision: Decision, seen: Seen) -> Request:
    """Restore from a decision the request fields that rules read."""
    return Request(
        refund_id=decision.refund_id,
        refund_version=decision.refund_version,
        action=seen.action,
        order_id=decision.order_id,
        buyer_id=decision.buyer_id,
        shop_id=decision.shop_id,
        refund_kind=seen.refund_kind,
        special_refund_type=seen.special_refund_type,
        refund_fen=decision.refund_fen,
        requested_at_ms=decision.requested_at_ms,
        expire_at_ms=decision.review_deadline_ms,
        lines=seen.asked_skus,
        unavailable=seen.unavailable,
        faults=seen.request_faults,
    )


def _checks(active: Active, seen: Seen) -> tuple[Check, ...]:
    """Choose the rules to run: those on rare facts only when such a fact is there."""
    # E-1.
    if seen.order_absent:
        return active.without_order
    if (
        seen.history is None
        and seen.breaker is None
        and seen.unavailable is None
        and seen.limits is None
        and seen.listed is None
        and seen.unnamed_lines is None
        and seen.order_vetoed is None
        and seen.total_changed_at_ms is None
        and seen.presale_stage is None
        and seen.delivery_block is None
        and seen.risk_code is None
        and seen.expected_partition is None
        and seen.pause is None
    ):
        return active.usual
    return active.with_order


def _verdict(codes: Codes) -> Verdict:
    """E-17: return disposition, outcome and listed codes of a case that does not pass."""
    for disposition in _NO_OUTCOME:
        own = [one for one in codes if one.disposition == disposition]
        if own:
            return disposition, None, REASONS.in_order(own)
    return DECIDED, MANUAL_REVIEW, REASONS.in_order(codes)
