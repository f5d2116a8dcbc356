"""Rules on other refunds of the order."""

from typing import Final

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.prior_refunds import (
    OPEN_REFUND_ON_ORDER,
    PRIOR_REFUND_ON_ORDER,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import EMPTY, Rule
from streams.processing.reasons import OURS
from streams.processing.rules import Fact


def other_refunds(case: Case, _policy: Policy) -> Codes:
    """R-11, E-21: no other refund of the order is paid, being paid or open."""
    history = case.seen.history
    if history is None:
        return ()
    codes: Codes = ()
    if history.prior_refund:
        codes = (PRIOR_REFUND_ON_ORDER,)
    if history.open_refund:
        codes += (OPEN_REFUND_ON_ORDER,)
    return codes


RULES: Final = (
    Rule(
        check=other_refunds,
        clause=OURS,
        title=("本单无其他退款", "no other refund on the order"),
        fact=Fact("history", lambda case: case.seen.history),
        codes=(
            PRIOR_REFUND_ON_ORDER,
            OPEN_REFUND_ON_ORDER,
        ),
        needs="history",
        fast=EMPTY,
    ),
)
"""In the order of the rules text."""
