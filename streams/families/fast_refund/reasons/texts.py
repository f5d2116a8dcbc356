"""The texts of reason codes for reviewers, merchants and buyers."""

from collections.abc import Iterable
from typing import Final

import msgspec

from streams.families.fast_refund.reasons.catalog import REASONS
from streams.processing.reasons import UNKNOWN

_SHIPPED_RANKS: Final = range(20, 24)

MERCHANT_GENERAL_ZH: Final = "该申请按平台规则转人工审核。"
"""The merchants' text for a code whose wording is for reviewers only."""

MERCHANT_GENERAL_EN: Final = (
    "Under platform rules this request goes to a person for review."
)


class BuyerText(msgspec.Struct, frozen=True):
    """A text for buyers: one of B0 to B4."""

    name: str
    zh: str
    en: str


B0: Final = BuyerText(
    "B0",
    "退款已通过，款项将退回付款账户",
    "Your refund is approved; the money goes back to your payment account.",
)
B1: Final = BuyerText(
    "B1", "申请已收到，正在审核", "We have your request and are reviewing it."
)
B2: Final = BuyerText(
    "B2", "订单可能已发出，正在核实", "Your order may be on its way; we are checking."
)
B3: Final = BuyerText(
    "B3",
    "该申请将按普通售后流程处理",
    "This request follows the ordinary after-sales process.",
)
B4: Final = BuyerText(
    "B4", "本次申请已更新或撤回", "This request was changed or withdrawn."
)

BUYER_TEXTS: Final = (B0, B1, B2, B3, B4)


def reviewer_text(code: str, limit_fen: int | None) -> str:
    """Return the reviewers' wording of a code in zh-CN.

    Parameters
    ----------
    code
        A code outside the list is shown as such; it comes from a newer program version.
    limit_fen
        ``paid_limit_fen`` of the policy; None = unknown, and left out.
    """
    known = REASONS.get(code)
    return _filled(known.zh, limit_fen) if known else UNKNOWN[0].format(code=code)


def reviewer_text_en(code: str, limit_fen: int | None) -> str:
    """Return the reviewers' wording of a code in English."""
    known = REASONS.get(code)
    return _filled(known.en, limit_fen) if known else UNKNOWN[1].format(code=code)


def merchant_text(code: str, limit_fen: int | None) -> str:
    """Return the merchants' wording of a code in zh-CN; it says nothing about the buyer."""
    known = REASONS.get(code)
    if known is None or known.reviewers_only:
        return MERCHANT_GENERAL_ZH
    return _filled(known.zh, limit_fen)


def merchant_text_en(code: str, limit_fen: int | None) -> str:
    """Return the merchants' wording of a code in English."""
    known = REASONS.get(code)
    if known is None or known.reviewers_only:
        return MERCHANT_GENERAL_EN
    return _filled(known.en, limit_fen)


def buyer_text(codes: Iterable[str], outcome: str | None) -> BuyerText:
    """Return the buyer's text: that of the first listed code.

    Only the outcome says that a refund is approved: an unknown code, or one that
    contradicts the outcome, gives B1, which says the least.

    Parameters
    ----------
    outcome
        ``auto_approve``, ``manual_review`` or None, as in the decision.
    """
    if outcome == "auto_approve":
        return B0
    known = REASONS.get(next(iter(codes), ""))
    if known is None:
        return B1
    if known.rank in _SHIPPED_RANKS:
        return B2
    if known.disposition == "out_of_scope":
        return B3
    return B4 if known.disposition == "superseded" else B1


def yuan(fen: int) -> str:
    """Format fen as yuan: ``300``, ``300.50``; exact for any size."""
    whole, rest = divmod(abs(fen), 100)
    sign = "-" if fen < 0 else ""
    return f"{sign}{whole}.{rest:02d}" if rest else f"{sign}{whole}"


def _filled(text: str, limit_fen: int | None) -> str:
    if limit_fen is None:
        return text.replace("{limit}元", "").replace(" of {limit} yuan", "")
    return text.replace("{limit}", yuan(limit_fen))
