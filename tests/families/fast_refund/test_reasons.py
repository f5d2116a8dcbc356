import re

import pytest

from streams.families.fast_refund import reasons
from streams.families.fast_refund.reasons import REASONS, amount, order
from streams.families.fast_refund.reasons import request as ask


def test_every_code_has_one_entry_and_the_list_is_in_display_order() -> None:
    places = [(entry.rank, entry.code) for entry in REASONS.values()]
    assert places == sorted(places)
    assert len(REASONS) == 62


@pytest.mark.parametrize(
    ("code", "disposition", "outcome"),
    [
        ("FR_ALL_CONDITIONS_MET", "decided", "auto_approve"),
        ("REQUEST_INVALID", "decided", "manual_review"),
        ("PAYMENT_AGE_OUTSIDE_WINDOW", "decided", "manual_review"),
        ("PRICE_PROTECTION", "out_of_scope", None),
        ("REQUEST_WITHDRAWN", "superseded", None),
    ],
)
def test_a_code_says_what_it_leads_to(
    code: str, disposition: str, outcome: str | None
) -> None:
    assert REASONS[code].disposition == disposition
    assert REASONS[code].outcome == outcome


def test_the_rank_of_every_code_agrees_with_what_it_leads_to() -> None:
    """The rules name an outcome by the # of a code: 1, 10 to 89, 90, 91."""
    for row in REASONS.values():
        leads_to = {1: "auto_approve", 90: "out_of_scope", 91: "superseded"}
        expected = leads_to.get(row.rank, "manual_review")
        assert (row.outcome or row.disposition) == expected, row.code
        assert row.rank == 1 or 10 <= row.rank <= 91


def test_a_condition_is_unknown_or_stale_by_the_name_of_its_code() -> None:
    other = {"DEPENDENCY_UNAVAILABLE", "POLICY_NOT_LOADED", "LISTS_NOT_READY"}
    for code, row in REASONS.items():
        by_name = "stale" if code.endswith("_STALE") else "fails"
        unknown = code.endswith("_UNKNOWN") or code in other
        assert row.state == ("unknown" if unknown else by_name), code


@pytest.mark.clause("E-27")
def test_codes_are_listed_once_by_rank_and_then_by_name() -> None:
    given = [
        amount.PAID_AMOUNT_UNKNOWN,
        order.ORDER_STATUS_UNKNOWN,
        amount.PAID_AMOUNT_UNKNOWN,
        amount.PAID_AMOUNT_STALE,
        ask.REQUEST_INVALID,
    ]
    listed = REASONS.in_order(given)
    assert listed == (
        "REQUEST_INVALID",
        "ORDER_STATUS_UNKNOWN",
        "PAID_AMOUNT_STALE",
        "PAID_AMOUNT_UNKNOWN",
    )
    assert {type(code) for code in listed} == {str}


@pytest.mark.parametrize(
    ("limit_fen", "shown"),
    [(30_000, "300"), (30_050, "300.50"), (1, "0.01"), (5, "0.05"), (100, "1")],
)
def test_the_limit_is_worded_in_yuan(limit_fen: int, shown: str) -> None:
    code = "PAID_AT_OR_OVER_LIMIT"
    assert reasons.reviewer_text(code, limit_fen) == f"实付金额未低于限额{shown}元"
    assert reasons.merchant_text(code, limit_fen) == f"实付金额未低于限额{shown}元"
    assert f" {shown} yuan" in reasons.reviewer_text_en(code, limit_fen)


def test_without_a_policy_the_limit_is_left_open() -> None:
    code = "PAID_AT_OR_OVER_LIMIT"
    assert reasons.reviewer_text(code, None) == "实付金额未低于限额"
    assert reasons.reviewer_text_en(code, None).endswith("is not below the limit")


def test_a_negative_amount_keeps_its_sign() -> None:
    assert reasons.yuan(-12_345) == "-123.45"


def test_merchants_are_told_nothing_about_the_buyer() -> None:
    hidden = {entry.code for entry in REASONS.values() if entry.reviewers_only}
    assert hidden == {
        "BUYER_CANCELLED",
        "BUYER_LIMITED",
        "BUYER_QUALITY_REVOKED",
        "BUYER_NOT_QUALITY",
        "ORDER_VETOED",
        "ORDER_RISK_FLAGGED",
        "BUYER_COUNT_LIMIT",
        "BUYER_AMOUNT_QUOTA",
    }
    for code in hidden:
        assert reasons.merchant_text(code, None) == "该申请按平台规则转人工审核。"
        assert reasons.merchant_text_en(code, None) == reasons.MERCHANT_GENERAL_EN
        assert reasons.reviewer_text(code, None) != reasons.MERCHANT_GENERAL_ZH
    assert reasons.merchant_text("ORDER_SHIPPED", None) == "后台显示已发货"
    assert reasons.merchant_text_en("PRESALE", None) == "pre-sale order"


def test_every_code_says_what_to_do_in_both_languages() -> None:
    for row in REASONS.values():
        for zh, en in filter(None, (row.reviewer, row.merchant, row.operator)):
            assert re.search("[一-鿿]", zh)
            assert zh.endswith("。")
            assert not re.search("[一-鿿]", en)
            assert en[0].isupper()
            assert en.endswith(".")


def test_advice_to_merchants_tells_nothing_about_the_buyer() -> None:
    for entry in REASONS.values():
        if entry.reviewers_only:
            assert entry.merchant is None
            assert "不要把原因告诉商家或买家" in entry.reviewer[0]
            assert "neither merchant nor buyer" in entry.reviewer[1]


@pytest.mark.parametrize("code", ["NO_SUCH_CODE", "", "买家"])
def test_a_code_of_a_newer_version_is_told_as_such(code: str) -> None:
    assert REASONS.get(code) is None
    assert reasons.reviewer_text(code, None) == f"本版本不认识的代码{code}"
    assert (
        reasons.reviewer_text_en(code, 1)
        == f"{code}, a code this version does not know"
    )
    assert reasons.merchant_text(code, None) == reasons.MERCHANT_GENERAL_ZH
    assert reasons.merchant_text_en(code, None) == reasons.MERCHANT_GENERAL_EN
    assert reasons.buyer_text([code, "ORDER_SHIPPED"], "manual_review").name == "B1"


@pytest.mark.parametrize("outcome", ["manual_review", None])
def test_no_code_tells_a_buyer_that_a_refund_is_approved_when_it_is_not(
    outcome: str | None,
) -> None:
    for code in (*REASONS, "NO_SUCH_CODE"):
        assert reasons.buyer_text([code], outcome).name != "B0"
        assert reasons.buyer_text([code], "auto_approve").name == "B0"


@pytest.mark.parametrize(
    ("codes", "name"),
    [
        (["FR_ALL_CONDITIONS_MET"], "B0"),
        (["REQUEST_INVALID", "ORDER_SHIPPED"], "B1"),
        (["HISTORY_UNAVAILABLE"], "B1"),
        (["SKU_UNKNOWN"], "B1"),
        (["ORDER_SHIPPED", "BUYER_NOT_QUALITY"], "B2"),
        (["SHIP_SIGNAL_PRESENT"], "B2"),
        (["ORDER_STATUS_OTHER"], "B1"),
        (["NOT_REFUND_ONLY"], "B3"),
        (["SUPERSEDED_BY_VERSION"], "B4"),
        ([], "B1"),
    ],
)
def test_the_buyer_is_told_the_text_of_the_first_code(
    codes: list[str], name: str
) -> None:
    first = REASONS.get(codes[0]) if codes else None
    outcome = first.outcome if first else "manual_review"
    assert reasons.buyer_text(codes, outcome).name == name


@pytest.mark.clause("FR-Q5")
def test_an_approval_is_worded_with_the_fixed_notice() -> None:
    assert reasons.reviewer_text("FR_ALL_CONDITIONS_MET", None) == reasons.NOTICE_ZH
    assert reasons.NOTICE_ZH.startswith(
        "系统提示：这笔发货前的仅退款已由平台自动同意。"
    )
    assert reasons.NOTICE_ZH.endswith("本单也达到极速退款的各项要求。")
