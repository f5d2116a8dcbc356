"""Texts that several reasons share, and notice N1 of every automatic approval."""

from typing import Final

from streams.processing.reasons import Words

NOTICE_ZH: Final = (
    "系统提示：这笔发货前的仅退款已由平台自动同意。"
    "下单买家属于平台优质用户，本单也达到极速退款的各项要求。"
)
"""N1, the fixed notice of every automatic approval (FR-Q5)."""

NOTICE_EN: Final = (
    "The platform approved this pre-shipment refund-only request automatically: "
    "the buyer is a platform quality user and the order meets every fast-refund "
    "condition."
)
"""N1 in English."""

MERCHANT_WAITS: Final[Words] = (
    "无需操作，等待平台审核结果。",
    "Nothing to do; wait for the platform's decision.",
)
OPERATOR_RESTS: Final[Words] = (
    "无需操作，系统运行正常。",
    "Nothing to do; the system works as it should.",
)

AS_USUAL: Final[Words] = (
    "申请本身没有异常，按普通规则审核。",
    "Nothing is wrong with the request; review it as usual.",
)
IN_CONFIDENCE: Final[Words] = (
    "按普通规则审核；不要把原因告诉商家或买家。",
    "Review it as usual; tell neither merchant nor buyer the reason.",
)
LOOK_UP_ORDER: Final[Words] = (
    "在平台后台打开订单，按当前的状态和金额审核。",
    "Open the order in the back end; decide by its status and amounts now.",
)
ORDER_FEED_LATE: Final[Words] = (
    "订单数据来迟：看主题 orders 的 refund_watermark_age_seconds。",
    "The feed of orders is late: see refund_watermark_age_seconds of orders.",
)
