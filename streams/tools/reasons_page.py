"""Print the reasons page and ``refund reasons``: every code in words, from the tables."""

from collections.abc import Iterator
from typing import Final, TextIO

from streams.families.fast_refund.reasons import (
    BUYER_TEXTS,
    MERCHANT_GENERAL_EN,
    MERCHANT_GENERAL_ZH,
    MERCHANT_WAITS,
    OPERATOR_RESTS,
    REASONS,
    buyer_text,
)
from streams.processing.reasons import Reason, ReasonCatalog
from streams.tools import show

_HEAD: Final = """\
# Reason codes

The closed list of `reason_codes` in a decision, in their order of display. Every condition is
always judged and every reason listed. A code never changes its meaning. The list may grow: a
reader treats an unknown code as a case for a person.

- **#** is the order of display. 1 leads to `auto_approve`, 10 to 89 to `manual_review`, 90 to the
  disposition `out_of_scope`, 91 to `superseded`; the last two have no outcome.
- **clause** is the clause of the announcement behind a code (see [clauses.md](clauses.md)); *ours*
  where the announcement says nothing.
- **†**: only the platform's reviewers see the text, because it reveals something about the buyer.
  Merchants read instead: {general_zh} / {general_en}
- **reviewers** decide the cases of `refund.reviews`, **merchants** ship the order, **operators**
  run the processor or write its facts.
- `{{limit}}` stands for the limit in yuan of the policy that judged.

`refund reasons --markdown` prints this page. `refund explain ID` shows the same texts for
one decision.

## Texts for buyers

A buyer sees one of five sentences, that of the first listed code. No list, threshold or score is
ever disclosed. Only the outcome `auto_approve` leads to B0, whatever the codes.

| | zh-CN | English |
|---|---|---|
{buyers}

## All codes

| # | code | outcome | clause | buyer | |
|---|---|---|---|---|---|
{rows}

## One by one

{entries}
"""


def reasons_page() -> str:
    """Return ``docs/reasons.md``."""
    buyers = "\n".join(f"| {one.name} | {one.zh} | {one.en} |" for one in BUYER_TEXTS)
    return _HEAD.format(
        general_zh=MERCHANT_GENERAL_ZH,
        general_en=MERCHANT_GENERAL_EN,
        buyers=buyers,
        rows="\n".join(map(_row, REASONS.values())),
        entries="\n\n".join(map(entry, REASONS.values())),
    )


def print_codes(reasons: ReasonCatalog, out: TextIO) -> None:
    """Print the list: #, code, result, wording in both languages."""
    header = ("#", "code", "leads to", "zh", "en")
    rows = (
        (one.rank, one.code, one.outcome or one.disposition, one.zh, one.en)
        for one in reasons.values()
    )
    show.table(out, header, rows)


def _row(one: Reason) -> str:
    link = f"[{one.code}](#{one.code.lower()})"
    mark = "†" if one.reviewers_only else ""
    return (
        f"| {one.rank} | {link} | {_leads_to(one)} | {one.clause} "
        f"| {buyer_text((one.code,), one.outcome).name} | {mark} |"
    )


def entry(one: Reason) -> str:
    """Return one code in full, as Markdown."""
    return "\n".join(_entry(one))


def _entry(one: Reason) -> Iterator[str]:
    told = buyer_text((one.code,), one.outcome) if _ours(one) else None
    buyers = f", buyers: {told.name}" if told else ""
    yield f"### {one.code}"
    yield ""
    yield f"#{one.rank}, {_leads_to(one)}, clause {one.clause}{buyers}."
    yield ""
    yield "| | zh-CN | English |"
    yield "|---|---|---|"
    if one.reviewers_only:
        yield _line("reviewers read †", (one.zh, one.en))
        yield _line("merchants read", (MERCHANT_GENERAL_ZH, MERCHANT_GENERAL_EN))
    else:
        yield _line("reviewers and merchants read", (one.zh, one.en))
    if told is not None:
        yield _line("buyers read", (told.zh, told.en))
    yield _line("reviewers do", one.reviewer)
    yield _line("merchants do", one.merchant or MERCHANT_WAITS)
    yield _line("operators do", one.operator or OPERATOR_RESTS)


def _ours(one: Reason) -> bool:
    """Whether a reason belongs to the fast refund, whose buyers are shown a text."""
    return REASONS.get(one.code) is one


def _line(who: str, words: tuple[str, str]) -> str:
    return f"| {who} | {words[0]} | {words[1]} |"


def _leads_to(one: Reason) -> str:
    return f"`{one.outcome or one.disposition}`"
