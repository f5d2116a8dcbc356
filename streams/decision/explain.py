"""Explain: a decision in words, each condition with value, bound and age.

Nothing of this is stored: it is derived from the decision record and the policy
version it names, with the same rules that made the decision.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from streams.decision import reasons
from streams.decision.engine import AUTO_APPROVE, asked
from streams.decision.model import Decision, Seen
from streams.decision.policy import Policy
from streams.decision.reasons import ReasonCode
from streams.decision.rules import (
    RULES,
    Check,
    Rule,
    active_rules,
    amount,
    buyer,
    earlier,
    goods,
    order,
    request,
    shop,
)
from streams.decision.rules.case import Case, Codes, case_of

HOLDS: Final = "holds"
FAILS: Final = "fails"
UNKNOWN: Final = "unknown"
STALE: Final = "stale"
NOT_EVALUATED: Final = "not_evaluated"

Read: TypeAlias = Callable[[Case], object]
Bound: TypeAlias = Callable[[Policy], object]


class Topic(msgspec.Struct, frozen=True):
    """How one rule is presented."""

    clause: str
    fact: str
    zh: str
    en: str
    value: Read
    bound: object = None
    """What the value is held against: a fixed value, or read from the policy."""
    limit: Bound | None = None
    age_ms: Read | None = None
    max_age_ms: Bound | None = None

    @property
    def needs_policy(self) -> bool:
        """Whether part of the rule cannot run without a policy (E-16)."""
        return self.limit is not None or self.max_age_ms is not None


class Condition(msgspec.Struct, frozen=True):
    """One condition of a decision, for people."""

    name: str
    """The rule's function."""
    clause: str
    fact: str
    value: object
    bound: object
    age_ms: int | None
    max_age_ms: int | None
    state: str
    """``holds``, ``fails``, ``unknown``, ``stale`` or ``not_evaluated``."""
    reason_codes: tuple[str, ...]
    zh: str
    en: str


class Explanation(msgspec.Struct, frozen=True):
    """A decision in words."""

    decision_id: str
    disposition: str
    outcome: str | None
    policy: str | None
    decided_at_ms: int
    conditions: tuple[Condition, ...]
    reviewer_zh: tuple[str, ...]
    """One line a listed code, for platform reviewers."""
    reviewer_en: tuple[str, ...]
    merchant_zh: tuple[str, ...]
    """The same for merchants: nothing about the buyer, no line twice."""
    merchant_en: tuple[str, ...]
    buyer_zh: str
    buyer_en: str
    notice_zh: str | None
    """N1 on an automatic approval, else None (FR-Q5)."""
    notice_en: str | None


def explain(decision: Decision, policy: Policy | None) -> Explanation:
    """Put a decision into words.

    Parameters
    ----------
    decision
        As made, or as read back from its record. Without ``seen`` there are texts
        but no conditions.
    policy
        The version the decision names; None when it names none.
    """
    codes = decision.reason_codes
    limit_fen = None if policy is None else policy.paid_limit_fen
    approved = decision.outcome == AUTO_APPROVE
    told = reasons.buyer_text(codes, decision.outcome)
    merchant_zh = [reasons.merchant_text(code, limit_fen) for code in codes]
    merchant_en = [reasons.merchant_text_en(code, limit_fen) for code in codes]
    return Explanation(
        decision.decision_id,
        decision.disposition,
        decision.outcome,
        decision.policy,
        decision.decided_at_ms,
        conditions(decision, policy),
        tuple(reasons.reviewer_text(code, limit_fen) for code in codes),
        tuple(reasons.reviewer_text_en(code, limit_fen) for code in codes),
        tuple(dict.fromkeys(merchant_zh)),
        tuple(dict.fromkeys(merchant_en)),
        told.zh,
        told.en,
        reasons.NOTICE_ZH if approved else None,
        reasons.NOTICE_EN if approved else None,
    )


def conditions(decision: Decision, policy: Policy | None) -> tuple[Condition, ...]:
    """Run the rules again, one by one; options that are off are left out."""
    seen = decision.seen
    if seen is None:
        return ()
    case = case_of(asked(decision, seen), seen, policy, decision.decided_at_ms)
    running = [rule for rule in RULES if rule.on is None or rule.on(policy)]
    return tuple(_condition(rule, case, policy) for rule in running)


def _condition(rule: Rule, case: Case, policy: Policy | None) -> Condition:
    topic = TOPICS[rule.check]
    skipped = rule.reads_order and case.seen.order_absent
    codes: Codes = () if skipped else rule.check(case, active_rules(policy).policy)
    state = NOT_EVALUATED if skipped else _state(topic, codes, case)
    listed = reasons.in_order(codes)
    limit_fen = None if policy is None else policy.paid_limit_fen
    why_zh = "；".join(reasons.reviewer_text(code, limit_fen) for code in listed)
    why_en = "; ".join(reasons.reviewer_text_en(code, limit_fen) for code in listed)
    age_ms = topic.age_ms(case) if topic.age_ms is not None else None
    return Condition(
        rule.check.__name__,
        topic.clause,
        topic.fact,
        None if skipped else topic.value(case),
        _bound(topic, policy),
        age_ms if isinstance(age_ms, int) and not skipped else None,
        _max_age_ms(topic, policy),
        state,
        listed,
        f"{topic.zh}：{why_zh}" if listed else topic.zh,
        f"{topic.en}: {why_en}" if listed else topic.en,
    )


def _state(topic: Topic, codes: Codes, case: Case) -> str:
    """Sum up a rule's codes: what fails outweighs what is unknown, that what is stale."""
    if not codes:
        skipped = topic.needs_policy and not case.has_policy
        skipped = skipped or (topic is KEPT and case.requested_at_ms is None)
        return NOT_EVALUATED if skipped else HOLDS
    states = {_state_of(code, topic, case) for code in codes}
    return next(state for state in (FAILS, UNKNOWN, STALE) if state in states)


def _state_of(code: ReasonCode, topic: Topic, case: Case) -> str:
    if code.endswith("_STALE"):
        return STALE
    if code is ReasonCode.LISTS_NOT_READY:
        return STALE if topic is LISTS and case.lists_age_ms is not None else UNKNOWN
    return UNKNOWN if code.endswith("_UNKNOWN") or code in NOT_KNOWN else FAILS


NOT_KNOWN: Final = (ReasonCode.DEPENDENCY_UNAVAILABLE, ReasonCode.POLICY_NOT_LOADED)


def _bound(topic: Topic, policy: Policy | None) -> object:
    if topic.limit is None:
        return topic.bound
    return None if policy is None else topic.limit(policy)


def _max_age_ms(topic: Topic, policy: Policy | None) -> int | None:
    if topic.max_age_ms is None or policy is None:
        return None
    value = topic.max_age_ms(policy)
    return value if isinstance(value, int) else None


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


KEPT: Final = Topic(
    "FR-1.4b",
    "total_changed_at_ms",
    "申请后订单金额未变动",
    "the total did not change after the request",
    lambda case: case.seen.total_changed_at_ms,
)
LISTS: Final = Topic(
    "FR-1.7",
    "lists_as_of_ms",
    "名单数据已加载且未过期",
    "the lists are loaded and fresh",
    lambda case: case.seen.lists_as_of_ms,
    age_ms=lambda case: case.lists_age_ms,
    max_age_ms=lambda policy: policy.lists_max_age_ms,
)

TOPICS: Final[dict[Check, Topic]] = {
    request.request_shape: Topic(
        "ours",
        "request",
        "申请格式正确",
        "the request is well formed",
        lambda case: {
            "action": case.seen.action,
            "refund_version": case.refund_version,
            "faults": case.seen.request_faults,
        },
    ),
    request.event_time: Topic(
        "ours",
        "requested_at_ms",
        "申请时间有效",
        "the request is dated, and not ahead of our clock",
        lambda case: case.requested_at_ms,
        limit=lambda policy: policy.future_skew_ms,
    ),
    request.route: Topic(
        "ours",
        "expected_partition",
        "申请位于买家所属分区",
        "the request is in its buyer's partition",
        lambda case: case.seen.expected_partition,
    ),
    request.refund_kind: Topic(
        "FR-Q1",
        "refund_kind",
        "仅退款且非价保",
        "refund-only and no price protection",
        lambda case: {
            "refund_kind": case.seen.refund_kind,
            "special_refund_type": case.seen.special_refund_type,
        },
        limit=lambda policy: policy.in_scope_kinds,
    ),
    request.version: Topic(
        "ours",
        "refund_version",
        "为最新版本且未撤回",
        "the newest version, not withdrawn",
        lambda case: case.refund_version,
    ),
    request.edited_after_approval: Topic(
        "ours",
        "approved_before",
        "此前版本未曾通过",
        "no earlier version was approved",
        lambda case: (
            case.seen.history is not None and case.seen.history.approved_before
        ),
        bound=False,
    ),
    request.policy_in_force: Topic(
        "ours", "policy", "规则已生效", "a policy is in force", lambda _: None
    ),
    request.service_running: Topic(
        "FR-Q3",
        "service_paused",
        "服务未暂停",
        "the service is not paused",
        lambda _: True,
        bound=False,
    ),
    request.service_not_paused: Topic(
        "FR-Q3",
        "pause",
        "运营未暂停服务",
        "the operator has not paused the service",
        lambda case: case.seen.pause,
    ),
    request.breaker: Topic(
        "ours",
        "breaker",
        "限额保护未触发",
        "no breaker is open",
        lambda case: case.seen.breaker,
    ),
    request.look_ups: Topic(
        "ours",
        "unavailable",
        "查询服务可用",
        "every look-up answered",
        lambda case: case.seen.unavailable,
    ),
    order.order_status: Topic(
        "FR-1.4c",
        "order_status",
        "订单未发货",
        "the order is unshipped",
        lambda case: _shipped(case.seen),
        order.PAID,
        age_ms=lambda case: case.order_age_ms,
        max_age_ms=lambda policy: policy.order_status_max_age_ms,
    ),
    order.ship_signals: Topic(
        "FR-1.6",
        "ship_signals",
        "无面单或揽收记录",
        "no waybill and no pick-up yet",
        lambda case: case.seen.ship_signals,
    ),
    goods.category: Topic(
        "FR-1.2b",
        "category_path",
        "不含定制或虚拟商品",
        "neither custom-made nor virtual goods",
        lambda case: _goods(case.seen),
        limit=lambda policy: policy.excluded_roots,
    ),
    goods.category_tree: Topic(
        "FR-1.7(2)b",
        "catalog",
        "类目支持本服务",
        "every category has fast refund",
        lambda case: case.seen.listed,
        age_ms=lambda case: case.tree_age_ms,
        max_age_ms=lambda policy: policy.category_max_age_ms,
    ),
    goods.sku: Topic(
        "FR-1.7(2)b",
        "sku_id",
        "商品支持本服务",
        "every item has fast refund",
        lambda case: case.seen.skus,
    ),
    amount.paid_amount: Topic(
        "FR-1.4b",
        "paid_fen",
        "实付金额低于限额",
        "the order was paid less than the limit",
        lambda case: case.seen.paid_fen,
        limit=lambda policy: policy.paid_limit_fen,
        age_ms=lambda case: case.order_age_ms,
        max_age_ms=lambda policy: policy.paid_amount_max_age_ms,
    ),
    amount.paid_amount_kept: KEPT,
    amount.currency: Topic(
        "FR-1.4b",
        "currency",
        "币种为人民币",
        "the currency is CNY",
        lambda case: case.seen.currency,
        amount.CURRENCY,
    ),
    amount.refund_amount: Topic(
        "ours",
        "refund_fen",
        "申请金额有效",
        "the amount asked is within what is left",
        lambda case: case.refund_fen,
        "refundable_left_fen",
    ),
    buyer.buyer: Topic(
        "FR-1.4a",
        "buyer_id",
        "买家身份明确",
        "it is known who the buyer is",
        lambda case: case.buyer_id,
    ),
    buyer.buyer_limits: Topic(
        "FR-1.7(1)b",
        "buyer_limits",
        "买家未被限制",
        "the buyer is not limited",
        lambda case: case.seen.limits,
    ),
    buyer.buyer_quality: Topic(
        "FR-1.4a",
        "buyer_quality",
        "买家属于平台优质用户",
        "the buyer is a quality user",
        lambda case: {
            "requested_at": case.seen.quality,
            "decided_at": case.seen.quality_now,
        },
        buyer.QUALITY,
        age_ms=lambda case: case.buyer_age_ms,
        max_age_ms=lambda policy: policy.quality_max_age_ms,
    ),
    buyer.order_veto: Topic(
        "FR-1.7(1)a",
        "order_veto",
        "平台未指定人工审核",
        "the platform asked for no review of this order",
        lambda case: case.seen.order_vetoed,
    ),
    shop.shop: Topic(
        "FR-1.2a",
        "shop_id",
        "店铺明确",
        "it is known which shop it is",
        lambda case: case.shop_id,
    ),
    shop.shop_eligible: Topic(
        "FR-1.7(2)a",
        "shop_standing",
        "店铺支持本服务",
        "the shop has the service",
        lambda case: {
            "enabled": case.seen.shop_enabled,
            "standing": case.seen.shop_standing,
        },
        limit=lambda policy: policy.standing_gate_min_level,
    ),
    shop.lists: LISTS,
    earlier.other_refunds: Topic(
        "ours",
        "history",
        "本单无其他退款",
        "no other refund on the order",
        lambda case: case.seen.history,
    ),
    order.pay_later: Topic(
        "ours",
        "pay_type",
        "款项已扣收",
        "the money has been collected",
        lambda case: case.seen.pay_type,
    ),
    order.presale: Topic(
        "ours",
        "presale_stage",
        "非预售",
        "no pre-sale",
        lambda case: case.seen.presale_stage,
    ),
    order.delivery_block: Topic(
        "ours",
        "delivery_block",
        "无拼团或支付风控等待",
        "no pending group buy or payment review",
        lambda case: case.seen.delivery_block,
    ),
    order.risk_code: Topic(
        "ours",
        "risk_code",
        "无风险标记",
        "no risk mark on the order",
        lambda case: case.seen.risk_code,
    ),
    order.order_detail: Topic(
        "ours",
        "order",
        "订单明细可用",
        "the order is known",
        lambda case: not case.seen.order_absent,
        bound=True,
    ),
    earlier.buyer_count: Topic(
        "ours",
        "auto_count",
        "买家自动退款次数未达上限",
        "the buyer is below the count of automatic refunds",
        lambda case: case.seen.history.auto_count if case.seen.history else 0,
        limit=lambda policy: policy.buyer_count_max,
    ),
    earlier.buyer_amount: Topic(
        "ours",
        "auto_fen",
        "买家自动退款额度充足",
        "used and asked stay within the buyer's quota",
        lambda case: case.seen.history.auto_fen if case.seen.history else 0,
        limit=lambda policy: policy.buyer_amount_quota_fen,
    ),
    earlier.one_auto_approval: Topic(
        "ours",
        "approved_on_order",
        "本单未曾自动通过",
        "no automatic approval on the order before",
        lambda case: (
            case.seen.history is not None and case.seen.history.approved_on_order
        ),
        bound=False,
    ),
    earlier.payment_age: Topic(
        "ours",
        "paid_at_ms",
        "付款时长在范围内",
        "the time since payment is in the window",
        lambda case: case.seen.paid_at_ms,
        limit=lambda policy: (policy.payment_age_min_ms, policy.payment_age_max_ms),
    ),
}
"""Every rule's presentation; complete by test."""
