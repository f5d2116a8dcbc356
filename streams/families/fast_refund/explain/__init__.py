"""Explain decisions in words: each condition with value, bound and age.

No explanation is stored: it is derived from the decision record and the policy that it
names, by the same rules that made the decision.
"""

from streams.families.fast_refund.explain.conditions import conditions
from streams.families.fast_refund.explain.explainer import FastRefundExplainer
from streams.families.fast_refund.explain.explanation import Explanation, explain

__all__ = ("Explanation", "FastRefundExplainer", "conditions", "explain")
