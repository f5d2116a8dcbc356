"""What agents and engine tell the metrics: once a slice, or once a second."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from streams.agents.slices import Judged
from streams.decision.engine import PASSED
from streams.metrics import Metrics
from streams.platforms.kuaishou.ingest import Handled
from streams.platforms.kuaishou.names import Kind

if TYPE_CHECKING:
    from streams.app.engine import Engine


class EngineCounters:
    """Translates what happened into the closed table of metrics."""

    def __init__(
        self, metrics: Metrics, input_topic: str, now_ms: Callable[[], int]
    ) -> None:
        self._metrics = metrics
        self._topic = input_topic
        self._now_ms = now_ms
        self._facts_seen: dict[str, int] = {}
        self._misrouted_seen: dict[int, int] = {}
        self._rebalances_seen = 0
        self._deleted_seen = 0

    def judged(self, judged: Judged) -> None:
        """Count what was decided in a slice."""
        metrics = self._metrics
        metrics.decided(judged.reasons)
        if judged.approved:
            metrics.decided({PASSED: judged.approved})
        metrics.request_age.observe_many(judged.ages_ms)
        if judged.dead:
            metrics.dead_lettered(self._topic, judged.dead)
        if judged.repeated:
            metrics.repeated(judged.repeated)
        if judged.answered:
            metrics.skipped(self._topic, judged.answered)
        if judged.doubted:
            metrics.doubted(judged.doubted)
        if judged.misrouted:
            metrics.misrouted(self._topic, judged.misrouted)

    def acknowledged(self, latencies_ms: list[int]) -> None:
        """Observe record time to acknowledged output of a slice, ms each."""
        self._metrics.latency.observe_many(latencies_ms)
        self._metrics.slice_done(self._topic, len(latencies_ms))

    def noticed(self, kind: str) -> None:
        """Count a notice written."""
        self._metrics.noticed({kind: 1})

    def dead_fact(self, topic: str, error: str) -> None:
        """Count a fact record that became a dead letter."""
        self._metrics.dead_lettered(topic, {error: 1})

    def ingested(self, topic: str, handled: list[Handled]) -> None:
        """Count events by class, and dead letters by reason."""
        dead = Counter(
            str(one.verdict.reason)
            for one in handled
            if one.verdict.kind is Kind.DEAD_LETTER
        )
        if dead:
            self._metrics.dead_lettered(topic, dead)

    def written(self, topic: str, latencies_ms: list[int]) -> None:
        """Note a slice of events whose records are all acknowledged."""
        self._metrics.slice_done(topic, len(latencies_ms))

    def look(self, engine: "Engine") -> None:
        """Read the gauges off the engine; called once a second."""
        metrics = self._metrics
        self._look_at_source(engine)
        new = Counter(engine.facts.records_read)
        new.subtract(self._facts_seen)
        self._facts_seen = dict(engine.facts.records_read)
        metrics.facts_loaded(
            {topic: count for topic, count in new.items() if count > 0}
        )
        metrics.table_rows(engine.figures.table_rows())
        metrics.watermarks(engine.figures.watermarks())
        for number, tables in engine.facts.tables.items():
            more = tables.misrouted - self._misrouted_seen.get(number, 0)
            if more > 0:
                metrics.misrouted(engine.facts.topics.buyers, more)
            self._misrouted_seen[number] = tables.misrouted
        policy = engine.shared.policies.at(self._now_ms())
        metrics.policy(policy.name if policy is not None else None)
        if policy is not None:
            metrics.breakers_open(engine.breaker.open_now(self._now_ms(), policy))
        metrics.agents(engine.agents_up())
        metrics.tasks(len(asyncio.all_tasks()))

    def _look_at_source(self, engine: "Engine") -> None:
        source, metrics = engine.source, self._metrics
        if source.rebalances != self._rebalances_seen:
            self._rebalances_seen = source.rebalances
            metrics.assigned(len(source.read_to))
        if source.deleted != self._deleted_seen:
            metrics.deleted(self._topic, source.deleted - self._deleted_seen)
            self._deleted_seen = source.deleted
        metrics.committed(self._now_ms() - source.progress.commit_age_ms())
        metrics.lag(engine.figures.lag())
