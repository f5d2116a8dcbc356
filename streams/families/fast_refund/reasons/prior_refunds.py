"""Reasons on earlier refunds of the order or the buyer."""

from typing import Final

from streams.families.fast_refund.reasons.words import AS_USUAL, IN_CONFIDENCE
from streams.processing.reasons import OURS, Reason

PRIOR_REFUND_ON_ORDER: Final = Reason(
    "PRIOR_REFUND_ON_ORDER",
    70,
    OURS,
    "本单已有退款",
    "the order has had a refund",
    reviewer=(
        "核对本单已退的金额，合计不超过实付再退。",
        (
            "See what was refunded on the order; all refunds together stay within "
            "what was paid."
        ),
    ),
)
OPEN_REFUND_ON_ORDER: Final = Reason(
    "OPEN_REFUND_ON_ORDER",
    71,
    OURS,
    "本单另有处理中的售后",
    "another request on the order is open",
    reviewer=(
        "与本单另一售后一并处理，不要重复退款。",
        "Decide it together with the other request; refund once.",
    ),
)
BUYER_COUNT_LIMIT: Final = Reason(
    "BUYER_COUNT_LIMIT",
    80,
    OURS,
    "买家自动退款次数达上限",
    "the buyer has had the most automatic refunds allowed",
    reviewer=IN_CONFIDENCE,
    reviewers_only=True,
)
BUYER_AMOUNT_QUOTA: Final = Reason(
    "BUYER_AMOUNT_QUOTA",
    81,
    OURS,
    "买家自动退款额度不足",
    "the refund would pass the quota of the buyer",
    reviewer=IN_CONFIDENCE,
    reviewers_only=True,
)
ORDER_ALREADY_AUTO_APPROVED: Final = Reason(
    "ORDER_ALREADY_AUTO_APPROVED",
    82,
    OURS,
    "本单已自动通过一次",
    "the order was approved automatically before",
    reviewer=(
        "查先前自动通过的款项是否已退，不要重复退款。",
        "See whether the earlier approval was paid; refund once.",
    ),
)
PAYMENT_AGE_OUTSIDE_WINDOW: Final = Reason(
    "PAYMENT_AGE_OUTSIDE_WINDOW",
    83,
    OURS,
    "付款时长不在范围内",
    "the time since payment is outside the window",
    reviewer=AS_USUAL,
)
