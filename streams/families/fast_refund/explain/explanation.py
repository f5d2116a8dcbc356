"""Explain a decision in words, for every audience and in both languages."""

from typing import Final

import msgspec

from streams.families.fast_refund import reasons
from streams.families.fast_refund.decide import AUTO_APPROVE
from streams.families.fast_refund.explain.conditions import conditions, worded_by
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.request import FR_ALL_CONDITIONS_MET
from streams.processing.conditions import Condition, Wording
from streams.processing.explain import ToldReason, told_reason
from streams.processing.reasons import Words

CONTRADICTION: Final[Words] = (
    "记录自相矛盾：带有通过的代码，结果却不是自动通过；以结果为准",
    (
        "the record contradicts itself: the code of an approval, another outcome; the "
        "outcome counts"
    ),
)
"""Reviewers' text for FR_ALL_CONDITIONS_MET beside an outcome that is no approval."""


_AS_USUAL: Final[Words] = ("按普通规则审核。", "Review it as usual.")


class Explanation(msgspec.Struct, frozen=True):
    """One decision in words."""

    decision_id: str
    disposition: str
    outcome: str | None
    policy: str | None
    decided_at_ms: int
    conditions: tuple[Condition, ...]
    """Conditions that fail first, then unknown, stale, not evaluated, and those that
    hold."""
    reviewer_zh: tuple[str, ...]
    """One line per listed code, for platform reviewers."""
    reviewer_en: tuple[str, ...]
    merchant_zh: tuple[str, ...]
    """The lines for merchants: nothing about the buyer, no line twice."""
    merchant_en: tuple[str, ...]
    buyer_zh: str
    buyer_en: str
    notice_zh: str | None
    """N1 on an automatic approval, else None (FR-Q5)."""
    notice_en: str | None
    policy_at_hand: bool
    """False = conditions are shown as recorded, without the policy's bounds."""
    reasons: tuple[ToldReason, ...]
    refund_id: str
    order_id: str | None
    refund_fen: int | None


def explain(decision: Decision, policy: Policy | None) -> Explanation:
    """Explain a decision, with the notice of an approval (FR-Q5).

    Parameters
    ----------
    decision
        A decision as made or as decoded from its record. Without ``seen`` there are
        texts but no conditions.
    policy
        Exactly the policy that the decision names; None when it names none or that
        policy is not available.
    """
    limit_fen = None if policy is None else policy.paid_limit_fen
    wording = worded_by(policy)
    told = tuple(_told(code, decision, wording) for code in decision.reason_codes)
    buyer = reasons.buyer_text(decision.reason_codes, decision.outcome)
    merchant_zh, merchant_en = _merchant(decision, limit_fen)
    approved = decision.outcome == AUTO_APPROVE
    return Explanation(
        decision.decision_id,
        decision.disposition,
        decision.outcome,
        decision.policy,
        decision.decided_at_ms,
        conditions(decision, policy),
        tuple(one.zh for one in told),
        tuple(one.en for one in told),
        merchant_zh,
        merchant_en,
        buyer.zh,
        buyer.en,
        reasons.NOTICE_ZH if approved else None,
        reasons.NOTICE_EN if approved else None,
        policy is not None or decision.policy is None,
        told,
        decision.refund_id,
        decision.order_id,
        decision.refund_fen,
    )


def _contradicts(code: str, decision: Decision) -> bool:
    approves = code == FR_ALL_CONDITIONS_MET.code
    return approves and decision.outcome != AUTO_APPROVE


def _told(code: str, decision: Decision, wording: Wording) -> ToldReason:
    known = reasons.REASONS.get(code)
    if known is not None and _contradicts(code, decision):
        return ToldReason(code, known.clause, *CONTRADICTION, *_AS_USUAL, None, None)
    words = None if known is None else wording(known)
    return told_reason(code, reasons.REASONS, words)


def _merchant(
    decision: Decision, limit_fen: int | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return each line once, in both languages."""
    general = reasons.MERCHANT_GENERAL_ZH, reasons.MERCHANT_GENERAL_EN
    lines = dict.fromkeys(
        general
        if _contradicts(code, decision)
        else (
            reasons.merchant_text(code, limit_fen),
            reasons.merchant_text_en(code, limit_fen),
        )
        for code in decision.reason_codes
    )
    return tuple(zh for zh, _ in lines), tuple(en for _, en in lines)
