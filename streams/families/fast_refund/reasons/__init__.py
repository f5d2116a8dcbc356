"""Reason codes: the closed list, its order of display, and what people are told.

A code is never invented elsewhere: a rule returns members of :class:`ReasonCode`,
everything a code means stands in :data:`REASONS`, and what people can do about it in
:data:`ADVICE`. Three audiences read three texts: reviewers the plain wording, merchants
the same unless the code would tell on a buyer, buyers one of five sentences that
disclose no list, threshold or score.
"""

from streams.families.fast_refund.reasons.advice import ADVICE, Advice
from streams.families.fast_refund.reasons.codes import ReasonCode
from streams.families.fast_refund.reasons.table import (
    NOTICE_EN,
    NOTICE_ZH,
    REASONS,
    Reason,
    find,
    in_order,
    reason,
)
from streams.families.fast_refund.reasons.texts import (
    MERCHANT_GENERAL_EN,
    MERCHANT_GENERAL_ZH,
    BuyerText,
    buyer_text,
    merchant_text,
    merchant_text_en,
    reviewer_text,
    reviewer_text_en,
    yuan,
)

__all__ = (
    "ADVICE",
    "MERCHANT_GENERAL_EN",
    "MERCHANT_GENERAL_ZH",
    "NOTICE_EN",
    "NOTICE_ZH",
    "REASONS",
    "Advice",
    "BuyerText",
    "Reason",
    "ReasonCode",
    "buyer_text",
    "find",
    "in_order",
    "merchant_text",
    "merchant_text_en",
    "reason",
    "reviewer_text",
    "reviewer_text_en",
    "yuan",
)
