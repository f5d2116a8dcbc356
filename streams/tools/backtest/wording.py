"""Word a backtest: headline, outcomes and reasons."""

from collections.abc import Mapping, Sequence
from typing import Final

from streams.families.fast_refund.reasons import reviewer_text_en
from streams.families.fast_refund.reasons.request import FR_ALL_CONDITIONS_MET
from streams.tools.backtest.comparing import Count

_FEN_PER_YUAN: Final = 100
_OUTCOMES: Final[Mapping[str, str]] = {
    "auto_approve": "approved",
    "manual_review": "case for a person",
    "out_of_scope": "outside the service",
    "superseded": "superseded or withdrawn",
}


def yuan(fen: int) -> str:
    """Return an exact amount for people."""
    sign = "-" if fen < 0 else ""
    whole, rest = divmod(abs(fen), _FEN_PER_YUAN)
    return f"{sign}{whole:,}.{rest:02d}"


def headline(total: Count) -> str:
    """Return the effect of the other policy on money."""
    before, after = total.approved_fen_before, total.approved_fen_after
    if before == after:
        return f"As much money is refunded automatically: {yuan(after)} yuan"
    more = "more" if after > before else "less"
    return (
        f"{yuan(abs(after - before))} yuan {more} is refunded automatically: "
        f"{yuan(after)} instead of {yuan(before)} yuan"
    )


def work_line(total: Count) -> str:
    """Return the effect on work: approvals, and cases to review."""
    approvals = _instead(total.approved_before, total.approved_after, "approval")
    cases = _instead(total.reviews_before, total.reviews_after, "case for a person")
    return f"{approvals}, {cases}"


def _instead(before: int, after: int, noun: str) -> str:
    head, _, tail = noun.partition(" ")
    many = head if after == 1 else f"{head}s"
    named = f"{after:,} {many} {tail}".strip()
    return f"{named} as before" if before == after else f"{named} instead of {before:,}"


def outcome_words(outcome: str) -> str:
    """Return an outcome in words, or the disposition of a request without one."""
    return _OUTCOMES.get(outcome, outcome)


def reason_words(code: str) -> str:
    """Return a reason code in words, without the limit, which differs."""
    return reviewer_text_en(code, None) if code != _APPROVED else _APPROVED_WORDS


def reasons_words(codes: Sequence[str]) -> str:
    """Return all reasons of a decision in words."""
    return "; ".join(map(reason_words, codes))


_APPROVED: Final = FR_ALL_CONDITIONS_MET.code
_APPROVED_WORDS: Final = "every condition holds"
