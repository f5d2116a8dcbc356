"""How each rule is presented: clause, fact, words, value, bound and age.

One row a rule, complete by test. The module is long because it is one table.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from streams.families.fast_refund.explain.words import Language, duration, value_words
from streams.families.fast_refund.model import Seen
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.amount import (
    CURRENCY_NOT_CNY,
    PAID_AMOUNT_CHANGED,
    PAID_AMOUNT_INVALID,
    PAID_AMOUNT_STALE,
    PAID_AMOUNT_UNKNOWN,
    PAID_AT_OR_OVER_LIMIT,
    REFUND_AMOUNT_INVALID,
)
from streams.families.fast_refund.reasons.buyer import (
    BUYER_CANCELLED,
    BUYER_LIMITED,
    BUYER_NOT_QUALITY,
    BUYER_QUALITY_REVOKED,
    BUYER_QUALITY_STALE,
    BUYER_QUALITY_UNKNOWN,
    BUYER_UNKNOWN,
    ORDER_VETOED,
)
from streams.families.fast_refund.reasons.goods import (
    CATEGORY_CUSTOM,
    CATEGORY_EXCLUDED,
    CATEGORY_STALE,
    CATEGORY_UNKNOWN,
    CATEGORY_VIRTUAL,
    SKU_EXCLUDED,
    SKU_UNKNOWN,
)
from streams.families.fast_refund.reasons.order import (
    GROUP_BUY_PENDING,
    ORDER_DETAIL_UNKNOWN,
    ORDER_PARTLY_SHIPPED,
    ORDER_RISK_FLAGGED,
    ORDER_SHIPPED,
    ORDER_STATUS_CONFLICT,
    ORDER_STATUS_OTHER,
    ORDER_STATUS_STALE,
    ORDER_STATUS_UNKNOWN,
    PAY_LATER,
    PAYMENT_RISK_REVIEW,
    PRESALE,
    SHIP_SIGNAL_PRESENT,
)
from streams.families.fast_refund.reasons.prior_refunds import (
    BUYER_AMOUNT_QUOTA,
    BUYER_COUNT_LIMIT,
    OPEN_REFUND_ON_ORDER,
    ORDER_ALREADY_AUTO_APPROVED,
    PAYMENT_AGE_OUTSIDE_WINDOW,
    PRIOR_REFUND_ON_ORDER,
)
from streams.families.fast_refund.reasons.request import (
    EVENT_IN_FUTURE,
    EVENT_TIME_UNKNOWN,
    NOT_REFUND_ONLY,
    PRICE_PROTECTION,
    REFUND_KIND_UNKNOWN,
    REQUEST_EDITED_AFTER_APPROVAL,
    REQUEST_INVALID,
    REQUEST_MISROUTED,
    REQUEST_WITHDRAWN,
    SUPERSEDED_BY_VERSION,
)
from streams.families.fast_refund.reasons.service import (
    BREAKER_OPEN,
    DEPENDENCY_UNAVAILABLE,
    LISTS_NOT_READY,
    POLICY_NOT_LOADED,
    SERVICE_PAUSED,
)
from streams.families.fast_refund.reasons.shop import (
    SHOP_EXCLUDED,
    SHOP_STANDING_RESTRICTED,
    SHOP_UNKNOWN,
)
from streams.families.fast_refund.rules import (
    Check,
    amount,
    buyer,
    goods,
    order,
    prior_refunds,
    request,
    shop,
)
from streams.families.fast_refund.rules.case import Case
from streams.processing.reasons import Reasons

Read: TypeAlias = Callable[[Case], object]


class Bound(msgspec.Struct, frozen=True):
    """What a value is held against, with the words that say how."""

    zh: str
    """``{}`` stands for the value of each key."""
    en: str
    keys: tuple[str, ...] = ()
    """Keys of the policy."""
    seen: str | None = None
    """A field of ``seen``, in place of policy keys."""
    fixed: object = None
    """In place of either: a value that never changes."""

    def value(self, seen: Seen, policy: Policy | None) -> object:
        """Return the bound; None when it is off, or its policy is not there."""
        if self.seen is not None:
            return getattr(seen, self.seen)
        if not self.keys:
            return self.fixed
        if policy is None:
            return None
        values = tuple(getattr(policy, key) for key in self.keys)
        return values if len(values) > 1 else values[0]

    def words(
        self, seen: Seen, policy: Policy | None, language: Language
    ) -> str | None:
        """Return the bound in words; None when there is nothing to add."""
        value = self.value(seen, policy)
        if value is None or isinstance(value, bool):  # the condition's words say it
            return None
        names = self.keys or (self.seen or "",)
        values = value if len(names) > 1 and isinstance(value, tuple) else (value,)
        said = (
            _said(name, one, language) for name, one in zip(names, values, strict=True)
        )
        return (self.zh if language == "zh" else self.en).format(*said)


def _said(name: str, value: object, language: Language) -> str:
    """Put one value of a bound into words: ms are lengths of time here."""
    if value is None:
        return "…"
    if name.endswith("_ms") and type(value) is int:
        return duration(value, language)
    return value_words(name, value, language)


class Presentation(msgspec.Struct, frozen=True):
    """How one rule is presented."""

    clause: str
    fact: str
    zh: str
    """What holds when the condition holds."""
    en: str
    value: Read
    bound: Bound | None = None
    age_ms: Read | None = None
    max_age: str | None = None
    """The policy key of the longest age, ms."""
    codes: Reasons = ()
    """Codes that are told here when no policy is at hand to run the rules again: every
    code of a rule stands in one row."""

    @property
    def needs_policy(self) -> bool:
        """Whether part of the rule cannot run without a policy (E-16)."""
        return self.max_age is not None or (
            self.bound is not None and bool(self.bound.keys)
        )


def _shipped(seen: Seen) -> dict[str, object]:
    return {
        "order_status": order.effective_status(seen),
        "shipped_counts": seen.shipped_counts,
        "quantities": seen.quantities,
    }


def _goods(seen: Seen) -> dict[str, object]:
    return {
        "category_path": seen.paths,
        "is_custom": seen.customs,
        "order_type": seen.order_type,
    }


def _pause(seen: Seen) -> object:
    pause = seen.pause
    return {"published_at_ms": pause} if isinstance(pause, int) else pause


KEPT: Final = Presentation(
    "FR-1.4b",
    "total_changed_at_ms",
    "申请后订单金额未变动",
    "the total did not change after the request",
    lambda case: case.seen.total_changed_at_ms,
    codes=(PAID_AMOUNT_CHANGED,),
)
LISTS: Final = Presentation(
    "FR-1.7",
    "lists_as_of_ms",
    "名单数据已加载且未过期",
    "the lists are loaded and fresh",
    lambda case: case.seen.lists_as_of_ms,
    age_ms=lambda case: case.lists_age_ms,
    max_age="lists_max_age_ms",
    codes=(LISTS_NOT_READY,),
)

PRESENTATIONS: Final[dict[Check, Presentation]] = {
    request.request_shape: Presentation(
        "ours",
        "request",
        "申请格式正确",
        "the request is well formed",
        lambda case: {
            "action": case.seen.action,
            "refund_version": case.refund_version,
            "faults": case.seen.request_faults,
        },
        codes=(REQUEST_INVALID,),
    ),
    request.event_time: Presentation(
        "ours",
        "requested_at_ms",
        "申请时间有效",
        "the request is dated, and not ahead of our clock",
        lambda case: case.requested_at_ms,
        bound=Bound(
            "最多晚于判断时间{}", "at most {} after the decision", ("future_skew_ms",)
        ),
        codes=(
            EVENT_TIME_UNKNOWN,
            EVENT_IN_FUTURE,
        ),
    ),
    request.route: Presentation(
        "ours",
        "expected_partition",
        "申请位于买家所属分区",
        "the request is in its buyer's partition",
        lambda case: case.seen.expected_partition,
        codes=(REQUEST_MISROUTED,),
    ),
    request.refund_kind: Presentation(
        "FR-Q1",
        "refund_kind",
        "仅退款且非价保",
        "refund-only and no price protection",
        lambda case: {
            "refund_kind": case.seen.refund_kind,
            "special_refund_type": case.seen.special_refund_type,
        },
        bound=Bound("须为{}", "must be {}", ("in_scope_kinds",)),
        codes=(
            REFUND_KIND_UNKNOWN,
            NOT_REFUND_ONLY,
            PRICE_PROTECTION,
        ),
    ),
    request.version: Presentation(
        "ours",
        "refund_version",
        "为最新版本且未撤回",
        "the newest version, not withdrawn",
        lambda case: case.refund_version,
        codes=(
            SUPERSEDED_BY_VERSION,
            REQUEST_WITHDRAWN,
        ),
    ),
    request.edited_after_approval: Presentation(
        "ours",
        "approved_before",
        "此前版本未曾通过",
        "no earlier version was approved",
        lambda case: (
            case.seen.history is not None and case.seen.history.approved_before
        ),
        bound=Bound("须为{}", "must be {}", fixed=False),
        codes=(REQUEST_EDITED_AFTER_APPROVAL,),
    ),
    request.policy_in_force: Presentation(
        "ours",
        "policy",
        "规则已生效",
        "a policy is in force",
        lambda _: None,
        codes=(POLICY_NOT_LOADED,),
    ),
    request.service_running: Presentation(
        "FR-Q3",
        "service_paused",
        "服务未暂停",
        "the service is not paused",
        lambda _: True,
        bound=Bound("须为{}", "must be {}", fixed=False),
        codes=(SERVICE_PAUSED,),
    ),
    request.service_not_paused: Presentation(
        "FR-Q3",
        "pause",
        "运营未暂停服务",
        "the operator has not paused the service",
        lambda case: _pause(case.seen),
    ),
    request.breaker: Presentation(
        "ours",
        "breaker",
        "限额保护未触发",
        "no breaker is open",
        lambda case: case.seen.breaker,
        codes=(BREAKER_OPEN,),
    ),
    request.look_ups: Presentation(
        "ours",
        "unavailable",
        "查询服务可用",
        "every look-up answered",
        lambda case: case.seen.unavailable,
        codes=(DEPENDENCY_UNAVAILABLE,),
    ),
    order.order_status: Presentation(
        "FR-1.4c",
        "order_status",
        "订单未发货",
        "the order is unshipped",
        lambda case: _shipped(case.seen),
        Bound(
            "须为 {}，且没有已发件",
            "must be {}, and no piece shipped",
            fixed=order.PAID,
        ),
        age_ms=lambda case: case.order_age_ms,
        max_age="order_status_max_age_ms",
        codes=(
            ORDER_SHIPPED,
            ORDER_PARTLY_SHIPPED,
            ORDER_STATUS_CONFLICT,
            ORDER_STATUS_OTHER,
            ORDER_STATUS_UNKNOWN,
            ORDER_STATUS_STALE,
        ),
    ),
    order.ship_signals: Presentation(
        "FR-1.6",
        "ship_signals",
        "无面单或揽收记录",
        "no waybill and no pick-up yet",
        lambda case: case.seen.ship_signals,
        codes=(SHIP_SIGNAL_PRESENT,),
    ),
    goods.category: Presentation(
        "FR-1.2b",
        "category_path",
        "不含定制或虚拟商品",
        "neither custom-made nor virtual goods",
        lambda case: _goods(case.seen),
        bound=Bound("不含{}", "none of {}", ("excluded_roots",)),
        codes=(
            CATEGORY_CUSTOM,
            CATEGORY_VIRTUAL,
            CATEGORY_UNKNOWN,
        ),
    ),
    goods.category_tree: Presentation(
        "FR-1.7(2)b",
        "catalog",
        "类目支持本服务",
        "every category has fast refund",
        lambda case: case.seen.listed,
        age_ms=lambda case: case.tree_age_ms,
        max_age="category_max_age_ms",
        codes=(
            CATEGORY_EXCLUDED,
            CATEGORY_STALE,
        ),
    ),
    goods.sku: Presentation(
        "FR-1.7(2)b",
        "sku_id",
        "商品支持本服务",
        "every item has fast refund",
        lambda case: case.seen.skus,
        codes=(SKU_EXCLUDED,),
    ),
    goods.sku_known: Presentation(
        "FR-1.7(2)b",
        "sku_id",
        "商品编号齐全",
        "every line names its article",
        lambda case: case.seen.skus,
        codes=(SKU_UNKNOWN,),
    ),
    amount.paid_amount: Presentation(
        "FR-1.4b",
        "paid_fen",
        "实付金额低于限额",
        "the order was paid less than the limit",
        lambda case: case.seen.paid_fen,
        bound=Bound("须低于{}", "must be below {}", ("paid_limit_fen",)),
        age_ms=lambda case: case.order_age_ms,
        max_age="paid_amount_max_age_ms",
        codes=(
            PAID_AT_OR_OVER_LIMIT,
            PAID_AMOUNT_INVALID,
            PAID_AMOUNT_UNKNOWN,
            PAID_AMOUNT_STALE,
        ),
    ),
    amount.paid_amount_kept: KEPT,
    amount.currency: Presentation(
        "FR-1.4b",
        "currency",
        "币种为人民币",
        "the currency is CNY",
        lambda case: case.seen.currency,
        Bound("须为 {}", "must be {}", fixed=amount.CURRENCY),
        codes=(CURRENCY_NOT_CNY,),
    ),
    amount.refund_amount: Presentation(
        "ours",
        "refund_fen",
        "申请金额有效",
        "the amount asked is within what is left",
        lambda case: case.refund_fen,
        Bound(
            "须大于 0，最多{}",
            "must be above 0, at most {}",
            seen="refundable_left_fen",
        ),
        codes=(REFUND_AMOUNT_INVALID,),
    ),
    buyer.buyer: Presentation(
        "FR-1.4a",
        "buyer_id",
        "买家身份明确",
        "it is known who the buyer is",
        lambda case: case.buyer_id,
        codes=(BUYER_UNKNOWN,),
    ),
    buyer.buyer_limits: Presentation(
        "FR-1.7(1)b",
        "buyer_limits",
        "买家未被限制",
        "the buyer is not limited",
        lambda case: case.seen.limits,
        codes=(
            BUYER_CANCELLED,
            BUYER_LIMITED,
        ),
    ),
    buyer.buyer_quality: Presentation(
        "FR-1.4a",
        "buyer_quality",
        "买家属于平台优质用户",
        "the buyer is a quality user",
        lambda case: {
            "requested_at": case.seen.quality,
            "decided_at": case.seen.quality_now,
        },
        Bound("须为 {}", "must be {}", fixed=buyer.QUALITY),
        age_ms=lambda case: case.buyer_age_ms,
        max_age="quality_max_age_ms",
        codes=(
            BUYER_QUALITY_REVOKED,
            BUYER_NOT_QUALITY,
            BUYER_QUALITY_UNKNOWN,
            BUYER_QUALITY_STALE,
        ),
    ),
    buyer.order_veto: Presentation(
        "FR-1.7(1)a",
        "order_veto",
        "平台未指定人工审核",
        "the platform asked for no review of this order",
        lambda case: case.seen.order_vetoed,
        codes=(ORDER_VETOED,),
    ),
    shop.shop: Presentation(
        "FR-1.2a",
        "shop_id",
        "店铺明确",
        "it is known which shop it is",
        lambda case: case.shop_id,
        codes=(SHOP_UNKNOWN,),
    ),
    shop.shop_eligible: Presentation(
        "FR-1.7(2)a",
        "shop_standing",
        "店铺支持本服务",
        "the shop has the service",
        lambda case: {
            "enabled": case.seen.shop_enabled,
            "standing": case.seen.shop_standing,
        },
        bound=Bound(
            "须好于 {}", "must be better than {}", ("standing_gate_min_level",)
        ),
        codes=(
            SHOP_EXCLUDED,
            SHOP_STANDING_RESTRICTED,
        ),
    ),
    shop.lists: LISTS,
    prior_refunds.other_refunds: Presentation(
        "ours",
        "history",
        "本单无其他退款",
        "no other refund on the order",
        lambda case: case.seen.history,
        codes=(
            PRIOR_REFUND_ON_ORDER,
            OPEN_REFUND_ON_ORDER,
        ),
    ),
    order.pay_later: Presentation(
        "ours",
        "pay_type",
        "款项已扣收",
        "the money has been collected",
        lambda case: case.seen.pay_type,
        codes=(PAY_LATER,),
    ),
    order.presale: Presentation(
        "ours",
        "presale_stage",
        "非预售",
        "no pre-sale",
        lambda case: case.seen.presale_stage,
        codes=(PRESALE,),
    ),
    order.delivery_block: Presentation(
        "ours",
        "delivery_block",
        "无拼团或支付风控等待",
        "no pending group buy or payment review",
        lambda case: case.seen.delivery_block,
        codes=(
            GROUP_BUY_PENDING,
            PAYMENT_RISK_REVIEW,
        ),
    ),
    order.risk_code: Presentation(
        "ours",
        "risk_code",
        "无风险标记",
        "no risk mark on the order",
        lambda case: case.seen.risk_code,
        codes=(ORDER_RISK_FLAGGED,),
    ),
    order.order_detail: Presentation(
        "ours",
        "order",
        "订单明细可用",
        "the order is known",
        lambda case: not case.seen.order_absent,
        bound=Bound("须为{}", "must be {}", fixed=True),
        codes=(ORDER_DETAIL_UNKNOWN,),
    ),
    prior_refunds.buyer_count: Presentation(
        "ours",
        "auto_count",
        "买家自动退款次数未达上限",
        "the buyer is below the count of automatic refunds",
        lambda case: case.seen.history.auto_count if case.seen.history else 0,
        bound=Bound("须少于{}次", "must be below {}", ("buyer_count_max",)),
        codes=(BUYER_COUNT_LIMIT,),
    ),
    prior_refunds.buyer_amount: Presentation(
        "ours",
        "auto_fen",
        "买家自动退款额度充足",
        "used and asked stay within the buyer's quota",
        lambda case: case.seen.history.auto_fen if case.seen.history else 0,
        bound=Bound(
            "与申请合计最多{}",
            "with what is asked at most {}",
            ("buyer_amount_quota_fen",),
        ),
        codes=(BUYER_AMOUNT_QUOTA,),
    ),
    prior_refunds.one_auto_approval: Presentation(
        "ours",
        "approved_on_order",
        "本单未曾自动通过",
        "no automatic approval on the order before",
        lambda case: (
            case.seen.history is not None and case.seen.history.approved_on_order
        ),
        bound=Bound("须为{}", "must be {}", fixed=False),
        codes=(ORDER_ALREADY_AUTO_APPROVED,),
    ),
    prior_refunds.payment_age: Presentation(
        "ours",
        "paid_at_ms",
        "付款时长在范围内",
        "the time since payment is in the window",
        lambda case: case.seen.paid_at_ms,
        bound=Bound(
            "须在申请前{}至{}付款",
            "must be paid {} to {} before the request",
            ("payment_age_min_ms", "payment_age_max_ms"),
        ),
        codes=(PAYMENT_AGE_OUTSIDE_WINDOW,),
    ),
}
"""Every rule's presentation; complete by test."""
