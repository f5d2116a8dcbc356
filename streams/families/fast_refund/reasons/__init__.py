"""Reason codes of the fast refund: one row per code, with its texts.

There is no code outside these rows: a rule returns rows of the modules in this folder,
and a row holds everything about its code. Three audiences read three texts: reviewers
the plain wording, merchants the same unless it would disclose something about the
buyer, buyers one of five sentences that disclose no list, threshold or score.

``rank`` is the # of the rules: 1 leads to an approval, 10 to 89 to a person, 90 is out
of scope, 91 is superseded.
"""

from streams.families.fast_refund.reasons.catalog import REASONS
from streams.families.fast_refund.reasons.texts import (
    BUYER_TEXTS,
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
from streams.families.fast_refund.reasons.words import (
    MERCHANT_WAITS,
    NOTICE_EN,
    NOTICE_ZH,
    OPERATOR_RESTS,
)

__all__ = (
    "BUYER_TEXTS",
    "MERCHANT_GENERAL_EN",
    "MERCHANT_GENERAL_ZH",
    "MERCHANT_WAITS",
    "NOTICE_EN",
    "NOTICE_ZH",
    "OPERATOR_RESTS",
    "REASONS",
    "BuyerText",
    "buyer_text",
    "merchant_text",
    "merchant_text_en",
    "reviewer_text",
    "reviewer_text_en",
    "yuan",
)
