"""The series that a worker's counters export from the start, at 0.

Labels come from closed lists, so every series is known before the first event. An alert
on that event needs the 0 before it.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias, get_args

from streams.families.registered import registered
from streams.metrics import Spec, table
from streams.platforms.kuaishou import names
from streams.platforms.kuaishou.topics import EVENTS
from streams.processing.family import Family
from streams.processing.policies.disagreements import DISAGREEMENTS
from streams.processing.topics import POLICIES
from streams.records.dead_letters import ERRORS, PolicyRefused
from streams.settings import Settings
from streams.settings.topics import PlacedTopic, placed, topic_name

Series: TypeAlias = Mapping[Spec, Iterable[tuple[str, ...]]]
"""Metric -> the values of its labels, in the order of the metric table."""


def series(settings: Settings) -> Series:
    """Return the series of all counters that the roles of this worker can increase."""
    found: dict[Spec, dict[tuple[str, ...], None]] = {}
    for spec, row in _all(settings):  # shared series come once per family
        found.setdefault(spec, {})[row] = None
    return found


def _all(settings: Settings) -> Iterator[tuple[Spec, tuple[str, ...]]]:
    roles = settings.worker.roles
    if "decide" in roles:
        for family in registered(settings.worker.families):
            yield from _decisions(family)
            (requests,) = placed((family.topics.input,), settings)
            yield from _read(requests.name, "decode")
            yield from _by_topic("input", requests.name)
            facts = (*family.topics.facts, *family.topics.shared_facts)
            for topic in placed(facts, settings):
                yield from _of_facts(topic)
    if "watch" in roles:
        for family in registered(settings.worker.families):
            for one in family.kinds:
                yield table.NOTICES, (family.code, one)
    if "ingest" in roles:
        events = topic_name(EVENTS, settings.topics)
        yield from _read(events, "ingest")
        for kind in names.Kind:
            yield table.EVENTS, (events, kind.value)


def _decisions(family: Family) -> Iterator[tuple[Spec, tuple[str, ...]]]:
    code, reasons = family.code, family.reasons
    for disposition in sorted({row.disposition for row in reasons.values()}):
        yield table.DISPOSITIONS, (code, disposition)
    for reason, row in reasons.items():
        yield table.REASONS, (code, reason)
        if row.outcome is not None:
            yield table.DECISIONS, (code, row.outcome, reason)
    for spec in (table.REPEATED, table.DOUBTED, table.MANUAL_REVIEW_COUNT):
        yield spec, (code,)
    for kind in DISAGREEMENTS:
        yield table.POLICY_DISAGREEMENTS, (code, kind)


def _read(topic: str, stage: str) -> Iterator[tuple[Spec, tuple[str, ...]]]:
    """Yield the counters of any topic that a role reads in slices."""
    yield from _by_topic("read", topic)
    for error in ERRORS[stage]:
        yield table.DEAD_LETTERS, (topic, error)


def _by_topic(kind: table.Topics, topic: str) -> Iterator[tuple[Spec, tuple[str, ...]]]:
    """Yield the counters that the metric table declares for this kind of topic."""
    for spec in table.TABLE:
        if kind in spec.topics:
            yield spec, (topic,)


def _of_facts(topic: PlacedTopic) -> Iterator[tuple[Spec, tuple[str, ...]]]:
    yield from _by_topic("fact", topic.name)
    if topic.row.partition_key is not None:
        yield from _by_topic("routed_fact", topic.name)
    for error in ERRORS["fact"]:
        if error not in get_args(PolicyRefused) or topic.row == POLICIES:
            yield table.DEAD_LETTERS, (topic.name, error)
