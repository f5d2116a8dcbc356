"""Count and sum the approvals of one buyer over a time window (E-26).

The window ends at the request's own moment, so windows do not only move forward.
Approvals are kept in time order, in blocks with a sum each: a request adds up block
sums, however many approvals there are.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from streams.families.fast_refund.history_entries import UNKNOWN_FATE, Fate, Remembered
from streams.families.fast_refund.history_facts import Approvals

FEW: Final = 8
"""Up to this many are scanned; for more, sums are kept."""
_BLOCK: Final = 256
"""Most approvals in a block."""

BuyerApprovals: TypeAlias = "Remembered | tuple[Remembered, ...] | ManyApprovals"
"""One approval, a tuple of up to ``FEW``, or :class:`ManyApprovals`."""

_Key: TypeAlias = tuple[int, int]
"""Moment in UTC ms, and the order of arrival among equals."""


class FewApprovals:
    """A few approvals, scanned one by one."""

    def __init__(
        self, entries: Iterable[Remembered], fates: Mapping[str, Fate]
    ) -> None:
        self._entries = entries
        self._fates = fates

    def count(self, after_ms: int, until_ms: int) -> int:
        """Return how many were decided in (after, until], UTC ms."""
        return len(self._within(after_ms, until_ms))

    def used_fen(self, after_ms: int, until_ms: int) -> int | None:
        """Return the quota used in (after, until], fen; None = an amount is unreadable."""
        used_fen = 0
        for entry in self._within(after_ms, until_ms):
            if not self._fates.get(entry.refund_id, UNKNOWN_FATE).failed:
                if entry.refund_fen is None:
                    return None
                used_fen += entry.refund_fen
        return used_fen

    def _within(self, after_ms: int, until_ms: int) -> list[Remembered]:
        return [
            entry
            for entry in self._entries
            if after_ms < entry.decided_at_ms <= until_ms
        ]


NO_APPROVALS: Final[Approvals] = FewApprovals((), {})


class ManyApprovals:
    """More than ``FEW`` approvals of one buyer."""

    __slots__ = ("_fens", "_firsts", "_keys", "_known", "_sums", "_unread")

    def __init__(self) -> None:
        self._firsts: list[_Key] = [(0, 0)]
        """First key of each block when it was created."""
        self._keys: list[list[_Key]] = [[]]
        """The approvals of each block, sorted."""
        self._fens: list[list[int]] = [[]]
        """Quota used by each approval, fen; 0 when the payout failed."""
        self._sums = [0]
        """Quota used by each block, fen."""
        self._known: dict[tuple[str, int | None], tuple[_Key, int | None]] = {}
        """Decision -> its key and its amount, fen."""
        self._unread: list[_Key] = []
        """Keys of approvals with an unreadable amount, sorted, without failed
        payouts."""

    def add(self, entry: Remembered, fate: Fate) -> None:
        """Add an approval; a known one changes nothing."""
        identity = entry.refund_id, entry.version
        if identity in self._known:
            return
        key = entry.decided_at_ms, len(self._known)
        self._known[identity] = key, entry.refund_fen
        number, at = self._find(key)
        self._keys[number].insert(at, key)
        self._fens[number].insert(at, 0)
        if len(self._keys[number]) > _BLOCK:
            self._split(number)
        self.apply(entry, fate)

    def apply(self, entry: Remembered, fate: Fate) -> None:
        """Apply the fate of a known approval."""
        key, fen = self._known[entry.refund_id, entry.version]
        number, at = self._find(key)
        used_fen = 0 if fate.failed else fen or 0
        self._sums[number] += used_fen - self._fens[number][at]
        self._fens[number][at] = used_fen
        if fen is None:
            self._mark_unread(key, fate)

    def count(self, after_ms: int, until_ms: int) -> int:
        """Return how many were decided in (after, until], UTC ms."""
        return self._count_to(until_ms) - self._count_to(after_ms)

    def used_fen(self, after_ms: int, until_ms: int) -> int | None:
        """Return the quota used in (after, until], fen; None = an amount is unreadable."""
        at = bisect_left(self._unread, _end(after_ms))
        if at < len(self._unread) and self._unread[at] < _end(until_ms):
            return None
        return self._sum_to(until_ms) - self._sum_to(after_ms)

    def _count_to(self, until_ms: int) -> int:
        number, at = self._find(_end(until_ms))
        return sum(map(len, self._keys[:number])) + at

    def _sum_to(self, until_ms: int) -> int:
        number, at = self._find(_end(until_ms))
        return sum(self._sums[:number]) + sum(self._fens[number][:at])

    def _find(self, key: _Key) -> tuple[int, int]:
        """Return the block of a key, and its index there."""
        number = max(0, bisect_right(self._firsts, key) - 1)
        return number, bisect_left(self._keys[number], key)

    def _split(self, number: int) -> None:
        """Split a block into two."""
        keys, fens = self._keys[number], self._fens[number]
        half = len(keys) // 2
        self._firsts.insert(number + 1, keys[half])
        self._keys[number : number + 1] = [keys[:half], keys[half:]]
        self._fens[number : number + 1] = [fens[:half], fens[half:]]
        self._sums[number : number + 1] = [sum(fens[:half]), sum(fens[half:])]

    def _mark_unread(self, key: _Key, fate: Fate) -> None:
        at = bisect_left(self._unread, key)
        here = at < len(self._unread) and self._unread[at] == key
        if fate.failed and here:
            del self._unread[at]
        elif not fate.failed and not here:
            self._unread.insert(at, key)


def _end(until_ms: int) -> _Key:
    """Return a key after every approval of a moment."""
    return until_ms + 1, 0
