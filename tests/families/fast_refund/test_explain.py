import msgspec
import pytest

from streams.families.fast_refund.explain import conditions, explain
from streams.families.fast_refund.explain.labels import LABELS
from streams.families.fast_refund.model import UNWRITABLE, Catalog, Decision, History
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.reasons import NOTICE_EN, NOTICE_ZH, REASONS
from streams.families.fast_refund.rules import RULES
from streams.processing.conditions import STATES, Condition
from streams.processing.words import duration, value_words
from tests.families.fast_refund.base import NOW, SHIPPED, facts, judge, policy, request


def of(decision: Decision, name: str, by: Policy | None = SHIPPED) -> Condition:
    return next(found for found in conditions(decision, by) if found.name == name)


def test_every_rule_says_how_it_is_told() -> None:
    assert len({rule.check for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.clause == "ours" or rule.clause.startswith("FR-")
        assert all(rule.title)
        assert rule.fact.name
        assert rule.fact.value is not None
        for key in rule.policy_keys:
            assert key in POLICY.fields


def test_every_code_that_a_rule_gives_stands_in_one_row() -> None:
    codes = [one.code for rule in RULES for one in rule.codes]
    assert len(codes) == len(set(codes))
    assert set(REASONS) - set(codes) == {
        "FR_ALL_CONDITIONS_MET",
        "HISTORY_UNAVAILABLE",  # no rule gives it yet
        "REFUND_FAILED",  # it follows an outcome record
    }


@pytest.mark.clause("FR-Q5")
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


def test_an_age_that_cannot_be_written_is_left_out() -> None:
    """E-35: the moment can be read, and lies as far back as a moment can."""
    long_ago = judge(known=facts(buyer_as_of_ms=1 - UNWRITABLE))
    found = of(long_ago, "buyer_quality")
    assert (found.state, found.age_ms) == ("stale", None)
    assert msgspec.json.encode(explain(long_ago, SHIPPED))


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
        ({"catalog": Catalog({"sku:k-1": (1,)}, NOW)}, "sku", "fails"),
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
        judge(), outcome="manual_review", reason_codes=("REFUND_FAILED",)
    )
    assert explain(failed, SHIPPED).reviewer_zh == ("退款打款失败，请处理",)


def test_what_fails_is_told_first_and_what_holds_last() -> None:
    known = facts(
        {"order_status": "shipped", "risk_code": 1}, buyer=None, lists_as_of_ms=1
    )
    told = [found.state for found in conditions(judge(known=known), SHIPPED)]
    assert told == sorted(told, key=STATES.index)
    assert {"fails", "unknown", "stale", "holds"} <= set(told)


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({"paid_fen": 20_000}, {"paid_limit_fen": 20_000}),
        ({"paid_fen": 10}, {"paid_amount_max_age_ms": 1}),
        ({"order_status": "shipped"}, {}),
    ],
)
def test_without_the_policy_that_judged_all_is_told_as_recorded(
    changes: dict[str, object], limit: dict[str, object]
) -> None:
    by = policy(version=7, **limit)
    decision = judge(known=facts(changes, order_as_of_ms=NOW - 2), by=by)
    told = explain(decision, None)
    assert told.policy_at_hand is False
    assert "policy_in_force" not in {one.name for one in told.conditions}
    given = {code for one in told.conditions for code in one.reason_codes}
    assert given == set(decision.reason_codes)
    with_policy = {one.name: one.state for one in conditions(decision, by)}
    assert {one.name: one.state for one in told.conditions} == with_policy
    assert all(one.bound_en is None for one in told.conditions if one.name == "lists")
    paid = next(one for one in told.conditions if one.name == "paid_amount")
    assert (paid.bound, paid.bound_en, paid.max_age_ms) == (None, None, None)


def test_an_option_that_refused_is_told_without_its_policy_too() -> None:
    by = policy(buyer_count_max=1, buyer_count_window_ms=10, service_paused=True)
    decision = judge(known=facts(history=History(auto_count=1)), by=by)
    told = {one.name: one.state for one in conditions(decision, None)}
    assert told["buyer_count"] == told["service_running"] == "fails"
    assert "buyer_amount" not in told


def test_a_request_without_outcome_says_nothing_of_other_codes() -> None:
    decision = judge(request(refund_kind="exchange"), facts({"paid_fen": 99_999}))
    told = {one.name: one.state for one in conditions(decision, None)}
    assert told["refund_kind"] == "fails"
    assert set(told.values()) == {"fails", "not_evaluated"}


def test_a_policy_that_is_named_and_not_at_hand_is_never_called_none() -> None:
    decision = judge(by=policy(version=7))
    assert explain(decision, None).policy_at_hand is False
    assert explain(decision, policy(version=7)).policy_at_hand is True
    assert explain(judge(by=None), None).policy_at_hand is True


def test_a_review_that_carries_the_code_of_an_approval_is_told_as_a_review() -> None:
    odd = msgspec.structs.replace(judge(), outcome="manual_review")
    told = explain(odd, SHIPPED)
    assert told.buyer_zh == "申请已收到，正在审核"
    assert told.merchant_zh == ("该申请按平台规则转人工审核。",)
    assert "自相矛盾" in told.reviewer_zh[0]
    assert told.notice_zh is None
    assert "approved" not in told.buyer_en + told.merchant_en[0]


def test_a_code_of_a_newer_version_is_told_as_such() -> None:
    odd = msgspec.structs.replace(
        judge(), outcome="manual_review", reason_codes=("NO_SUCH_CODE", "ORDER_SHIPPED")
    )
    told = explain(odd, SHIPPED)
    assert told.reviewer_en[0] == "NO_SUCH_CODE, a code this version does not know"
    assert (told.reasons[0].clause, told.reasons[0].operator_en) == (None, None)
    assert told.merchant_zh[0] == "该申请按平台规则转人工审核。"
    assert told.buyer_en == "We have your request and are reviewing it."
    assert of(odd, "order_status").state == "fails"


def test_a_listed_code_says_what_to_do() -> None:
    (told,) = explain(judge(known=facts(lists_as_of_ms=None)), SHIPPED).reasons
    assert (told.code, told.clause) == ("LISTS_NOT_READY", "FR-1.7")
    assert told.reviewer_en.startswith("Look up by hand")
    assert "refund_watermark_age_seconds" in (told.operator_zh or "")


@pytest.mark.parametrize(
    ("ms", "en", "zh"),
    [
        (0, "0 s", "0秒"),
        (7, "0.007 s", "0.007秒"),
        (59_500, "59.5 s", "59.5秒"),
        (60_000, "1 min", "1分"),
        (60_001, "1 min 0.001 s", "1分0.001秒"),
        (86_400_001, "24 h 0.001 s", "24小时0.001秒"),
        (-3_000, "-3 s", "-3秒"),
    ],
)
def test_a_length_of_time_is_told_in_hours_minutes_and_seconds(
    ms: int, en: str, zh: str
) -> None:
    assert (duration(ms, "en"), duration(ms, "zh")) == (en, zh)


@pytest.mark.parametrize(
    ("name", "value", "en"),
    [
        ("paid_fen", 30_005, "300.05 yuan"),
        ("paid_fen", -5, "-0.05 yuan"),
        ("paid_fen", "199.00", '"199.00"'),
        ("paid_fen", 199.5, "199.5"),
        ("paid_fen", True, "yes"),
        ("at_ms", 1_773_800_100_007, "2026-03-18 02:15:00.007 UTC"),
        ("at_ms", 10**30, f"{10**30} ms"),
        ("x", None, "none"),
        ("x", (), "none"),
        ("x", History(), "none"),
        ("x", History(auto_fen=100), "auto 1.00 yuan"),
        ("x", {"order_status": "paid", "n": None}, "order status paid"),
        ("x", (("a", "b"), "c", 5), "a/b, c, 5"),
        ("x", 5.5, "5.5"),
    ],
)
def test_a_value_is_told_in_its_unit_and_a_wrong_one_as_it_came(
    name: str, value: object, en: str
) -> None:
    assert value_words(name, value, "en") == en


def test_parts_of_a_fact_have_names_in_both_languages() -> None:
    parts = {"order_status": "paid", "is_custom": (True, False)}
    assert value_words("x", parts, "zh", LABELS) == "订单状态 paid，定制 是、否"
    assert value_words("x", {}, "zh") == "无"
