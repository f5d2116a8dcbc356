"""What every reason code means: one row a code, and the order of display.

The module is long because the closed list stands in it as one table.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from streams.families.fast_refund.reasons.codes import ReasonCode

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


class Reason(msgspec.Struct, frozen=True):
    """What one code means.

    ``rank`` is the # of the rules: display order, and with it the outcome the code
    leads to. ``clause`` is the clause behind it, ``ours`` where there is none.
    """

    code: ReasonCode
    rank: int
    clause: str
    zh: str
    """Wording for reviewers, and for merchants unless ``reviewers_only``."""
    en: str
    reviewers_only: bool = False
    """It would tell a merchant something about the buyer (the dagger of the rules)."""

    @property
    def disposition(self) -> str:
        """``decided``, ``out_of_scope`` or ``superseded``."""
        if self.rank == SUPERSEDED_RANK:
            return "superseded"
        return "out_of_scope" if self.rank == OUT_OF_SCOPE_RANK else "decided"

    @property
    def outcome(self) -> str | None:
        """``auto_approve``, ``manual_review``, or None where nothing is decided."""
        if self.disposition != "decided":
            return None
        return "auto_approve" if self.rank == APPROVED_RANK else "manual_review"


APPROVED_RANK: Final = 1
SHIPPED_RANKS: Final = range(20, 24)
OUT_OF_SCOPE_RANK: Final = 90
SUPERSEDED_RANK: Final = 91

_R = ReasonCode
_ALL: Final = (
    Reason(_R.FR_ALL_CONDITIONS_MET, 1, "FR-1.4", NOTICE_ZH, NOTICE_EN),
    Reason(
        _R.REQUEST_INVALID,
        10,
        "ours",
        "申请数据格式有误",
        "the request has a field of a wrong type or lacks version or action",
    ),
    Reason(
        _R.EVENT_TIME_UNKNOWN,
        11,
        "ours",
        "申请时间缺失",
        "the time of the request is missing",
    ),
    Reason(
        _R.EVENT_IN_FUTURE,
        12,
        "ours",
        "申请时间晚于系统时间",
        "the request is dated later than our clock allows",
    ),
    Reason(
        _R.HISTORY_UNAVAILABLE,
        12,
        "ours",
        "申请早于可查记录，请核对是否已处理",
        "older than the decisions still known; check whether it was handled before",
    ),
    Reason(
        _R.REQUEST_MISROUTED,
        12,
        "ours",
        "申请写入了错误分区，请核对",
        "the request was written to another partition than its buyer's; please check",
    ),
    Reason(
        _R.REFUND_KIND_UNKNOWN,
        13,
        "FR-Q1",
        "售后类型缺失",
        "the after-sales kind is missing or unknown",
    ),
    Reason(
        _R.REQUEST_EDITED_AFTER_APPROVAL,
        14,
        "ours",
        "自动通过后申请又被修改，请核对是否已退款",
        "edited after an approval; check whether the money has gone back",
    ),
    Reason(
        _R.REFUND_FAILED,
        15,
        "ours",
        "退款打款失败，请处理",
        "the payout failed; please handle it",
    ),
    Reason(
        _R.POLICY_NOT_LOADED,
        16,
        "ours",
        "规则未加载，暂转人工",
        "no policy is in force",
    ),
    Reason(
        _R.SERVICE_PAUSED,
        17,
        "FR-Q3",
        "平台已暂停自动退款",
        "the platform has paused automatic refunds",
    ),
    Reason(
        _R.BREAKER_OPEN,
        18,
        "ours",
        "自动退款触发限额保护",
        "a breaker on automatic refunds is open",
    ),
    Reason(
        _R.DEPENDENCY_UNAVAILABLE,
        19,
        "ours",
        "查询服务不可用",
        "a look-up that the decision needs did not answer",
    ),
    Reason(
        _R.ORDER_SHIPPED,
        20,
        "FR-1.4c",
        "后台显示已发货",
        "the back end shows the order as shipped",
    ),
    Reason(
        _R.ORDER_PARTLY_SHIPPED,
        21,
        "FR-1.4c",
        "部分商品已发货",
        "part of the order has been shipped",
    ),
    Reason(
        _R.ORDER_STATUS_CONFLICT,
        22,
        "FR-1.4c",
        "发货状态来源不一致",
        "the sources of the shipping status disagree",
    ),
    Reason(
        _R.SHIP_SIGNAL_PRESENT,
        23,
        "FR-1.6",
        "已有面单或揽收记录，请核实",
        "there is a waybill or a pick-up already; please check",
    ),
    Reason(
        _R.ORDER_STATUS_OTHER,
        24,
        "FR-1.4c",
        "订单未付款或已关闭",
        "the order is unpaid or closed",
    ),
    Reason(
        _R.ORDER_STATUS_UNKNOWN,
        25,
        "FR-1.4c",
        "发货状态缺失",
        "the shipping status is missing or unknown",
    ),
    Reason(
        _R.ORDER_STATUS_STALE,
        25,
        "FR-1.4c",
        "发货状态已过期",
        "the shipping status is too old",
    ),
    Reason(
        _R.CATEGORY_CUSTOM,
        30,
        "FR-1.2b",
        "含定制商品",
        "the order holds custom-made goods",
    ),
    Reason(
        _R.CATEGORY_VIRTUAL,
        31,
        "FR-1.2b",
        "含虚拟商品",
        "the order holds virtual goods",
    ),
    Reason(
        _R.CATEGORY_EXCLUDED,
        32,
        "FR-1.7(2)b",
        "商品类目不支持本服务",
        "a category in the order has no fast refund",
    ),
    Reason(
        _R.SKU_EXCLUDED,
        33,
        "FR-1.7(2)b",
        "商品不支持本服务",
        "an item in the order has no fast refund",
    ),
    Reason(
        _R.CATEGORY_UNKNOWN,
        34,
        "FR-1.2b",
        "类目缺失",
        "a category or the category tree is missing",
    ),
    Reason(
        _R.CATEGORY_STALE,
        34,
        "FR-1.2b",
        "类目数据已过期",
        "the category tree is too old",
    ),
    Reason(
        _R.SKU_UNKNOWN,
        34,
        "FR-1.7(2)b",
        "商品编号缺失",
        "a line names no article while articles are excluded",
    ),
    Reason(
        _R.PAID_AT_OR_OVER_LIMIT,
        40,
        "FR-1.4b",
        "实付金额未低于限额{limit}元",
        "the amount paid is not below the limit of {limit} yuan",
    ),
    Reason(
        _R.PAID_AMOUNT_INVALID,
        41,
        "FR-1.4b",
        "实付金额不是正整数(分)",
        "the amount paid is no positive whole number of fen",
    ),
    Reason(
        _R.PAID_AMOUNT_CHANGED,
        42,
        "FR-1.4b",
        "申请后订单金额有变动",
        "the order total changed after the request",
    ),
    Reason(
        _R.PAID_AMOUNT_UNKNOWN,
        43,
        "FR-1.4b",
        "实付金额缺失",
        "the amount paid is missing",
    ),
    Reason(
        _R.PAID_AMOUNT_STALE,
        43,
        "FR-1.4b",
        "实付金额已过期",
        "the amount paid is too old",
    ),
    Reason(
        _R.CURRENCY_NOT_CNY, 44, "FR-1.4b", "币种不是人民币", "the currency is not CNY"
    ),
    Reason(
        _R.REFUND_AMOUNT_INVALID,
        45,
        "ours",
        "申请金额无效或超出可退余额",
        "the amount asked is invalid or above what is left to refund",
    ),
    Reason(
        _R.BUYER_CANCELLED,
        50,
        "FR-1.7(1)b",
        "买家已被取消本服务资格",
        "the buyer has lost this service",
        reviewers_only=True,
    ),
    Reason(
        _R.BUYER_LIMITED,
        51,
        "FR-1.7(1)b",
        "买家处于限制期",
        "the buyer is limited at present",
        reviewers_only=True,
    ),
    Reason(
        _R.BUYER_QUALITY_REVOKED,
        52,
        "FR-1.7(1)b",
        "优质资格因滥用被撤销",
        "the quality mark was revoked for abuse",
        reviewers_only=True,
    ),
    Reason(
        _R.BUYER_NOT_QUALITY,
        53,
        "FR-1.4a",
        "买家不在优质用户范围",
        "the buyer is not one of the quality users",
        reviewers_only=True,
    ),
    Reason(
        _R.BUYER_UNKNOWN,
        54,
        "FR-1.4a",
        "买家身份缺失",
        "who the buyer is cannot be told",
    ),
    Reason(
        _R.BUYER_QUALITY_UNKNOWN,
        55,
        "FR-1.4a",
        "优质标记缺失",
        "the quality mark is missing or unknown",
    ),
    Reason(
        _R.BUYER_QUALITY_STALE,
        55,
        "FR-1.4a",
        "优质标记已过期",
        "the quality mark is too old",
    ),
    Reason(
        _R.ORDER_VETOED,
        56,
        "FR-1.7(1)a",
        "平台指定本单人工审核",
        "the platform wants this order reviewed by a person",
        reviewers_only=True,
    ),
    Reason(
        _R.SHOP_EXCLUDED,
        60,
        "FR-1.7(2)a, FR-Q3",
        "平台已对本店停用本服务",
        "the platform has switched this shop off",
    ),
    Reason(
        _R.SHOP_STANDING_RESTRICTED,
        61,
        "FR-1.7(2)a",
        "店铺违规情况需人工审核",
        "the standing of the shop needs a person",
    ),
    Reason(
        _R.SHOP_UNKNOWN,
        62,
        "FR-1.2a",
        "店铺信息缺失",
        "which shop it is cannot be told",
    ),
    Reason(
        _R.LISTS_NOT_READY,
        63,
        "FR-1.7",
        "名单数据未就绪",
        "the lists are not loaded, too old or unreadable",
    ),
    Reason(
        _R.PRIOR_REFUND_ON_ORDER,
        70,
        "ours",
        "本单已有退款",
        "the order has had a refund",
    ),
    Reason(
        _R.OPEN_REFUND_ON_ORDER,
        71,
        "ours",
        "本单另有处理中的售后",
        "another request on the order is open",
    ),
    Reason(
        _R.PAY_LATER,
        72,
        "ours",
        "先用后付，款项尚未扣收",
        "pay-later: the money has not been collected",
    ),
    Reason(_R.PRESALE, 73, "ours", "预售订单", "pre-sale order"),
    Reason(
        _R.GROUP_BUY_PENDING, 74, "ours", "拼团未完成", "the group buy is not complete"
    ),
    Reason(
        _R.PAYMENT_RISK_REVIEW,
        75,
        "ours",
        "支付风控审核中",
        "the payment is under risk review",
    ),
    Reason(
        _R.ORDER_RISK_FLAGGED,
        76,
        "ours",
        "订单有风险标记",
        "the order carries a risk mark",
        reviewers_only=True,
    ),
    Reason(
        _R.ORDER_DETAIL_UNKNOWN,
        77,
        "ours",
        "订单明细缺失",
        "the order itself is missing",
    ),
    Reason(
        _R.BUYER_COUNT_LIMIT,
        80,
        "ours",
        "买家自动退款次数达上限",
        "the buyer has had the most automatic refunds allowed",
        reviewers_only=True,
    ),
    Reason(
        _R.BUYER_AMOUNT_QUOTA,
        81,
        "ours",
        "买家自动退款额度不足",
        "the refund would pass the quota of the buyer",
        reviewers_only=True,
    ),
    Reason(
        _R.ORDER_ALREADY_AUTO_APPROVED,
        82,
        "ours",
        "本单已自动通过一次",
        "the order was approved automatically before",
    ),
    Reason(
        _R.PAYMENT_AGE_OUTSIDE_WINDOW,
        83,
        "ours",
        "付款时长不在范围内",
        "the time since payment is outside the window",
    ),
    Reason(
        _R.NOT_REFUND_ONLY,
        90,
        "FR-Q1",
        "非仅退款，不适用本服务",
        "not refund-only; outside this service",
    ),
    Reason(
        _R.PRICE_PROTECTION,
        90,
        "FR-Q1",
        "价保退款，不适用本服务",
        "price protection; outside this service",
    ),
    Reason(
        _R.SUPERSEDED_BY_VERSION, 91, "ours", "已有新版本", "there is a newer version"
    ),
    Reason(_R.REQUEST_WITHDRAWN, 91, "ours", "买家已撤回", "the buyer withdrew it"),
)

REASONS: Final[Mapping[ReasonCode, Reason]] = MappingProxyType(
    {
        entry.code: entry
        for entry in sorted(_ALL, key=lambda entry: (entry.rank, entry.code))
    }
)
"""Every code in display order: by rank, then by name."""

_NAMES: Final = frozenset(code.value for code in REASONS)
_PLACE: Final = {code: place for place, code in enumerate(REASONS)}


def reason(code: str) -> Reason:
    """Look a code up.

    Raises
    ------
    ValueError
        The text is no reason code.
    """
    return REASONS[ReasonCode(code)]


def find(code: str) -> Reason | None:
    """Look a code up; None when it is not in the list."""
    return REASONS[ReasonCode(code)] if code in _NAMES else None


def in_order(codes: Iterable[ReasonCode]) -> tuple[str, ...]:
    """Return codes once each, in display order, as plain strings."""
    return tuple(code.value for code in sorted(set(codes), key=_PLACE.__getitem__))
