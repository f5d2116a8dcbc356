"""Reasons on the order: shipped, not settled, risky or unknown."""

from typing import Final

from streams.families.fast_refund.reasons.words import LOOK_UP_ORDER, ORDER_FEED_LATE
from streams.processing.reasons import OURS, Reason

ORDER_SHIPPED: Final = Reason(
    "ORDER_SHIPPED",
    20,
    "FR-1.4c",
    "后台显示已发货",
    "the back end shows the order as shipped",
    reviewer=(
        "按已发货的售后处理：让商家拦截，或由买家收货后退货。",
        (
            "Handle it as shipped: have the merchant stop the parcel, or the buyer "
            "return it."
        ),
    ),
    merchant=(
        "能拦截的请拦截包裹，并在售后单中说明。",
        "Stop the parcel if you can, and say so in the ticket.",
    ),
)
ORDER_PARTLY_SHIPPED: Final = Reason(
    "ORDER_PARTLY_SHIPPED",
    21,
    "FR-1.4c",
    "部分商品已发货",
    "part of the order has been shipped",
    reviewer=(
        "核对哪些商品已发出，只退未发出的部分。",
        "See which pieces have left; refund those that have not.",
    ),
    merchant=(
        "其余商品先不要发出；已发出的填写运单号。",
        "Hold the rest back; enter the waybill of what has left.",
    ),
)
ORDER_STATUS_CONFLICT: Final = Reason(
    "ORDER_STATUS_CONFLICT",
    22,
    "FR-1.4c",
    "发货状态来源不一致",
    "the sources of the shipping status disagree",
    reviewer=(
        "以平台后台的发货状态为准，并向商家核实。",
        "Go by the back end's status, and ask the merchant.",
    ),
    merchant=(
        "核对并更正后台的发货状态和件数。",
        "Check status and piece counts in the back end, and correct them.",
    ),
    operator=(
        "成批出现时，查订单来源的状态和件数为何不一致。",
        (
            "If there are many, find out why the source of orders disagrees with "
            "itself or the back end."
        ),
    ),
)
SHIP_SIGNAL_PRESENT: Final = Reason(
    "SHIP_SIGNAL_PRESENT",
    23,
    "FR-1.6",
    "已有面单或揽收记录，请核实",
    "there is a waybill or a pick-up already; please check",
    reviewer=(
        "向商家核实包裹是否已被揽收。",
        "Ask the merchant whether the parcel was picked up.",
    ),
    merchant=(
        "没有发出的作废面单；已发出的尽快填写运单号。",
        "If it has not left, void the waybill; if it has, enter it soon.",
    ),
)
ORDER_STATUS_OTHER: Final = Reason(
    "ORDER_STATUS_OTHER",
    24,
    "FR-1.4c",
    "订单未付款或已关闭",
    "the order is unpaid or closed",
    reviewer=(
        "未付款的无款可退；已关闭的查款项是否已随关闭退回。",
        (
            "An unpaid order has nothing to refund; of a closed one see whether the "
            "money went back already."
        ),
    ),
)
ORDER_STATUS_UNKNOWN: Final = Reason(
    "ORDER_STATUS_UNKNOWN",
    25,
    "FR-1.4c",
    "发货状态缺失",
    "the shipping status is missing or unknown",
    reviewer=LOOK_UP_ORDER,
    operator=(
        "让订单来源按 docs/schemas/order.json 写 order_status、件数和 as_of_ms。",
        (
            "Have the source of orders write order_status, piece counts and as_of_ms "
            "as docs/schemas/order.json says."
        ),
    ),
    state="unknown",
)
ORDER_STATUS_STALE: Final = Reason(
    "ORDER_STATUS_STALE",
    25,
    "FR-1.4c",
    "发货状态已过期",
    "the shipping status is too old",
    reviewer=LOOK_UP_ORDER,
    operator=ORDER_FEED_LATE,
    state="stale",
)
PAY_LATER: Final = Reason(
    "PAY_LATER",
    72,
    OURS,
    "先用后付，款项尚未扣收",
    "pay-later: the money has not been collected",
    reviewer=(
        "款项未扣收：取消扣款，而不是退款。",
        "The money was not collected: cancel the collection instead of refunding.",
    ),
)
PRESALE: Final = Reason(
    "PRESALE",
    73,
    OURS,
    "预售订单",
    "pre-sale order",
    reviewer=(
        "按预售规则，分定金和尾款处理。",
        "Decide by the rules for pre-sales, deposit and rest apart.",
    ),
)
GROUP_BUY_PENDING: Final = Reason(
    "GROUP_BUY_PENDING",
    74,
    OURS,
    "拼团未完成",
    "the group buy is not complete",
    reviewer=(
        "先查拼团结果：未成团的由平台退款。",
        "See how the group buy ended: if it failed, the platform refunds it.",
    ),
)
PAYMENT_RISK_REVIEW: Final = Reason(
    "PAYMENT_RISK_REVIEW",
    75,
    OURS,
    "支付风控审核中",
    "the payment is under risk review",
    reviewer=(
        "等支付风控有结论后再决定。",
        "Wait for the outcome of the payment's risk review.",
    ),
)
ORDER_RISK_FLAGGED: Final = Reason(
    "ORDER_RISK_FLAGGED",
    76,
    OURS,
    "订单有风险标记",
    "the order carries a risk mark",
    reviewer=(
        "查风险标记的处理结论；不要把原因告诉商家或买家。",
        (
            "See what became of the risk mark; tell neither merchant nor buyer the "
            "reason."
        ),
    ),
    reviewers_only=True,
)
ORDER_DETAIL_UNKNOWN: Final = Reason(
    "ORDER_DETAIL_UNKNOWN",
    77,
    OURS,
    "订单明细缺失",
    "the order itself is missing",
    reviewer=LOOK_UP_ORDER,
    operator=(
        "确认订单已写入 orders，且与申请同一 order_id、同一买家的分区。",
        (
            "See that the order is in orders under the same order_id, in its buyer's "
            "partition."
        ),
    ),
    state="unknown",
)
