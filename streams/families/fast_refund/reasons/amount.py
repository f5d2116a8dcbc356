"""Reasons on amounts: paid, still refundable, requested."""

from typing import Final

from streams.families.fast_refund.reasons.words import LOOK_UP_ORDER, ORDER_FEED_LATE
from streams.processing.reasons import OURS, Reason

PAID_AT_OR_OVER_LIMIT: Final = Reason(
    "PAID_AT_OR_OVER_LIMIT",
    40,
    "FR-1.4b",
    "实付金额未低于限额{limit}元",
    "the amount paid is not below the limit of {limit} yuan",
    reviewer=(
        "金额超出自动退款的范围，按普通规则审核。",
        "Too much for an automatic refund; review it as usual.",
    ),
)
PAID_AMOUNT_INVALID: Final = Reason(
    "PAID_AMOUNT_INVALID",
    41,
    "FR-1.4b",
    "实付金额不是正整数(分)",
    "the amount paid is no positive whole number of fen",
    reviewer=LOOK_UP_ORDER,
    operator=(
        "让订单来源把 paid_fen 写成整数（分）。",
        "Have the source of orders write paid_fen as a whole number of fen.",
    ),
)
PAID_AMOUNT_CHANGED: Final = Reason(
    "PAID_AMOUNT_CHANGED",
    42,
    "FR-1.4b",
    "申请后订单金额有变动",
    "the order total changed after the request",
    reviewer=(
        "查改价原因和当前可退余额，再决定退多少。",
        "See why the total changed and what is left, then decide how much.",
    ),
    merchant=(
        "在售后单中说明改价原因。",
        "Say in the ticket why the price was changed.",
    ),
)
PAID_AMOUNT_UNKNOWN: Final = Reason(
    "PAID_AMOUNT_UNKNOWN",
    43,
    "FR-1.4b",
    "实付金额缺失",
    "the amount paid is missing",
    reviewer=LOOK_UP_ORDER,
    operator=(
        "让订单来源写 paid_fen 和 as_of_ms。",
        "Have the source of orders write paid_fen and as_of_ms.",
    ),
    state="unknown",
)
PAID_AMOUNT_STALE: Final = Reason(
    "PAID_AMOUNT_STALE",
    43,
    "FR-1.4b",
    "实付金额已过期",
    "the amount paid is too old",
    reviewer=LOOK_UP_ORDER,
    operator=ORDER_FEED_LATE,
    state="stale",
)
CURRENCY_NOT_CNY: Final = Reason(
    "CURRENCY_NOT_CNY",
    44,
    "FR-1.4b",
    "币种不是人民币",
    "the currency is not CNY",
    reviewer=("按该币种的退款流程审核。", "Decide by the process for that currency."),
    operator=(
        "应为人民币的，让订单来源写 currency 为 CNY。",
        "If it is yuan, have the source of orders write CNY as currency.",
    ),
)
REFUND_AMOUNT_INVALID: Final = Reason(
    "REFUND_AMOUNT_INVALID",
    45,
    OURS,
    "申请金额无效或超出可退余额",
    "the amount asked is invalid or above what is left to refund",
    reviewer=(
        "对照可退余额核对申请金额：退正确的金额，或让买家修改申请。",
        (
            "Hold the amount against what is left: refund the right one, or have the "
            "buyer edit the request."
        ),
    ),
    operator=(
        "两项金额都应是整数（分）：refund_fen 和 refundable_left_fen。",
        "Both amounts are whole fen: refund_fen and refundable_left_fen.",
    ),
)
