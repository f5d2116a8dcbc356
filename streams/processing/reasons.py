"""Reason codes of a family: a closed list with display order and texts.

One row holds everything about one code. Rules return rows, so there is no code outside
the list. Records carry the texts of their codes.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Final, Literal, TypeAlias

import msgspec
from typing_extensions import override

Words: TypeAlias = tuple[str, str]
"""zh-CN and English."""

NOT_KNOWN: Final[Words] = (
    "本版本不认识此代码，请升级后再看；在此之前照常审核。",
    "This version does not know the code: upgrade to read it; until then review as usual.",
)
"""What reviewers do about a code that a newer version of the program wrote."""
UNKNOWN: Final[Words] = (
    "本版本不认识的代码{code}",
    "{code}, a code this version does not know",
)
"""Wording of such a code, for reviewers."""

State: TypeAlias = Literal["fails", "unknown", "stale"]
"""What a code says about its condition: it does not hold, is unknown, or the fact is
stale."""

OURS: Final = "ours"
"""In place of a clause where the announcement says nothing."""


class Reason(msgspec.Struct, frozen=True, eq=False):
    """One reason code. Two reasons are equal only when they are the same row."""

    code: str
    """The code; it never changes."""
    rank: int
    """Position in the display order; codes of equal rank are sorted by name."""
    clause: str
    """The clause behind the code, or :data:`OURS`."""
    zh: str
    """Wording for reviewers, and for merchants unless ``reviewers_only``."""
    en: str
    reviewer: Words
    """What the person who decides the case does next."""
    merchant: Words | None = None
    """What the merchant does; None = the merchant waits."""
    operator: Words | None = None
    """What the people who run the processor or write its facts do; None = nothing."""
    reviewers_only: bool = False
    """True = the wording would disclose something about the buyer to a merchant (the
    dagger in the rules)."""
    state: State = "fails"
    disposition: str = "decided"
    """Disposition of a decision with this reason."""
    outcome: str | None = "manual_review"
    """Outcome of a decision with this reason; None = no outcome. By default a person
    decides."""


Reasons: TypeAlias = tuple[Reason, ...]
"""What a rule returns: every reason why its condition does not hold, unsorted."""


class ReasonCatalog(Mapping[str, Reason]):
    """The closed list of one family: code -> row, in the order of display.

    Parameters
    ----------
    rows
        In any order.

    Raises
    ------
    ValueError
        Two rows have the same code, or a row lacks a text: a programming error.
    """

    def __init__(self, rows: Iterable[Reason]) -> None:
        given = sorted(rows, key=lambda row: (row.rank, row.code))
        problems = [line for row in given for line in _problems(row)]
        self._rows = {row.code: row for row in given}
        if len(self._rows) < len(given):
            codes = [row.code for row in given]
            twice = sorted({code for code in codes if codes.count(code) > 1})
            problems.append(f"{', '.join(twice)}: stands in two rows")
        if problems:
            raise ValueError("; ".join(problems))
        self._place = {row: place for place, row in enumerate(given)}

    @classmethod
    def of(cls, *modules: ModuleType) -> "ReasonCatalog":
        """Return the catalogue of all rows in these modules."""
        rows = {
            id(thing): thing
            for module in modules
            for thing in vars(module).values()
            if isinstance(thing, Reason)
        }
        return cls(rows.values())

    @override
    def __getitem__(self, code: str) -> Reason:
        return self._rows[code]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    @override
    def __len__(self) -> int:
        return len(self._rows)

    def in_order(self, reasons: Iterable[Reason]) -> tuple[str, ...]:
        """Return the codes of reasons in display order, each once (E-27)."""
        return tuple(
            row.code for row in sorted(set(reasons), key=self._place.__getitem__)
        )


def _problems(row: Reason) -> Iterator[str]:
    if not row.code.isidentifier() or row.code != row.code.upper():
        yield f"{row.code!r} is no code: capital letters, digits and underscores"
    words = [(row.zh, row.en), row.reviewer, row.merchant, row.operator]
    if not all(text for pair in words if pair is not None for text in pair):
        yield f"{row.code} lacks a text"
