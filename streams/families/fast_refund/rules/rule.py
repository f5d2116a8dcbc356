"""The row of a rule of the fast refund: what it says besides what every rule says."""

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.rules.case import Case
from streams.processing import rules

FastAnswer: TypeAlias = Literal["asked", "empty", "full_path"]
"""How the fast path answers a rule.

``asked``: its own conditions are asked of every request. ``empty``: it cannot speak, for a
request takes the fast path only while the field that the rule needs is empty.
``full_path``: under a policy that runs it there is no fast path.
"""

ASKED: Final = "asked"
EMPTY: Final = "empty"
FULL_PATH: Final = "full_path"

ABSENT: Final = "order_absent"
"""What a rule needs that speaks only when there is no order."""


class Rule(rules.Rule[Case, Policy], frozen=True, kw_only=True):
    """One rule: when it runs, how it is told, how the fast path answers it."""

    fast: FastAnswer
    """Said by every row. Tests let each rule object and hold the fast path against it."""
    reads_order: bool = False
    """E-1: not evaluated without a snapshot of the order."""
    on: Callable[[Policy | None], bool] | None = None
    """None = always; otherwise whether the policy asks for it."""
    needs: str | None = None
    """A field of ``seen``, of :data:`~streams.families.fast_refund.rules.UNUSUAL` or
    :data:`ABSENT`; without it the rule holds."""
