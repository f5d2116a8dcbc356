"""Reasons on the buyer, and on the platform's veto of an order."""

from typing import Final

from streams.families.fast_refund.reasons.words import IN_CONFIDENCE
from streams.processing.reasons import Reason

BUYER_CANCELLED: Final = Reason(
    "BUYER_CANCELLED",
    50,
    "FR-1.7(1)b",
    "买家已被取消本服务资格",
    "the buyer has lost this service",
    reviewer=(
        "按被取消资格买家的流程审核；不要把原因告诉商家或买家。",
        (
            "Decide by the process for buyers who lost the service; tell neither "
            "merchant nor buyer the reason."
        ),
    ),
    reviewers_only=True,
)
BUYER_LIMITED: Final = Reason(
    "BUYER_LIMITED",
    51,
    "FR-1.7(1)b",
    "买家处于限制期",
    "the buyer is limited at present",
    reviewer=(
        "按受限买家的流程审核；不要把原因告诉商家或买家。",
        (
            "Decide by the process for limited buyers; tell neither merchant nor "
            "buyer the reason."
        ),
    ),
    reviewers_only=True,
)
BUYER_QUALITY_REVOKED: Final = Reason(
    "BUYER_QUALITY_REVOKED",
    52,
    "FR-1.7(1)b",
    "优质资格因滥用被撤销",
    "the quality mark was revoked for abuse",
    reviewer=(
        "查滥用记录后审核；不要把原因告诉商家或买家。",
        (
            "Look at the record of abuse, then decide; tell neither merchant nor "
            "buyer the reason."
        ),
    ),
    reviewers_only=True,
)
BUYER_NOT_QUALITY: Final = Reason(
    "BUYER_NOT_QUALITY",
    53,
    "FR-1.4a",
    "买家不在优质用户范围",
    "the buyer is not one of the quality users",
    reviewer=IN_CONFIDENCE,
    reviewers_only=True,
)
BUYER_UNKNOWN: Final = Reason(
    "BUYER_UNKNOWN",
    54,
    "FR-1.4a",
    "买家身份缺失",
    "who the buyer is cannot be told",
    reviewer=(
        "从订单查买家；申请和订单的买家不同时，先查是谁提出的。",
        (
            "Take the buyer from the order; if request and order name two, find out "
            "who asked."
        ),
    ),
    operator=(
        "让写入方在申请和订单中写同一个 buyer_id。",
        "Have the senders write the same buyer_id in request and order.",
    ),
    state="unknown",
)
BUYER_QUALITY_UNKNOWN: Final = Reason(
    "BUYER_QUALITY_UNKNOWN",
    55,
    "FR-1.4a",
    "优质标记缺失",
    "the quality mark is missing or unknown",
    reviewer=(
        "在平台查买家的优质标记后审核。",
        "Look the quality mark up on the platform, then decide.",
    ),
    operator=(
        "主题 buyers 没有这位买家可读的记录：检查写入方。",
        ("There is no readable record of this buyer in buyers: check who writes it."),
    ),
    state="unknown",
)
BUYER_QUALITY_STALE: Final = Reason(
    "BUYER_QUALITY_STALE",
    55,
    "FR-1.4a",
    "优质标记已过期",
    "the quality mark is too old",
    reviewer=(
        "在平台查买家的优质标记后审核。",
        "Look the quality mark up on the platform, then decide.",
    ),
    operator=(
        "买家数据来迟：看主题 buyers 的 refund_watermark_age_seconds。",
        "The feed of buyers is late: see its refund_watermark_age_seconds.",
    ),
    state="stale",
)
ORDER_VETOED: Final = Reason(
    "ORDER_VETOED",
    56,
    "FR-1.7(1)a",
    "平台指定本单人工审核",
    "the platform wants this order reviewed by a person",
    reviewer=(
        "查平台为何指定本单，再决定；不要把原因告诉商家或买家。",
        (
            "See why the platform named this order, then decide; tell neither "
            "merchant nor buyer the reason."
        ),
    ),
    reviewers_only=True,
)
