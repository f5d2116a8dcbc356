"""The decisions of one refund: usually one, seldom several; the cost stays bounded.

A refund with thousands of versions costs a request as much as one with nine: the
history rules read a bounded selection, updated with every decision.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from streams.families.fast_refund.history_entries import APPROVED, Remembered

FEW: Final = 8
"""Up to this many are scanned; for more, sums are kept."""
_ORDERS_MAX: Final = 8
"""Most orders of one refund that are tracked; normally all versions name the same
one."""

Versions: TypeAlias = "Remembered | tuple[Remembered, ...] | ManyVersions"
"""One decision, a tuple of up to ``FEW`` (oldest first), or :class:`ManyVersions`."""

_Tops: TypeAlias = dict[tuple[object, ...], Remembered]


class ManyVersions:
    """More than ``FEW`` decisions of one refund."""

    __slots__ = (
        "_approvals",
        "_found",
        "_money",
        "_newest",
        "_orders",
        "_tops",
        "withdrawn_after",
    )

    def __init__(self, entries: Iterable[Remembered]) -> None:
        self._found: dict[tuple[int | None, bool], Remembered] = {}
        """(version, withdrawal or not) -> decision; oldest first."""
        self._approvals: list[Remembered] = []
        self._newest: Remembered | None = None
        """The newest decision that was judged."""
        self._tops: _Tops = {}
        """The highest version of each kind, for the whole refund and by order; for
        approvals the newest by order, the lowest and the highest."""
        self._money: list[int] = []
        """Judged versions that ask for money and were not approved, sorted."""
        self._orders: dict[str, None] = {}
        self.withdrawn_after = False
        """True = a withdrawal came after the newest approval."""
        for entry in entries:
            self.add(entry)

    def get(self, version: int | None, *, withdraws: bool) -> Remembered | None:
        """Return the decision of exactly this version and kind of record."""
        return self._found.get((version, withdraws))

    @property
    def approvals(self) -> Sequence[Remembered]:
        """Return every approval, oldest first."""
        return self._approvals

    @property
    def orders(self) -> Iterable[str]:
        """Return the tracked orders."""
        return self._orders

    def add(self, entry: Remembered) -> None:
        """Add a decision."""
        self._found[entry.version, entry.withdraws] = entry
        order_id = entry.order_id
        if order_id is not None and len(self._orders) < _ORDERS_MAX:
            self._orders[order_id] = None
        if entry.withdraws or entry.outcome == APPROVED:
            self.withdrawn_after = entry.withdraws
        if not is_judged(entry):
            return
        self._newest = entry
        where = order_id if order_id in self._orders else None
        if entry.outcome == APPROVED:
            self._approve(entry, where)
        elif entry.version is not None:
            self._rank(entry, entry.version, where)

    def _approve(self, entry: Remembered, where: str | None) -> None:
        self._approvals.append(entry)
        tops = self._tops
        if where is not None:
            tops[APPROVED, where] = entry
        if entry.version is None:
            tops[APPROVED, None, "unversioned"] = entry
            return
        for name, sign in (("lowest", -1), ("highest", 1)):
            top = tops.setdefault((APPROVED, None, name), entry)
            if sign * (entry.version - (top.version or 0)) > 0:
                tops[APPROVED, None, name] = entry

    def _rank(self, entry: Remembered, version: int, where: str | None) -> None:
        if not entry.withdraws:
            insort(self._money, version)
        kind = entry.withdraws, entry.outcome
        for key in (kind, (*kind, where)):
            top = self._tops.setdefault(key, entry)
            if version > (top.version or 0):
                self._tops[key] = entry

    def standing(self) -> Iterable[Remembered]:
        """Return a bounded number of decisions that mean the same as all standing ones."""
        newest = self._newest
        if newest is None:
            return ()
        least = newest.version
        chosen = [
            newest,
            *(entry for entry in self._tops.values() if _stands(entry, least)),
        ]
        if least is not None:
            at = bisect_right(self._money, least)
            if at < len(self._money):
                chosen.append(self._found[self._money[at], False])
        return {(one.version, one.withdraws): one for one in chosen}.values()


def added(versions: Versions, entry: Remembered) -> Versions:
    """Return the decisions of a refund with one more."""
    if isinstance(versions, ManyVersions):
        versions.add(entry)
        return versions
    entries = (*several(versions), entry)
    return entries if len(entries) <= FEW else ManyVersions(entries)


def several(versions: "Remembered | tuple[Remembered, ...]") -> Iterable[Remembered]:
    """Return the decisions of a refund that has only a few, oldest first."""
    return versions if isinstance(versions, tuple) else (versions,)


def of_version(
    versions: Versions, version: int | None, *, withdraws: bool
) -> Remembered | None:
    """Return the decision of exactly this version and kind of record."""
    if isinstance(versions, ManyVersions):
        return versions.get(version, withdraws=withdraws)
    for entry in several(versions):
        if entry.version == version and entry.withdraws == withdraws:
            return entry
    return None


def standing(versions: Versions) -> Iterable[Remembered]:
    """Return the standing decisions, which history reads, newest first.

    A decision superseded on arrival was never judged. An open one closed when a newer
    version came (case 60); an approval stands, and so does a decision that is newer
    than a late, older withdrawal.
    """
    if isinstance(versions, ManyVersions):
        return versions.standing()
    if not isinstance(versions, tuple):
        return (versions,) if is_judged(versions) else ()
    judged = [entry for entry in reversed(versions) if is_judged(entry)]
    least = judged[0].version if judged else None
    return [entry for entry in judged if entry is judged[0] or _stands(entry, least)]


def approvals(versions: Versions) -> Sequence[Remembered]:
    """Return the approvals of a refund, oldest first."""
    if isinstance(versions, ManyVersions):
        return versions.approvals
    return [entry for entry in several(versions) if entry.outcome == APPROVED]


def withdrawn_after(versions: Versions) -> bool:
    """Whether a withdrawal came after the newest approval."""
    if isinstance(versions, ManyVersions):
        return versions.withdrawn_after
    found = False
    for entry in several(versions):
        if entry.withdraws or entry.outcome == APPROVED:
            found = entry.withdraws
    return found


def orders(versions: Versions) -> Iterable[str]:
    """Return the orders of a refund's decisions, each once."""
    if isinstance(versions, ManyVersions):
        return versions.orders
    found = {entry.order_id: None for entry in several(versions)}
    return [order_id for order_id in found if order_id is not None]


def is_judged(entry: Remembered) -> bool:
    """Whether an entry was judged, not superseded by a newer version on arrival."""
    return entry.withdraws or entry.disposition != "superseded"


def _stands(entry: Remembered, least: int | None) -> bool:
    """Whether an entry stands although the newest one, of version ``least``, came later."""
    return entry.outcome == APPROVED or (
        least is not None and entry.version is not None and entry.version > least
    )
