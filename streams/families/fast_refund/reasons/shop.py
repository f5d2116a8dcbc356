"""Reasons on the shop."""

from typing import Final

from streams.families.fast_refund.reasons.words import AS_USUAL
from streams.processing.reasons import Reason

SHOP_EXCLUDED: Final = Reason(
    "SHOP_EXCLUDED",
    60,
    "FR-1.7(2)a, FR-Q3",
    "平台已对本店停用本服务",
    "the platform has switched this shop off",
    reviewer=AS_USUAL,
    merchant=(
        "有疑问请联系平台；商家不能自行开关本服务。",
        "Ask the platform if in doubt; merchants cannot switch the service.",
    ),
    operator=(
        "不该停用的，更正主题 shops 中的记录。",
        "If it should be on, correct the shop's record in shops.",
    ),
)
SHOP_STANDING_RESTRICTED: Final = Reason(
    "SHOP_STANDING_RESTRICTED",
    61,
    "FR-1.7(2)a",
    "店铺违规情况需人工审核",
    "the standing of the shop needs a person",
    reviewer=(
        "按普通规则审核，留意店铺的履约情况。",
        "Review it as usual; mind how the shop delivers.",
    ),
    merchant=(
        "处理店铺的违规，恢复后自动退款随之恢复。",
        "Settle the shop's violations; automatic refunds come back with it.",
    ),
)
SHOP_UNKNOWN: Final = Reason(
    "SHOP_UNKNOWN",
    62,
    "FR-1.2a",
    "店铺信息缺失",
    "which shop it is cannot be told",
    reviewer=(
        "从订单查店铺；申请和订单的店铺不同时，以订单为准。",
        (
            "Take the shop from the order; if request and order name two, go by the "
            "order."
        ),
    ),
    operator=(
        "让写入方在申请和订单中写同一个 shop_id。",
        "Have the senders write the same shop_id in request and order.",
    ),
    state="unknown",
)
