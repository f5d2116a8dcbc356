"""Rules on the purchase: the order is known, settled and without a risk mark."""

from typing import Final

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.order import (
    GROUP_BUY_PENDING,
    ORDER_DETAIL_UNKNOWN,
    ORDER_RISK_FLAGGED,
    PAY_LATER,
    PAYMENT_RISK_REVIEW,
    PRESALE,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import ABSENT, ASKED, EMPTY, Rule
from streams.processing.reasons import OURS
from streams.processing.rules import Bound, Fact

PAY_LATER_TYPE: Final = 88
GROUP_BUY: Final = 1
RISK_REVIEW: Final = 2


def order_detail(case: Case, _policy: Policy) -> Codes:
    """E-1, E-11: there is a snapshot of exactly this order."""
    return (ORDER_DETAIL_UNKNOWN,) if case.seen.order_absent else ()


def pay_later(case: Case, _policy: Policy) -> Codes:
    """R-12, E-6, E-22: the money has been collected; null means ordinary payment."""
    pay_type = case.seen.pay_type
    if pay_type is None or (type(pay_type) is int and pay_type != PAY_LATER_TYPE):
        return ()
    return (PAY_LATER,)


def presale(case: Case, _policy: Policy) -> Codes:
    """R-12, E-6: no pre-sale of any stage; null means none."""
    stage = case.seen.presale_stage
    return () if stage is None or stage == "none" else (PRESALE,)


def delivery_block(case: Case, _policy: Policy) -> Codes:
    """R-12, E-22: no pending group buy, risk review or unknown block."""
    block = case.seen.delivery_block
    if block is None:
        return ()
    if type(block) is not int:
        return (ORDER_RISK_FLAGGED,)
    if block == 0:
        return ()
    if block == GROUP_BUY:
        return (GROUP_BUY_PENDING,)
    if block == RISK_REVIEW:
        return (PAYMENT_RISK_REVIEW,)
    return (ORDER_RISK_FLAGGED,)


def risk_code(case: Case, _policy: Policy) -> Codes:
    """Case 54, E-22: no risk mark on the order; null and 0 mean none."""
    risk = case.seen.risk_code
    if risk is None or (type(risk) is int and risk == 0):
        return ()
    return (ORDER_RISK_FLAGGED,)


RULES: Final = (
    Rule(
        check=pay_later,
        clause=OURS,
        title=("款项已扣收", "the money has been collected"),
        fact=Fact("pay_type", lambda case: case.seen.pay_type),
        codes=(PAY_LATER,),
        reads_order=True,
        fast=ASKED,
    ),
    Rule(
        check=presale,
        clause=OURS,
        title=("非预售", "no pre-sale"),
        fact=Fact("presale_stage", lambda case: case.seen.presale_stage),
        codes=(PRESALE,),
        reads_order=True,
        needs="presale_stage",
        fast=EMPTY,
    ),
    Rule(
        check=delivery_block,
        clause=OURS,
        title=("无拼团或支付风控等待", "no pending group buy or payment review"),
        fact=Fact("delivery_block", lambda case: case.seen.delivery_block),
        codes=(
            GROUP_BUY_PENDING,
            PAYMENT_RISK_REVIEW,
        ),
        reads_order=True,
        needs="delivery_block",
        fast=EMPTY,
    ),
    Rule(
        check=risk_code,
        clause=OURS,
        title=("无风险标记", "no risk mark on the order"),
        fact=Fact("risk_code", lambda case: case.seen.risk_code),
        codes=(ORDER_RISK_FLAGGED,),
        reads_order=True,
        needs="risk_code",
        fast=EMPTY,
    ),
    Rule(
        check=order_detail,
        clause=OURS,
        title=("订单明细可用", "the order is known"),
        fact=Fact("order", lambda case: not case.seen.order_absent),
        bound=Bound("须为{}", "must be {}", fixed=True),
        codes=(ORDER_DETAIL_UNKNOWN,),
        needs=ABSENT,
        fast=EMPTY,
    ),
)
"""In the order of the rules text."""
