"""What people can do about a reason code: reviewers, merchants, operators.

The module is long because every code of the closed list has its row. Buyers need do
nothing. A merchant reads only what the platform may say about a buyer, so the codes
for reviewers only (the dagger of the rules) have no word for merchants of their own.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from streams.families.fast_refund.reasons.codes import ReasonCode

Words: TypeAlias = tuple[str, str]
"""zh-CN and English."""


class Advice(msgspec.Struct, frozen=True):
    """What to do about one code."""

    code: ReasonCode
    reviewer: Words
    """How the person who decides the case goes on."""
    merchant: Words | None = None
    """None = :data:`MERCHANT_WAITS`."""
    operator: Words | None = None
    """Who runs the processor or writes its facts; None = nothing is out of order."""


MERCHANT_WAITS: Final[Words] = (
    "无需操作，等待平台审核结果。",
    "Nothing to do; wait for the platform's decision.",
)
OPERATOR_RESTS: Final[Words] = (
    "无需操作，系统运行正常。",
    "Nothing to do; the system works as it should.",
)
NOT_KNOWN: Final[Words] = (
    "本版本不认识此代码，请升级后再看；在此之前照常审核。",
    "This version does not know the code: upgrade to read it; until then review as usual.",
)
"""For a code that a newer version wrote."""

_AS_USUAL: Final[Words] = (
    "申请本身没有异常，按普通规则审核。",
    "Nothing is wrong with the request; review it as usual.",
)
_IN_CONFIDENCE: Final[Words] = (
    "按普通规则审核；不要把原因告诉商家或买家。",
    "Review it as usual; tell neither merchant nor buyer the reason.",
)
_LOOK_UP_ORDER: Final[Words] = (
    "在平台后台打开订单，按当前的状态和金额审核。",
    "Open the order in the back end; decide by its status and amounts now.",
)
_ORDER_FEED_LATE: Final[Words] = (
    "订单数据来迟：看主题 orders 的 refund_watermark_age_seconds。",
    "The feed of orders is late: see refund_watermark_age_seconds of orders.",
)

_R = ReasonCode
_ALL: Final = (
    Advice(
        _R.FR_ALL_CONDITIONS_MET,
        (
            "无需审核；由付款服务退款。",
            "Nothing to review; the payout service returns the money.",
        ),
        merchant=(
            "不要再发货；已发出的尽快拦截，并填写运单号。",
            "Do not ship; if the parcel has left, stop it and enter its waybill.",
        ),
    ),
    Advice(
        _R.REQUEST_INVALID,
        (
            "看哪些字段有误（seen.request_faults），以平台售后单为准审核。",
            "See which fields are wrong (seen.request_faults); decide by the ticket.",
        ),
        operator=(
            "让写入申请的一方改正字段类型，或补上 refund_version 和 action。",
            (
                "Have the sender of requests correct the types of those fields, or add "
                "refund_version and action."
            ),
        ),
    ),
    Advice(
        _R.EVENT_TIME_UNKNOWN,
        (
            "从售后单查申请时间，按该时间核对优质资格。",
            "Take the time from the ticket; check the quality mark at that time.",
        ),
        operator=(
            "让写入申请的一方补上 requested_at_ms。",
            "Have the sender of requests add requested_at_ms.",
        ),
    ),
    Advice(
        _R.EVENT_IN_FUTURE,
        (
            "从售后单查真实的申请时间后审核。",
            "Take the true time from the ticket, then decide.",
        ),
        operator=(
            "核对写入方和各台机器的时钟。",
            "Compare the clocks of the sender and of the workers.",
        ),
    ),
    Advice(
        _R.HISTORY_UNAVAILABLE,
        (
            "先按 refund_id 查付款服务和售后单：已处理过的不要再退。",
            (
                "Look the refund_id up in the payout service and the ticket first: what "
                "was handled before is not paid again."
            ),
        ),
        operator=(
            "成批出现时，查是谁重发旧申请；结果主题的保留时间要比重发的时限长。",
            (
                "If there are many, find who sends old requests again; keep the topics of "
                "decisions for longer than that."
            ),
        ),
    ),
    Advice(
        _R.REQUEST_MISROUTED,
        (
            "先按 refund_id 查 approvals 和 reviews：别的分区可能已有结果。",
            (
                "Look the refund_id up in approvals and reviews first: another partition "
                "may have answered it."
            ),
        ),
        operator=(
            "让写入方按 docs/topics.md 的公式取分区；正确的见 seen.expected_partition。",
            (
                "Have the sender use the formula of docs/topics.md; seen.expected_partition "
                "is the right partition."
            ),
        ),
    ),
    Advice(
        _R.REFUND_KIND_UNKNOWN,
        (
            "从售后单查类型：仅退款且非价保的按规则审核，其余走普通售后。",
            (
                "Take the kind from the ticket: refund-only without price protection is "
                "reviewed, all else goes the ordinary way."
            ),
        ),
        operator=(
            "让写入方按 docs/schemas/request.json 写 refund_kind 和 special_refund_type。",
            (
                "Have the sender write refund_kind and special_refund_type as "
                "docs/schemas/request.json says."
            ),
        ),
    ),
    Advice(
        _R.REQUEST_EDITED_AFTER_APPROVAL,
        (
            "先查旧版本是否已退款：已退的不要再退，只处理修改的部分。",
            (
                "Check whether the earlier version was paid: if so, do not pay it again, "
                "settle only what was changed."
            ),
        ),
        merchant=(
            "不要再发货：旧版本已自动通过。",
            "Do not ship: the earlier version was approved.",
        ),
    ),
    Advice(
        _R.REFUND_FAILED,
        (
            "在付款服务查失败原因，用同一个 payout_key 重新打款，或与买家另约退款方式。",
            (
                "See in the payout service why it failed; pay again under the same "
                "payout_key, or agree on another way with the buyer."
            ),
        ),
        merchant=(
            "不要再发货：退款已同意，只是打款失败。",
            "Do not ship: the refund is approved, only its payment failed.",
        ),
        operator=(
            "成批出现时，检查付款服务。",
            "If there are many, check the payout service.",
        ),
    ),
    Advice(
        _R.POLICY_NOT_LOADED,
        _AS_USUAL,
        operator=(
            (
                "用 refund policy history 看缺哪个版本；用 refund policy publish "
                "补上，或发布在申请时间之前生效的规则。"
            ),
            (
                "See which version is missing: `refund policy history`. Publish it, or "
                "a policy that is in force before the time of the request: "
                "`refund policy publish`."
            ),
        ),
    ),
    Advice(
        _R.SERVICE_PAUSED,
        _AS_USUAL,
        operator=(
            "暂停的原因消除后，用 refund policy resume 恢复；由规则暂停的，发布新版本。",
            (
                "End the pause when its cause is gone: `refund policy resume`; one that the "
                "policy itself says, with its next version."
            ),
        ),
    ),
    Advice(
        _R.BREAKER_OPEN,
        (
            "按普通规则审核，留意退款是否异常集中（范围见 seen.breaker）。",
            (
                "Review it as usual; look out for unusually many refunds (seen.breaker "
                "says whether of the shop or of all)."
            ),
        ),
        operator=(
            "查退款为何增多；到冷却时间后自动恢复，未设冷却的由运营者复位。",
            (
                "Find out why refunds rose; it closes after its cool-down, without one when "
                "the operator resets it."
            ),
        ),
    ),
    Advice(
        _R.DEPENDENCY_UNAVAILABLE,
        (
            "在平台后台查缺少的事实（seen.unavailable）后审核。",
            "Look up what is missing (seen.unavailable) in the back end, then decide.",
        ),
        operator=(
            "检查没有应答的查询服务及其超时。",
            "Check the look-up that did not answer, and its time-out.",
        ),
    ),
    Advice(
        _R.ORDER_SHIPPED,
        (
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
    ),
    Advice(
        _R.ORDER_PARTLY_SHIPPED,
        (
            "核对哪些商品已发出，只退未发出的部分。",
            "See which pieces have left; refund those that have not.",
        ),
        merchant=(
            "其余商品先不要发出；已发出的填写运单号。",
            "Hold the rest back; enter the waybill of what has left.",
        ),
    ),
    Advice(
        _R.ORDER_STATUS_CONFLICT,
        (
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
    ),
    Advice(
        _R.SHIP_SIGNAL_PRESENT,
        (
            "向商家核实包裹是否已被揽收。",
            "Ask the merchant whether the parcel was picked up.",
        ),
        merchant=(
            "没有发出的作废面单；已发出的尽快填写运单号。",
            "If it has not left, void the waybill; if it has, enter it soon.",
        ),
    ),
    Advice(
        _R.ORDER_STATUS_OTHER,
        (
            "未付款的无款可退；已关闭的查款项是否已随关闭退回。",
            (
                "An unpaid order has nothing to refund; of a closed one see whether the "
                "money went back already."
            ),
        ),
    ),
    Advice(
        _R.ORDER_STATUS_UNKNOWN,
        _LOOK_UP_ORDER,
        operator=(
            "让订单来源按 docs/schemas/order.json 写 order_status、件数和 as_of_ms。",
            (
                "Have the source of orders write order_status, piece counts and as_of_ms "
                "as docs/schemas/order.json says."
            ),
        ),
    ),
    Advice(_R.ORDER_STATUS_STALE, _LOOK_UP_ORDER, operator=_ORDER_FEED_LATE),
    Advice(
        _R.CATEGORY_CUSTOM,
        (
            "向商家核实是否已开始制作，按定制商品的规则处理。",
            (
                "Ask the merchant whether making has begun; decide by the rules for "
                "custom-made goods."
            ),
        ),
        merchant=(
            "在售后单中说明是否已开始制作。",
            "Say in the ticket whether making has begun.",
        ),
    ),
    Advice(
        _R.CATEGORY_VIRTUAL,
        (
            "查虚拟商品是否已交付或使用，再决定。",
            "See whether the goods were delivered or used, then decide.",
        ),
        merchant=(
            "在售后单中说明是否已交付。",
            "Say in the ticket whether they were delivered.",
        ),
    ),
    Advice(
        _R.CATEGORY_EXCLUDED,
        _AS_USUAL,
        operator=(
            "类目不该排除的，更正主题 catalog 中的记录。",
            "If the category should not be excluded, correct its record in catalog.",
        ),
    ),
    Advice(
        _R.SKU_EXCLUDED,
        _AS_USUAL,
        operator=(
            "商品不该排除的，更正主题 catalog 中的记录。",
            "If the article should not be excluded, correct its record in catalog.",
        ),
    ),
    Advice(
        _R.CATEGORY_UNKNOWN,
        (
            "在平台后台查商品类目，确认不含定制或虚拟商品后审核。",
            (
                "Look the categories up in the back end; make sure that nothing is "
                "custom-made or virtual, then decide."
            ),
        ),
        operator=(
            "让订单来源写每行的 category_path；确认主题 catalog 有水位。",
            (
                "Have the source of orders write category_path of every line; see that "
                "catalog has a watermark."
            ),
        ),
    ),
    Advice(
        _R.CATEGORY_STALE,
        (
            "在平台后台查商品类目后审核。",
            "Look the categories up in the back end, then decide.",
        ),
        operator=(
            "类目数据来迟：看主题 catalog 的 refund_watermark_age_seconds。",
            "The feed of catalog is late: see its refund_watermark_age_seconds.",
        ),
    ),
    Advice(
        _R.SKU_UNKNOWN,
        (
            "在平台后台查缺编号的商品是否不支持本服务，再决定。",
            "See in the back end whether the unnamed article is excluded, then decide.",
        ),
        operator=(
            "让订单来源写每行的 sku_id。",
            "Have the source of orders write sku_id of every line.",
        ),
    ),
    Advice(
        _R.PAID_AT_OR_OVER_LIMIT,
        (
            "金额超出自动退款的范围，按普通规则审核。",
            "Too much for an automatic refund; review it as usual.",
        ),
    ),
    Advice(
        _R.PAID_AMOUNT_INVALID,
        _LOOK_UP_ORDER,
        operator=(
            "让订单来源把 paid_fen 写成整数（分）。",
            "Have the source of orders write paid_fen as a whole number of fen.",
        ),
    ),
    Advice(
        _R.PAID_AMOUNT_CHANGED,
        (
            "查改价原因和当前可退余额，再决定退多少。",
            "See why the total changed and what is left, then decide how much.",
        ),
        merchant=(
            "在售后单中说明改价原因。",
            "Say in the ticket why the price was changed.",
        ),
    ),
    Advice(
        _R.PAID_AMOUNT_UNKNOWN,
        _LOOK_UP_ORDER,
        operator=(
            "让订单来源写 paid_fen 和 as_of_ms。",
            "Have the source of orders write paid_fen and as_of_ms.",
        ),
    ),
    Advice(_R.PAID_AMOUNT_STALE, _LOOK_UP_ORDER, operator=_ORDER_FEED_LATE),
    Advice(
        _R.CURRENCY_NOT_CNY,
        (
            "按该币种的退款流程审核。",
            "Decide by the process for that currency.",
        ),
        operator=(
            "应为人民币的，让订单来源写 currency 为 CNY。",
            "If it is yuan, have the source of orders write CNY as currency.",
        ),
    ),
    Advice(
        _R.REFUND_AMOUNT_INVALID,
        (
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
    ),
    Advice(
        _R.BUYER_CANCELLED,
        (
            "按被取消资格买家的流程审核；不要把原因告诉商家或买家。",
            (
                "Decide by the process for buyers who lost the service; tell neither "
                "merchant nor buyer the reason."
            ),
        ),
    ),
    Advice(
        _R.BUYER_LIMITED,
        (
            "按受限买家的流程审核；不要把原因告诉商家或买家。",
            (
                "Decide by the process for limited buyers; tell neither merchant nor buyer "
                "the reason."
            ),
        ),
    ),
    Advice(
        _R.BUYER_QUALITY_REVOKED,
        (
            "查滥用记录后审核；不要把原因告诉商家或买家。",
            (
                "Look at the record of abuse, then decide; tell neither merchant nor buyer "
                "the reason."
            ),
        ),
    ),
    Advice(_R.BUYER_NOT_QUALITY, _IN_CONFIDENCE),
    Advice(
        _R.BUYER_UNKNOWN,
        (
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
    ),
    Advice(
        _R.BUYER_QUALITY_UNKNOWN,
        (
            "在平台查买家的优质标记后审核。",
            "Look the quality mark up on the platform, then decide.",
        ),
        operator=(
            "主题 buyers 没有这位买家可读的记录：检查写入方。",
            "There is no readable record of this buyer in buyers: check who writes it.",
        ),
    ),
    Advice(
        _R.BUYER_QUALITY_STALE,
        (
            "在平台查买家的优质标记后审核。",
            "Look the quality mark up on the platform, then decide.",
        ),
        operator=(
            "买家数据来迟：看主题 buyers 的 refund_watermark_age_seconds。",
            "The feed of buyers is late: see its refund_watermark_age_seconds.",
        ),
    ),
    Advice(
        _R.ORDER_VETOED,
        (
            "查平台为何指定本单，再决定；不要把原因告诉商家或买家。",
            (
                "See why the platform named this order, then decide; tell neither merchant "
                "nor buyer the reason."
            ),
        ),
    ),
    Advice(
        _R.SHOP_EXCLUDED,
        _AS_USUAL,
        merchant=(
            "有疑问请联系平台；商家不能自行开关本服务。",
            "Ask the platform if in doubt; merchants cannot switch the service.",
        ),
        operator=(
            "不该停用的，更正主题 shops 中的记录。",
            "If it should be on, correct the shop's record in shops.",
        ),
    ),
    Advice(
        _R.SHOP_STANDING_RESTRICTED,
        (
            "按普通规则审核，留意店铺的履约情况。",
            "Review it as usual; mind how the shop delivers.",
        ),
        merchant=(
            "处理店铺的违规，恢复后自动退款随之恢复。",
            "Settle the shop's violations; automatic refunds come back with it.",
        ),
    ),
    Advice(
        _R.SHOP_UNKNOWN,
        (
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
    ),
    Advice(
        _R.LISTS_NOT_READY,
        (
            "在平台查买家限制、店铺开关、排除的商品和本单的指定后审核。",
            (
                "Look up by hand: limits of the buyer, switch of the shop, excluded "
                "articles, a veto on the order; then decide."
            ),
        ),
        operator=(
            (
                "看 buyers、shops、catalog、outcomes 的 refund_watermark_age_seconds：一个"
                "分区来迟就会如此。都不迟时，是某条记录的值无法读取。"
            ),
            (
                "See refund_watermark_age_seconds of buyers, shops, catalog and outcomes: "
                "one late partition is enough. If none is late, a record holds a value "
                "that cannot be read."
            ),
        ),
    ),
    Advice(
        _R.PRIOR_REFUND_ON_ORDER,
        (
            "核对本单已退的金额，合计不超过实付再退。",
            (
                "See what was refunded on the order; all refunds together stay within what "
                "was paid."
            ),
        ),
    ),
    Advice(
        _R.OPEN_REFUND_ON_ORDER,
        (
            "与本单另一售后一并处理，不要重复退款。",
            "Decide it together with the other request; refund once.",
        ),
    ),
    Advice(
        _R.PAY_LATER,
        (
            "款项未扣收：取消扣款，而不是退款。",
            "The money was not collected: cancel the collection instead of refunding.",
        ),
    ),
    Advice(
        _R.PRESALE,
        (
            "按预售规则，分定金和尾款处理。",
            "Decide by the rules for pre-sales, deposit and rest apart.",
        ),
    ),
    Advice(
        _R.GROUP_BUY_PENDING,
        (
            "先查拼团结果：未成团的由平台退款。",
            "See how the group buy ended: if it failed, the platform refunds it.",
        ),
    ),
    Advice(
        _R.PAYMENT_RISK_REVIEW,
        (
            "等支付风控有结论后再决定。",
            "Wait for the outcome of the payment's risk review.",
        ),
    ),
    Advice(
        _R.ORDER_RISK_FLAGGED,
        (
            "查风险标记的处理结论；不要把原因告诉商家或买家。",
            (
                "See what became of the risk mark; tell neither merchant nor buyer the "
                "reason."
            ),
        ),
    ),
    Advice(
        _R.ORDER_DETAIL_UNKNOWN,
        _LOOK_UP_ORDER,
        operator=(
            "确认订单已写入 orders，且与申请同一 order_id、同一买家的分区。",
            (
                "See that the order is in orders under the same order_id, in its buyer's "
                "partition."
            ),
        ),
    ),
    Advice(_R.BUYER_COUNT_LIMIT, _IN_CONFIDENCE),
    Advice(_R.BUYER_AMOUNT_QUOTA, _IN_CONFIDENCE),
    Advice(
        _R.ORDER_ALREADY_AUTO_APPROVED,
        (
            "查先前自动通过的款项是否已退，不要重复退款。",
            "See whether the earlier approval was paid; refund once.",
        ),
    ),
    Advice(_R.PAYMENT_AGE_OUTSIDE_WINDOW, _AS_USUAL),
    Advice(
        _R.NOT_REFUND_ONLY,
        (
            "本服务不作决定，按普通售后流程处理。",
            "This service decides nothing; follow the ordinary after-sales process.",
        ),
        merchant=(
            "按普通售后流程处理。",
            "Handle it in the ordinary after-sales process.",
        ),
    ),
    Advice(
        _R.PRICE_PROTECTION,
        (
            "本服务不作决定，按价保流程处理。",
            "This service decides nothing; follow the process of price protection.",
        ),
        merchant=(
            "按价保流程处理。",
            "Handle it in the process of price protection.",
        ),
    ),
    Advice(
        _R.SUPERSEDED_BY_VERSION,
        (
            "关闭本条，处理新版本。",
            "Close this item and work on the newer version.",
        ),
        merchant=("以新版本为准。", "The newer version counts."),
    ),
    Advice(
        _R.REQUEST_WITHDRAWN,
        (
            "关闭本条；先前已通过的版本仍然有效。",
            "Close this item; a version that was approved before stays approved.",
        ),
        merchant=(
            "按售后单的状态处理；先前已通过的不要发货。",
            "Follow the ticket; do not ship what was approved before.",
        ),
    ),
)

ADVICE: Final[Mapping[ReasonCode, Advice]] = MappingProxyType(
    {entry.code: entry for entry in _ALL}
)
"""Every code's advice; complete by test."""
