"""Explain: a decision in words, each condition with value, bound and age.

Nothing of this is stored: it is derived from the decision record and the policy that
it names, with the same rules that made the decision.
"""

from streams.decision.explain.conditions import Condition, conditions
from streams.decision.explain.explanation import Explanation, Told, explain
from streams.decision.explain.presentations import PRESENTATIONS

__all__ = (
    "PRESENTATIONS",
    "Condition",
    "Explanation",
    "Told",
    "conditions",
    "explain",
)
