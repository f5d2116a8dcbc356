"""What agents and services tell the metrics and the log: once a slice, or once a second.

What may come in floods (dead letters, misrouted records) is counted in the metrics and
told in the log once a minute.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from streams.families.fast_refund.decide import PASSED
from streams.kafka.passed_over import PassedOver
from streams.kafka.slices import Slice
from streams.kafka.source import Source
from streams.kafka.strays import Stray
from streams.kafka.table_reader import BadFact, TableReader
from streams.metrics import Metrics, table
from streams.platforms.kuaishou import names
from streams.platforms.kuaishou.ingest import Handled
from streams.processing.family import FamilyProcess
from streams.processing.policies import PolicyBook
from streams.processing.slice_result import SliceResult
from streams.rate_limit import Kind, RateLimitedLog
from streams.worker.gauges import FamilyGauges
from streams.worker.policy_watch import states

T = TypeVar("T")

Decided: TypeAlias = tuple[str, str | None, tuple[str, ...]]
"""Disposition, outcome, reason codes: what decisions are counted by."""

_LEADING_NONE: Final = "none"


class Looked(Protocol):
    """What the counters read off the service of a family, once a second."""

    source: Source
    facts: TableReader
    passed_over: PassedOver

    @property
    def figures(self) -> FamilyGauges:
        """Lag, rows and watermarks."""
        ...

    @property
    def process(self) -> FamilyProcess[Any, Any]:
        """The family."""
        ...

    def agents_up(self) -> Mapping[str, bool]:
        """Return which agents run."""
        ...


DEAD_LETTERS: Final = Kind(
    "dead_letters", "records that cannot be read became dead letters"
)
BAD_FACTS: Final = Kind(
    "bad_facts",
    "facts that cannot be read count no more and become dead letters",
)
STRAYS: Final = Kind(
    "misrouted_facts",
    "facts lie in another partition than they belong to; a sender hashes otherwise",
)
MISROUTED: Final = Kind(
    "misrouted_requests",
    "requests lie in another partition than their buyer's and go to a person",
)


class FamilyCounters:
    """Translates what happened into the closed table of metrics, and into log lines.

    Parameters
    ----------
    input_topic
        Where the requests are.
    now_ms
        Wall clock, UTC ms.
    limited
        Takes what may come in floods.
    """

    def __init__(
        self,
        metrics: Metrics,
        input_topic: str,
        now_ms: Callable[[], int],
        limited: RateLimitedLog,
    ) -> None:
        self._metrics = metrics
        self._topic = input_topic
        self._now_ms = now_ms
        self.limited = limited
        self._decided = self._approved = 0
        self._facts_seen: dict[str, int] = {}
        self._strays_seen: dict[str, int] = {}
        self._disagreed_seen: dict[str, int] = {}
        self._passed_seen = (0, 0)
        """Records deleted unread and requests unanswered, as take-overs found them."""
        self._seen: dict[str, tuple[int, int]] = {}
        """Rebalances and deleted records counted so far, by topic."""

    def judged(self, partition: int, judged: SliceResult) -> None:
        """Count what was decided in a slice of a partition of requests."""
        metrics = self._metrics
        self.decided(judged.reasons)
        if judged.approved:
            self.decided({PASSED: judged.approved})
        metrics.observe(table.REQUEST_AGE, judged.ages_ms)
        if judged.dead:
            metrics.add_each(table.DEAD_LETTERS, judged.dead, self._topic)
            for error, count in judged.dead.items():
                place = self._topic, partition, judged.dead_at[error]
                self.limited.note(DEAD_LETTERS, error, place, count)
        if judged.repeated:
            metrics.add(table.REPEATED, judged.repeated)
        if judged.answered:
            metrics.add(table.SKIPPED, judged.answered, self._topic)
        if judged.unfit:
            metrics.add(table.UNFIT, judged.unfit, self._topic)
        if judged.doubted:
            metrics.add(table.DOUBTED, judged.doubted)
        if judged.misrouted:
            metrics.add(table.MISROUTED, judged.misrouted, self._topic)
            place = self._topic, partition, judged.misrouted_at
            self.limited.note(MISROUTED, "partition", place, judged.misrouted)

    def decided(self, counts: Mapping[Decided, int]) -> None:
        """Count new decisions, grouped by what they came to."""
        metrics = self._metrics
        for (disposition, outcome, codes), count in counts.items():
            metrics.add(table.DISPOSITIONS, count, disposition)
            for code in codes:
                metrics.add(table.REASONS, count, code)
            if outcome is None:
                continue
            leading = codes[0] if codes else _LEADING_NONE
            metrics.add(table.DECISIONS, count, outcome, leading)
            self._decided += count
            if outcome == "auto_approve":
                self._approved += count
            else:
                metrics.add(table.MANUAL_REVIEW_COUNT, count)
        if self._decided:
            metrics.put(table.AUTO_SHARE, self._approved / self._decided)

    def acknowledged(self, topic: str, latencies_ms: list[int]) -> None:
        """Observe record time to acknowledged output of a slice, ms each."""
        self._metrics.observe(table.LATENCY, latencies_ms)
        self.written(topic, latencies_ms)

    def noticed(self, kind: str) -> None:
        """Count a notice written."""
        self._metrics.add(table.NOTICES, 1, kind)

    def dead_fact(self, topic: str, error: str) -> None:
        """Count a fact record that became a dead letter."""
        self._metrics.add(table.DEAD_LETTERS, 1, topic, error)

    def bad_fact(self, bad: BadFact) -> None:
        """Tell that a fact record cannot be read; met again at each load."""
        place = bad.where.topic, bad.where.partition, bad.record.offset
        self.limited.note(BAD_FACTS, bad.why.error, place)

    def ingested(self, piece: Slice, handled: list[Handled]) -> None:
        """Count events by class, and dead letters among them by reason."""
        topic, partition = piece.partition
        kinds = Counter(one.verdict.kind.value for one in handled)
        self._metrics.add_each(table.EVENTS, kinds, topic)
        dead = Counter[str]()
        for record, one in zip(piece.records, handled, strict=True):
            if one.verdict.kind is names.Kind.DEAD_LETTER:
                error = str(one.verdict.reason)
                dead[error] += 1
                place = topic, partition, record.offset
                self.limited.note(DEAD_LETTERS, error, place)
        if dead:
            self._metrics.add_each(table.DEAD_LETTERS, dead, topic)

    def written(self, topic: str, latencies_ms: list[int]) -> None:
        """Count a slice whose outputs are all acknowledged, and its records."""
        self._metrics.add(table.SLICES, 1, topic)
        self._metrics.add(table.RECORDS, len(latencies_ms), topic)

    def look(self, service: Looked) -> None:
        """Read the gauges off the service of a family; called once a second."""
        metrics, facts, process = self._metrics, service.facts, service.process
        self.look_at_source(self._topic, service.source, service.figures.lag())
        passed, seen = service.passed_over, self._passed_seen
        metrics.add(table.DELETED, passed.deleted - seen[0], self._topic)
        metrics.add(table.UNANSWERED, passed.unanswered - seen[1], self._topic)
        self._passed_seen = passed.deleted, passed.unanswered
        new = Counter(facts.records_read)
        new.subtract(self._facts_seen)
        self._facts_seen = dict(facts.records_read)
        metrics.add_each(table.FACTS_LOADED, +new)
        metrics.replace(table.TABLE_ROWS, _rows(service.figures.table_rows()))
        metrics.date_all(table.WATERMARK_AGE, _rows(service.figures.watermarks()))
        self.look_at_strays(facts.strays.by_topic)
        self._look_at_policies(process.shared.book)
        open_now = process.breakers_open(self._now_ms())
        metrics.replace(table.BREAKERS_OPEN, _rows(open_now))
        self.agents(service.agents_up())

    def _look_at_policies(self, book: PolicyBook[Any]) -> None:
        metrics, now_ms = self._metrics, self._now_ms()
        metrics.replace(table.POLICY, dict.fromkeys(states(book, now_ms), 1))
        paused = book.pauses.at(now_ms) is not None
        metrics.put(table.POLICY_PAUSED, int(paused))
        more = Counter(book.disagreed)
        more.subtract(self._disagreed_seen)
        metrics.add_each(table.POLICY_DISAGREEMENTS, +more)
        self._disagreed_seen = dict(book.disagreed)

    def look_at_strays(self, strays: Mapping[str, Stray]) -> None:
        """Count and tell facts in wrong partitions that were found since the last look."""
        for topic, found in strays.items():
            more = found.count - self._strays_seen.get(topic, 0)
            if more:
                self._strays_seen[topic] = found.count
                self._metrics.add(table.MISROUTED, more, topic)
                place = None
                if found.offset is not None:
                    place = topic, found.partition, found.offset
                self.limited.note(STRAYS, topic, place, more)

    def look_at_source(
        self, topic: str, source: Source, lag: Mapping[int, tuple[int, int]]
    ) -> None:
        """Read the gauges of a topic that is read in slices; called once a second.

        Parameters
        ----------
        lag
            Partition -> (records, ms) not dealt with yet.
        """
        self.limited.tick()
        metrics, seen = self._metrics, self._seen.get(topic, (0, 0))
        metrics.add(table.REBALANCES, source.rebalances - seen[0], topic)
        metrics.put(table.PARTITIONS, len(source.read_to), topic)
        metrics.add(table.DELETED, source.deleted - seen[1], topic)
        self._seen[topic] = source.rebalances, source.deleted
        committed_ms = self._now_ms() - source.offsets.commit_age_ms()
        metrics.date(table.COMMIT_AGE, committed_ms, topic)
        self._lag(topic, lag)
        metrics.put(table.TASKS, len(asyncio.all_tasks()))

    def _lag(self, topic: str, lag: Mapping[int, tuple[int, int]]) -> None:
        records: dict[tuple[str, ...], float] = {}
        seconds: dict[tuple[str, ...], float] = {}
        for number, (count, ms) in lag.items():
            where = topic, str(number)
            records[where], seconds[where] = count, max(0, ms) / 1000
        self._metrics.replace(table.LAG_RECORDS, records, topic)
        self._metrics.replace(table.LAG_SECONDS, seconds, topic)

    def agents(self, up: Mapping[str, bool]) -> None:
        """Say which agents of a service run."""
        for name, one in up.items():
            self._metrics.put(table.AGENTS_UP, int(one), name)


def _rows(by_name: Mapping[str, T]) -> dict[tuple[str, ...], T]:
    return {(name,): value for name, value in by_name.items()}
