"""Compare two sets of decisions on the same requests."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from streams.families.fast_refund.decide import AUTO_APPROVE, MANUAL_REVIEW
from streams.families.fast_refund.model import Decision

CHANGES_MAX: Final = 1_000
"""Most changed decisions that a report lists one by one."""
_HOUR_MS: Final = 3_600_000
_NOWHERE: Final = "-"


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """The compared parts of a decision."""

    disposition: str
    outcome: str | None
    reason_codes: tuple[str, ...]
    refund_fen: int | None
    shop_id: str | None
    category: str
    """Path of the first line's category."""
    decided_at_ms: int

    @property
    def words(self) -> str:
        """Return the outcome, or why there is none."""
        return self.outcome or self.disposition


def verdict_of(decision: Decision) -> Verdict:
    """Return the compared parts of a decision."""
    return Verdict(
        decision.disposition,
        decision.outcome,
        decision.reason_codes,
        decision.refund_fen,
        decision.shop_id,
        _category(decision),
        decision.decided_at_ms,
    )


def _category(decision: Decision) -> str:
    paths = decision.seen.paths if decision.seen is not None else ()
    first = paths[0] if paths else None
    if not isinstance(first, list | tuple) or not first:
        return _NOWHERE
    return "/".join(str(name) for name in first)


class Count(msgspec.Struct):
    """Number of decisions and amount of money, before and after."""

    name: str
    requests: int = 0
    approved_before: int = 0
    approved_after: int = 0
    approved_fen_before: int = 0
    approved_fen_after: int = 0
    reviews_before: int = 0
    reviews_after: int = 0
    changed: int = 0

    def add(self, before: Verdict, after: Verdict) -> None:
        """Count one request."""
        self.requests += 1
        self.changed += differs(before, after)
        self.approved_before += before.outcome == AUTO_APPROVE
        self.approved_after += after.outcome == AUTO_APPROVE
        self.approved_fen_before += _approved_fen(before)
        self.approved_fen_after += _approved_fen(after)
        self.reviews_before += before.outcome == MANUAL_REVIEW
        self.reviews_after += after.outcome == MANUAL_REVIEW


class CodeCount(msgspec.Struct):
    """Number of decisions with a reason code, before and after."""

    code: str
    before: int = 0
    after: int = 0


class Turn(msgspec.Struct):
    """Number of decisions that changed from one outcome to another, and their money."""

    before: str
    after: str
    count: int = 0
    refund_fen: int = 0


class Change(msgspec.Struct, frozen=True):
    """One changed decision."""

    decision_id: str
    shop_id: str | None
    category: str
    refund_fen: int | None
    before: str
    after: str
    codes_before: tuple[str, ...]
    codes_after: tuple[str, ...]


class Hour(msgspec.Struct):
    """Reviews of one hour."""

    at_ms: int
    before: int = 0
    after: int = 0


class Comparison(msgspec.Struct):
    """All differences."""

    total: Count
    turns: list[Turn]
    codes: list[CodeCount]
    shops: list[Count]
    categories: list[Count]
    review_hours: list[Hour]
    changes: list[Change]
    """The first :data:`CHANGES_MAX` of them."""
    only_before: int
    """Decisions on only one side: their requests or outputs are not captured."""
    only_after: int

    @property
    def peak_reviews(self) -> tuple[int, int]:
        """Most reviews in an hour, before and after."""
        return (
            max((hour.before for hour in self.review_hours), default=0),
            max((hour.after for hour in self.review_hours), default=0),
        )


def first_of_each(decisions: Iterable[Decision]) -> dict[str, Verdict]:
    """Return the first decision of each id, which is the one that counts."""
    found: dict[str, Verdict] = {}
    for decision in decisions:
        if decision.decision_id not in found:
            found[decision.decision_id] = verdict_of(decision)
    return found


def differs(one: Verdict, other: Verdict) -> bool:
    """Whether a decision changed."""
    return (one.disposition, one.outcome, one.reason_codes) != (
        other.disposition,
        other.outcome,
        other.reason_codes,
    )


def compare(before: Mapping[str, Verdict], after: Mapping[str, Verdict]) -> Comparison:
    """Compare decisions of the same id."""
    work = _Work()
    for identity, new in after.items():
        old = before.get(identity)
        if old is not None:
            work.add(identity, old, new)
    return work.comparison(
        len(before.keys() - after.keys()), len(after.keys() - before.keys())
    )


class _Work:
    """Collects the counts of a comparison by group."""

    def __init__(self) -> None:
        self._total = Count("all")
        self._turns: dict[tuple[str, str], Turn] = {}
        self._codes: dict[str, CodeCount] = {}
        self._shops: dict[str, Count] = {}
        self._categories: dict[str, Count] = {}
        self._hours: dict[int, Hour] = {}
        self._changes: list[Change] = []

    def add(self, identity: str, old: Verdict, new: Verdict) -> None:
        """Count one request."""
        shop = new.shop_id or _NOWHERE
        for counts, name in ((self._shops, shop), (self._categories, new.category)):
            counts.setdefault(name, Count(name)).add(old, new)
        self._total.add(old, new)
        for code in old.reason_codes:
            self._codes.setdefault(code, CodeCount(code)).before += 1
        for code in new.reason_codes:
            self._codes.setdefault(code, CodeCount(code)).after += 1
        at_ms = new.decided_at_ms // _HOUR_MS * _HOUR_MS
        hour = self._hours.setdefault(at_ms, Hour(at_ms))
        hour.before += old.outcome == MANUAL_REVIEW
        hour.after += new.outcome == MANUAL_REVIEW
        if differs(old, new):
            self._change(identity, old, new)

    def _change(self, identity: str, old: Verdict, new: Verdict) -> None:
        pair = (old.words, new.words)
        turn = self._turns.setdefault(pair, Turn(*pair))
        turn.count += 1
        turn.refund_fen += new.refund_fen or 0
        if len(self._changes) < CHANGES_MAX:
            self._changes.append(
                Change(
                    identity,
                    new.shop_id,
                    new.category,
                    new.refund_fen,
                    *pair,
                    old.reason_codes,
                    new.reason_codes,
                )
            )

    def comparison(self, only_before: int, only_after: int) -> Comparison:
        """Return the comparison, largest differences first."""
        return Comparison(
            self._total,
            sorted(self._turns.values(), key=lambda one: (-one.count, one.before)),
            sorted(
                self._codes.values(),
                key=lambda one: (-abs(one.after - one.before), one.code),
            ),
            _by_difference(self._shops),
            _by_difference(self._categories),
            [self._hours[at_ms] for at_ms in sorted(self._hours)],
            self._changes,
            only_before,
            only_after,
        )


def _by_difference(counts: Mapping[str, Count]) -> list[Count]:
    return sorted(
        counts.values(), key=lambda one: (-one.changed, -one.requests, one.name)
    )


def _approved_fen(verdict: Verdict) -> int:
    return (verdict.refund_fen or 0) if verdict.outcome == AUTO_APPROVE else 0
