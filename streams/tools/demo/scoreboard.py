"""The scoreboard of ``refund demo``: what was sent, and which outputs followed."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

import msgspec

What = Literal["decision", "dead_letter", "notice"]
Key = tuple[What, str]
"""A refund id; the key of an unreadable record; or kind and refund of a notice."""

DECISIONS: Final = ("auto_approve", "manual_review", "out_of_scope", "superseded")
DEAD_LETTER: Final = "dead_letter"


class ResultRow(msgspec.Struct, frozen=True, kw_only=True):
    """One output of the worker, ready to show."""

    what: What
    key: str
    """Key that pairs it with its cause."""
    result: str
    """One of :data:`DECISIONS`, ``dead_letter``, or the kind of a notice."""
    decision_id: str | None = None
    refund_id: str | None = None
    order_id: str | None = None
    refund_fen: int | None = None
    reason_codes: tuple[str, ...] = ()
    zh: str = ""
    en: str = ""


class Timed(msgspec.Struct, frozen=True):
    """A row, with the time from its cause to its arrival."""

    row: ResultRow
    via: str | None
    """``kuaishou`` or ``direct``; None = without a cause."""
    ms: int | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run."""

    seconds: int
    expected: int
    """Number of expected outputs."""
    unanswered: tuple[str, ...]
    unasked: int
    """Number of outputs without a cause."""
    results: dict[str, int]
    reasons: dict[str, int]
    latency_ms: dict[str, tuple[int, int]]
    """``kuaishou`` and ``direct`` -> p50 and p99."""

    @property
    def complete(self) -> bool:
        """Whether every expected output arrived."""
        return self.expected > 0 and not self.unanswered


class _Sent(msgspec.Struct, frozen=True):
    at_ms: int
    via: str


class Scoreboard:
    """Pairs outputs with their causes.

    Parameters
    ----------
    now_ms
        UTC ms.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._open: dict[Key, deque[_Sent]] = {}
        self._arrived: dict[Key, asyncio.Event] = {}
        self._settled = asyncio.Event()
        self._latencies: dict[str, list[int]] = {"kuaishou": [], "direct": []}
        self.results: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.expected = 0
        self.unasked = 0
        self.example: str | None = None
        """Decision id of the first manual review, as an example to explain."""

    def expect(self, what: What, key: str, via: str) -> None:
        """Expect an output of what is sent next; its latency counts from now."""
        self.expected += 1
        self._settled.clear()
        self._open.setdefault((what, key), deque()).append(_Sent(self._now_ms(), via))

    def take(self, row: ResultRow) -> Timed:
        """Pair an output with the oldest unanswered cause that has its key."""
        key = (row.what, row.key)
        self.results[row.result] += 1
        self.reasons.update(row.reason_codes[:1])
        if self.example is None and row.result == "manual_review":
            self.example = row.decision_id
        self._event(key).set()
        waiting = self._open.get(key)
        if not waiting:
            self.unasked += 1
            return Timed(row, None, None)
        sent = waiting.popleft()
        if not waiting:
            del self._open[key]
        if not self._open:
            self._settled.set()
        ms = self._now_ms() - sent.at_ms
        if row.what == "decision":
            self._latencies[sent.via].append(ms)
        return Timed(row, sent.via, ms)

    async def arrived(self, what: What, key: str) -> None:
        """Wait for the first output with that key."""
        await self._event((what, key)).wait()

    async def settled(self) -> None:
        """Wait until every expected output has arrived."""
        if self._open:
            await self._settled.wait()

    def summary(self, seconds: int) -> Summary:
        """Return the figures so far."""
        return Summary(
            seconds=seconds,
            expected=self.expected,
            unanswered=tuple(f"{what} {key}" for what, key in sorted(self._open)),
            unasked=self.unasked,
            results=dict(self.results.most_common()),
            reasons=dict(self.reasons.most_common()),
            latency_ms={
                via: (percentile(found, 50), percentile(found, 99))
                for via, found in self._latencies.items()
                if found
            },
        )

    def _event(self, key: Key) -> asyncio.Event:
        return self._arrived.setdefault(key, asyncio.Event())


def percentile(values: Sequence[int] | Iterable[int], percent: int) -> int:
    """Return the nearest-rank percentile of a non-empty collection."""
    ordered = sorted(values)
    rank = -(-percent * len(ordered) // 100)
    return ordered[max(1, rank) - 1]
