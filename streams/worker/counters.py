"""What agents and services tell the metrics and the log: once a slice, or once a second.

What may come in floods (dead letters, misrouted records) is counted in the metrics and
told in the log once a minute.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from streams.families.fast_refund.decide import PASSED
from streams.kafka.passed_over import PassedOver
from streams.kafka.slices import Slice
from streams.kafka.source import Source
from streams.kafka.strays import Stray
from streams.kafka.table_reader import BadFact, TableReader
from streams.metrics import Metrics
from streams.platforms.kuaishou import names
from streams.platforms.kuaishou.ingest import Handled
from streams.processing.family import FamilyProcess
from streams.processing.policies import PolicyBook
from streams.processing.slice_result import SliceResult
from streams.rate_limit import Kind, RateLimitedLog
from streams.worker.gauges import FamilyGauges
from streams.worker.policy_watch import states


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
        metrics.decided(judged.reasons)
        if judged.approved:
            metrics.decided({PASSED: judged.approved})
        metrics.request_age.observe_many(judged.ages_ms)
        if judged.dead:
            metrics.dead_lettered(self._topic, judged.dead)
            for error, count in judged.dead.items():
                place = self._topic, partition, judged.dead_at[error]
                self.limited.note(DEAD_LETTERS, error, place, count)
        if judged.repeated:
            metrics.repeated(judged.repeated)
        if judged.answered:
            metrics.skipped(self._topic, judged.answered)
        if judged.unfit:
            metrics.unfit(self._topic, judged.unfit)
        if judged.doubted:
            metrics.doubted(judged.doubted)
        if judged.misrouted:
            metrics.misrouted(self._topic, judged.misrouted)
            place = self._topic, partition, judged.misrouted_at
            self.limited.note(MISROUTED, "partition", place, judged.misrouted)

    def acknowledged(self, topic: str, latencies_ms: list[int]) -> None:
        """Observe record time to acknowledged output of a slice, ms each."""
        self._metrics.latency.observe_many(latencies_ms)
        self._metrics.slice_done(topic, len(latencies_ms))

    def noticed(self, kind: str) -> None:
        """Count a notice written."""
        self._metrics.noticed({kind: 1})

    def dead_fact(self, topic: str, error: str) -> None:
        """Count a fact record that became a dead letter."""
        self._metrics.dead_lettered(topic, {error: 1})

    def bad_fact(self, bad: BadFact) -> None:
        """Tell that a fact record cannot be read; met again at each load."""
        place = bad.where.topic, bad.where.partition, bad.record.offset
        self.limited.note(BAD_FACTS, bad.why.error, place)

    def ingested(self, piece: Slice, handled: list[Handled]) -> None:
        """Count events by class, and dead letters among them by reason."""
        topic, partition = piece.partition
        kinds = Counter(one.verdict.kind.value for one in handled)
        self._metrics.events(topic, kinds)
        dead = Counter[str]()
        for record, one in zip(piece.records, handled, strict=True):
            if one.verdict.kind is names.Kind.DEAD_LETTER:
                error = str(one.verdict.reason)
                dead[error] += 1
                place = topic, partition, record.offset
                self.limited.note(DEAD_LETTERS, error, place)
        if dead:
            self._metrics.dead_lettered(topic, dead)

    def written(self, topic: str, latencies_ms: list[int]) -> None:
        """Note a slice of events whose records are all acknowledged."""
        self._metrics.slice_done(topic, len(latencies_ms))

    def look(self, service: Looked) -> None:
        """Read the gauges off the service of a family; called once a second."""
        metrics, facts, process = self._metrics, service.facts, service.process
        self.look_at_source(self._topic, service.source, service.figures.lag())
        passed, seen = service.passed_over, self._passed_seen
        metrics.deleted(self._topic, passed.deleted - seen[0])
        metrics.unanswered(self._topic, passed.unanswered - seen[1])
        self._passed_seen = passed.deleted, passed.unanswered
        new = Counter(facts.records_read)
        new.subtract(self._facts_seen)
        self._facts_seen = dict(facts.records_read)
        metrics.facts_loaded(
            {topic: count for topic, count in new.items() if count > 0}
        )
        metrics.table_rows(service.figures.table_rows())
        metrics.watermarks(service.figures.watermarks())
        self.look_at_strays(facts.strays.by_topic)
        self._look_at_policies(process.shared.book)
        metrics.breakers_open(process.breakers_open(self._now_ms()))
        self.agents(service.agents_up())

    def _look_at_policies(self, book: PolicyBook[Any]) -> None:
        metrics, now_ms = self._metrics, self._now_ms()
        metrics.policies(states(book, now_ms))
        metrics.policy_paused(int(book.pauses.at(now_ms) is not None))
        more = Counter(book.disagreed)
        more.subtract(self._disagreed_seen)
        metrics.policy_disagreed({kind: one for kind, one in more.items() if one > 0})
        self._disagreed_seen = dict(book.disagreed)

    def look_at_strays(self, strays: Mapping[str, Stray]) -> None:
        """Count and tell facts in wrong partitions that were found since the last look."""
        for topic, found in strays.items():
            more = found.count - self._strays_seen.get(topic, 0)
            if more:
                self._strays_seen[topic] = found.count
                self._metrics.misrouted(topic, more)
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
        metrics.assigned(topic, source.rebalances - seen[0], len(source.read_to))
        metrics.deleted(topic, source.deleted - seen[1])
        self._seen[topic] = source.rebalances, source.deleted
        metrics.committed(topic, self._now_ms() - source.offsets.commit_age_ms())
        metrics.lag(topic, lag)
        metrics.tasks(len(asyncio.all_tasks()))

    def agents(self, up: Mapping[str, bool]) -> None:
        """Say which agents of a service run."""
        self._metrics.agents(up)
