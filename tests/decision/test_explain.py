import msgspec
import pytest

from streams.decision.explain import TOPICS, Condition, conditions, explain
from streams.decision.model import Catalog, Decision, History
from streams.decision.policy import Policy
from streams.decision.reasons import NOTICE_EN, NOTICE_ZH, ReasonCode
from streams.decision.rules import RULES
from tests.decision.base import NOW, SHIPPED, facts, judge, policy, request


def of(decision: Decision, name: str, by: Policy | None = SHIPPED) -> Condition:
    return next(found for found in conditions(decision, by) if found.name == name)


def test_every_rule_can_be_presented() -> None:
    assert list(TOPICS) == [rule.check for rule in RULES]
    for topic in TOPICS.values():
        assert topic.clause == "ours" or topic.clause.startswith("FR-")


def test_an_approval_shows_every_condition_holding_and_the_notice() -> None:
    told = explain(judge(), SHIPPED)
    assert {found.state for found in told.conditions} == {"holds"}
    assert told.notice_zh == NOTICE_ZH
    assert told.notice_en == NOTICE_EN
    assert told.reviewer_zh == (NOTICE_ZH,)
    assert told.buyer_zh == "退款已通过，款项将退回付款账户"


def test_a_condition_shows_value_bound_and_age() -> None:
    decision = judge(known=facts({"paid_fen": 30_000}, order_as_of_ms=NOW - 59_000))
    found = of(decision, "paid_amount")
    assert found.clause == "FR-1.4b"
    assert (found.value, found.bound) == (30_000, 30_000)
    assert (found.age_ms, found.max_age_ms) == (59_000, 60_000)
    assert found.state == "fails"
    assert found.reason_codes == ("PAID_AT_OR_OVER_LIMIT",)
    assert found.zh == "实付金额低于限额：实付金额未低于限额300元"
    assert found.en.endswith(": the amount paid is not below the limit of 300 yuan")


@pytest.mark.parametrize(
    ("changes", "name", "state"),
    [
        ({"order_as_of_ms": NOW - 60_001}, "order_status", "stale"),
        ({"order_as_of_ms": None}, "order_status", "unknown"),
        ({"lists_as_of_ms": NOW - 60_001}, "lists", "stale"),
        ({"lists_as_of_ms": None}, "lists", "unknown"),
        ({"order_vetoed": "?"}, "order_veto", "unknown"),
        ({"order_vetoed": True}, "order_veto", "fails"),
        ({"catalog": None}, "category_tree", "unknown"),
        ({"catalog": Catalog({"sku:k-1": 1}, NOW)}, "sku", "fails"),
        ({"unavailable": ("weather",)}, "look_ups", "unknown"),
        ({"history": History(approved_before=True)}, "edited_after_approval", "fails"),
        ({"history": History(open_refund=True)}, "other_refunds", "fails"),
        ({"breaker": "shop"}, "breaker", "fails"),
    ],
)
def test_a_condition_fails_or_is_unknown_or_stale(
    changes: dict[str, object], name: str, state: str
) -> None:
    decision = judge(known=facts(**changes))
    assert of(decision, name).state == state


def test_what_fails_outweighs_what_is_stale() -> None:
    decision = judge(known=facts({"order_status": "shipped"}, order_as_of_ms=1))
    assert of(decision, "order_status").state == "fails"


def test_without_the_order_what_reads_it_is_not_evaluated() -> None:
    found = conditions(judge(known=facts(None)), SHIPPED)
    skipped = {each.name for each in found if each.state == "not_evaluated"}
    assert skipped == {
        rule.check.__name__ for rule in RULES if rule.reads_order and rule.on is None
    }
    assert of(judge(known=facts(None)), "paid_amount").value is None
    assert of(judge(known=facts(None)), "order_detail").state == "unknown"


def test_without_a_policy_what_needs_one_is_not_evaluated() -> None:
    decision = judge(by=None)
    assert of(decision, "policy_in_force", None).state == "unknown"
    assert of(decision, "paid_amount", None).state == "not_evaluated"
    assert of(decision, "paid_amount", None).bound is None
    assert of(decision, "paid_amount", None).max_age_ms is None
    assert of(decision, "currency", None).state == "holds"


def test_without_a_request_time_a_changed_total_is_not_evaluated() -> None:
    decision = judge(request(requested_at_ms=None))
    assert of(decision, "paid_amount_kept").state == "not_evaluated"


def test_options_that_are_on_are_conditions_too() -> None:
    by = policy(
        service_paused=True,
        waybill_soft_veto=True,
        buyer_count_max=2,
        buyer_count_window_ms=1,
        buyer_amount_quota_fen=30_000,
        buyer_amount_window_ms=1,
        one_auto_approval_per_order=True,
        payment_age_max_ms=5_000,
    )
    history = History(approved_on_order=True, auto_count=2, auto_fen=20_000)
    decision = judge(known=facts({"picked_up_at_ms": 5}, history=history), by=by)
    shown = {found.name: found for found in conditions(decision, by)}
    assert set(shown) == {rule.check.__name__ for rule in RULES} - {"policy_in_force"}
    assert shown["buyer_count"].value == 2
    assert shown["buyer_count"].bound == 2
    assert shown["buyer_amount"].value == 20_000
    assert shown["payment_age"].bound == (None, 5_000)
    failing = {name for name, found in shown.items() if found.state == "fails"}
    assert failing == {
        "service_running",
        "ship_signals",
        "buyer_count",
        "buyer_amount",
        "one_auto_approval",
        "payment_age",
    }
    quiet = {found.name: found for found in conditions(judge(by=by), by)}
    assert quiet["buyer_count"].value == 0
    assert quiet["buyer_amount"].value == 0
    assert quiet["one_auto_approval"].value is False


def test_merchants_and_buyers_learn_nothing_about_the_buyer() -> None:
    decision = judge(known=facts(buyer=None, order_vetoed=True))
    decision = msgspec.structs.replace(
        decision, reason_codes=("BUYER_LIMITED", "BUYER_NOT_QUALITY", "SHOP_UNKNOWN")
    )
    told = explain(decision, SHIPPED)
    assert told.merchant_zh == ("该申请按平台规则转人工审核。", "店铺信息缺失")
    assert len(told.merchant_en) == 2
    assert told.reviewer_zh[0] == "买家处于限制期"
    assert told.reviewer_en[2] == "which shop it is cannot be told"
    assert told.buyer_en == "We have your request and are reviewing it."
    assert told.notice_zh is None
    assert told.notice_en is None


def test_a_decision_read_back_is_explained_the_same() -> None:
    decision = judge(known=facts({"paths": (["custom"], 5)}, unavailable=("lists",)))
    back = msgspec.json.decode(msgspec.json.encode(decision), type=Decision)
    assert msgspec.json.encode(explain(back, SHIPPED)) == msgspec.json.encode(
        explain(decision, SHIPPED)
    )


def test_a_decision_without_what_was_seen_has_texts_only() -> None:
    printed = msgspec.structs.replace(judge(), seen=None)
    assert explain(printed, None).conditions == ()
    assert explain(printed, None).reviewer_zh == (NOTICE_ZH,)


def test_a_follow_up_of_a_failed_payout_has_its_words() -> None:
    failed = msgspec.structs.replace(
        judge(), outcome="manual_review", reason_codes=(ReasonCode.REFUND_FAILED.value,)
    )
    assert explain(failed, SHIPPED).reviewer_zh == ("退款打款失败，请处理",)
