"""The row of a fast-refund rule: the common row plus when it runs and its fast path."""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.rules.case import Case
from streams.processing import rules

FastAnswer: TypeAlias = Literal["asked", "empty", "full_path"]
"""How the fast path answers a rule.

``asked``: the fast path checks its condition for every request. ``empty``: it gives no
reason, because a request takes the fast path only while the field that the rule needs
is empty. ``full_path``: under a policy that runs it there is no fast path.
"""

ASKED: Final = "asked"
EMPTY: Final = "empty"
FULL_PATH: Final = "full_path"

ABSENT: Final = "order_absent"
"""Value of ``needs`` for a rule that applies only without an order."""


class Rule(rules.Rule[Case, Policy], frozen=True, kw_only=True):
    """One rule: when it runs, its texts, and how the fast path answers it."""

    fast: FastAnswer
    """Required in every row. Tests make each rule object and check the fast path
    against it."""
    reads_order: bool = False
    """E-1: not evaluated without a snapshot of the order."""
    on: Callable[[Policy | None], bool] | None = None
    """Whether the policy runs it; None = always."""
    needs: str | None = None
    """A field of ``seen``, of :data:`~streams.families.fast_refund.rules.UNUSUAL` or
    :data:`ABSENT`; without that field the rule holds."""
