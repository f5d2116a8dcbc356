"""The series that a worker's counters have from its start on, at 0.

Labels come from closed lists, so every value that can be counted is known before
anything happens. An alert on the first event needs the 0 before it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias, get_args

from streams.families.fast_refund.due_notices import NOTICE_KINDS
from streams.families.fast_refund.reasons import REASONS
from streams.metrics import Spec, table
from streams.platforms.kuaishou import names
from streams.processing.policies.disagreements import DISAGREEMENTS
from streams.records.dead_letters import ERRORS, PolicyRefused
from streams.settings import Settings, Topics
from streams.worker.topic_names import fact_topics

Series: TypeAlias = Mapping[Spec, Iterable[tuple[str, ...]]]
"""Metric -> the values of its labels, in the order of the metric table."""

_FOLLOW_UP: Final = "manual_review"
"""The review that a failed payout opens is counted among the notices."""


def series(settings: Settings) -> Series:
    """Return the series of all counters that this worker's agents can move."""
    found: dict[Spec, list[tuple[str, ...]]] = {}
    for spec, row in _all(settings):
        found.setdefault(spec, []).append(row)
    return found


def _all(settings: Settings) -> Iterator[tuple[Spec, tuple[str, ...]]]:
    agents, topics = settings.worker.roles, settings.topics
    if "decide" in agents:
        yield from _decisions()
        yield from _read(topics.prefix + "requests", "decode")
        yield from _of_requests(topics)
        yield from _bad_facts(topics)
    if "watch" in agents:
        for kind in (*NOTICE_KINDS, _FOLLOW_UP):
            yield table.NOTICES, (kind,)
    if "ingest" in agents:
        yield from _read(topics.events, "ingest")
        for kind in names.Kind:
            yield table.EVENTS, (topics.events, kind.value)


def _decisions() -> Iterator[tuple[Spec, tuple[str, ...]]]:
    dispositions = {reason.disposition for reason in REASONS.values()}
    for disposition in sorted(dispositions):
        yield table.DISPOSITIONS, (disposition,)
    for code, reason in REASONS.items():
        yield table.REASONS, (code.value,)
        if reason.outcome is not None:
            yield table.DECISIONS, (reason.outcome, code.value)


def _read(topic: str, stage: str) -> Iterator[tuple[Spec, tuple[str, ...]]]:
    """Yield what is counted of any topic that an agent reads in slices."""
    for spec in (table.RECORDS, table.SLICES, table.DELETED, table.REBALANCES):
        yield spec, (topic,)
    for error in ERRORS[stage]:
        yield table.DEAD_LETTERS, (topic, error)


def _of_requests(topics: Topics) -> Iterator[tuple[Spec, tuple[str, ...]]]:
    requests, facts = topics.prefix + "requests", fact_topics(topics)
    yield table.SKIPPED, (requests,)
    yield table.UNFIT, (requests,)
    for kind in DISAGREEMENTS:
        yield table.POLICY_DISAGREEMENTS, (kind,)
    yield table.UNANSWERED, (requests,)
    yield table.MISROUTED, (requests,)
    for topic in facts.names():
        yield table.FACTS_LOADED, (topic,)
        if topic != facts.policies:  # it has one partition
            yield table.MISROUTED, (topic,)


def _bad_facts(topics: Topics) -> Iterator[tuple[Spec, tuple[str, ...]]]:
    facts = fact_topics(topics)
    for topic in facts.names():
        for error in ERRORS["fact"]:
            if error not in get_args(PolicyRefused) or topic == facts.policies:
                yield table.DEAD_LETTERS, (topic, error)
