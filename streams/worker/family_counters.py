"""Metrics and log lines of a family's service, once per slice or once a second."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias

from typing_extensions import override

from streams.kafka.passed_over import PassedOver
from streams.kafka.source import Source
from streams.kafka.strays import Stray
from streams.kafka.table_reader import BadFact, TableReader
from streams.metrics import Metrics, Spec, table
from streams.metrics.collector import Labels
from streams.processing.family import FamilyProcess
from streams.processing.policies import PolicyBook
from streams.processing.slice_result import SliceResult
from streams.rate_limit import Kind, RateLimitedLog
from streams.worker.counters import DEAD_LETTERS, SourceCounters
from streams.worker.gauges import FamilyGauges
from streams.worker.policy_watch import states

Decided: TypeAlias = tuple[str, str | None, tuple[str, ...]]
"""Disposition, outcome and reason codes, by which decisions are counted."""

_LEADING_NONE: Final = "none"

BAD_FACTS: Final = Kind(
    "bad_facts",
    "fact records that cannot be read became dead letters; their rows no longer count",
)
STRAYS: Final = Kind(
    "misrouted_facts",
    "fact records are in the wrong partition: a sender partitions them differently",
)
MISROUTED: Final = Kind(
    "misrouted_requests",
    "requests are not in the partition of their buyer and go to a person",
)


class Shown(Protocol):
    """What the gauges read from a family's service once a second."""

    source: Source
    facts: TableReader
    passed_over: PassedOver

    @property
    def figures(self) -> FamilyGauges:
        """The gauges: lag, rows and watermarks."""
        ...

    @property
    def process(self) -> FamilyProcess[Any, Any]:
        """The family in this process."""
        ...

    def agents_up(self) -> Mapping[str, bool]:
        """Return which roles run."""
        ...


class FamilyCounters(SourceCounters):
    """Turns results into metrics of the closed table, and into log lines.

    Parameters
    ----------
    family
        Its code and the name of its input topic.
    """

    def __init__(
        self,
        metrics: Metrics,
        family: tuple[str, str],
        now_ms: Callable[[], int],
        limited: RateLimitedLog,
    ) -> None:
        self._code, topic = family
        super().__init__(metrics, topic, now_ms, limited)
        self._decided = self._approved = 0
        self._facts_seen: dict[str, int] = {}
        self._strays_seen: dict[str, int] = {}
        self._disagreed_seen: dict[str, int] = {}
        self._passed_seen = (0, 0)
        """Records deleted unread and unanswered requests that take-overs have found so
        far."""

    def judged(self, partition: int, judged: SliceResult) -> None:
        """Count the result of judging a slice of an input partition."""
        metrics, topic, code = self.metrics, self.topic, self._code
        self.decided(judged.decided)
        metrics.observe(table.REQUEST_AGE, judged.ages_ms, code)
        if judged.dead:
            self.buried(topic, judged.dead)
            for error, count in judged.dead.items():
                place = topic, partition, judged.dead_at[error]
                self.limited.note(DEAD_LETTERS, error, place, count)
        if judged.repeated:
            metrics.add(table.REPEATED, judged.repeated, code)
        if judged.answered:
            metrics.add(table.SKIPPED, judged.answered, topic)
        if judged.unfit:
            metrics.add(table.UNFIT, judged.unfit, topic)
        if judged.doubted:
            metrics.add(table.DOUBTED, judged.doubted, code)
        if judged.misrouted:
            metrics.add(table.MISROUTED, judged.misrouted, topic)
            place = topic, partition, judged.misrouted_at
            self.limited.note(MISROUTED, "partition", place, judged.misrouted)

    def decided(self, counts: Mapping[Decided, int]) -> None:
        """Count new decisions by disposition, outcome and reason codes."""
        metrics, code = self.metrics, self._code
        for (disposition, outcome, reasons), count in counts.items():
            metrics.add(table.DISPOSITIONS, count, code, disposition)
            for reason in reasons:
                metrics.add(table.REASONS, count, code, reason)
            if outcome is None:
                continue
            leading = reasons[0] if reasons else _LEADING_NONE
            metrics.add(table.DECISIONS, count, code, outcome, leading)
            self._decided += count
            if outcome == "auto_approve":
                self._approved += count
            else:
                metrics.add(table.MANUAL_REVIEW_COUNT, count, code)
        if self._decided:
            metrics.put(table.AUTO_SHARE, self._approved / self._decided, code)

    @override
    def acknowledged(self, topic: str, latencies_ms: list[int]) -> None:
        super().acknowledged(topic, latencies_ms)
        self.metrics.observe(table.LATENCY, latencies_ms, self._code)

    def noticed(self, kind: str) -> None:
        """Count a written output that answers no input record."""
        self.metrics.add(table.NOTICES, 1, self._code, kind)

    def dead_fact(self, topic: str, error: str) -> None:
        """Count a fact record that became a dead letter."""
        self.buried(topic, {error: 1})

    def bad_fact(self, bad: BadFact) -> None:
        """Log that a fact record is unreadable; it is found again at each load."""
        place = bad.where.topic, bad.where.partition, bad.record.offset
        self.limited.note(BAD_FACTS, bad.why.error, place)

    def look(self, service: Shown) -> None:
        """Update the gauges from the service; called once a second."""
        metrics, facts, process = self.metrics, service.facts, service.process
        self.look_at_source(service.source, service.figures.lag())
        passed, seen = service.passed_over, self._passed_seen
        self.deleted(passed.deleted - seen[0])
        metrics.add(table.UNANSWERED, passed.unanswered - seen[1], self.topic)
        self._passed_seen = passed.deleted, passed.unanswered
        new = Counter(facts.records_read)
        new.subtract(self._facts_seen)
        self._facts_seen = dict(facts.records_read)
        metrics.add_each(table.FACTS_LOADED, +new)
        self._replace(table.TABLE_ROWS, service.figures.table_rows())
        marks = service.figures.watermarks()
        dated: dict[Labels, int | None] = {(name,): ms for name, ms in marks.items()}
        metrics.date_all(table.WATERMARK_AGE, dated, self._code)
        self.look_at_strays(facts.strays.by_topic)
        self._look_at_policies(process.shared.book)
        self._replace(table.BREAKERS_OPEN, process.breakers_open(self.now_ms()))
        self.agents(service.agents_up())

    def _look_at_policies(self, book: PolicyBook[Any]) -> None:
        metrics, now_ms, code = self.metrics, self.now_ms(), self._code
        rows: dict[Labels, float] = {
            (code, *state): 1 for state in states(book, now_ms)
        }
        metrics.replace(table.POLICY, rows, code)
        paused = book.pauses.at(now_ms) is not None
        metrics.put(table.POLICY_PAUSED, int(paused), code)
        more = Counter(book.disagreed)
        more.subtract(self._disagreed_seen)
        metrics.add_each(table.POLICY_DISAGREEMENTS, +more, code)
        self._disagreed_seen = dict(book.disagreed)

    def _replace(self, spec: Spec, by_name: Mapping[str, int]) -> None:
        rows: dict[Labels, float] = {
            (self._code, name): value for name, value in by_name.items()
        }
        self.metrics.replace(spec, rows, self._code)

    def look_at_strays(self, strays: Mapping[str, Stray]) -> None:
        """Count and log facts in wrong partitions found since the last call."""
        for topic, found in strays.items():
            more = found.count - self._strays_seen.get(topic, 0)
            if more:
                self._strays_seen[topic] = found.count
                self.metrics.add(table.MISROUTED, more, topic)
                place = None
                if found.offset is not None:
                    place = topic, found.partition, found.offset
                self.limited.note(STRAYS, topic, place, more)
