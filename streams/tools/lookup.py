"""Find one decision in the topics, and the policy that it names."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from streams import logs
from streams.errors import SourceError
from streams.processing.explain import Decided
from streams.processing.family import Family
from streams.processing.policies import PolicyBook
from streams.processing.topics import POLICIES, Topic
from streams.records.headers import text
from streams.records.record import Placed
from streams.settings import Settings
from streams.settings.topics import topic_name
from streams.tools.explaining import Found, policy_of
from streams.tools.families import Load, base_of, family_of_id
from streams.tools.reading import broker_errors, partitions_of, reader, scan


def find(wanted: str, policy_file: str | None, load: Load) -> Found:
    """Look a decision up, and the policy that it names.

    Parameters
    ----------
    wanted
        ``FR:refund_id:version``, or a bare key such as a refund id.
    policy_file
        None = the shipped one of the fast refund; versions from the topic of policies
        extend it.

    Raises
    ------
    PolicyError
        The file cannot be used.
    SourceError
        There is no such decision, or the brokers cannot be reached.
    """
    family = family_of_id(wanted, load)
    book: PolicyBook[Any] = PolicyBook(family.policy, base_of(family, policy_file))
    settings = load()
    logs.silence()
    decision = asyncio.run(look_up(settings, family, wanted, book))
    return Found(family.explainer, decision, *policy_of(decision, book.policies))


async def look_up(
    settings: Settings, family: Family, wanted: str, book: PolicyBook[Any]
) -> Decided:
    """Read the output topics of a family until their end for a decision.

    The first record of a decision id counts; for a bare key, the newest version.

    Parameters
    ----------
    wanted
        A decision id or a bare key.
    book
        Receives the versions of the topic of policies.

    Raises
    ------
    SourceError
        No such decision, or the brokers cannot be reached.
    """
    topics = settings.topics
    policies = topic_name(POLICIES, topics)
    matches = _matching(wanted)
    first: dict[str, Placed] = {}

    def take(record: Placed) -> None:
        if record.topic == policies:
            book.apply(record.key, record.value, record.timestamp)
        elif record.value is not None:
            decision_id = matches(record)
            if decision_id is not None:
                first.setdefault(decision_id, record)

    outputs = [
        topic_name(row, topics) for row in family.topics.outputs if _decides(row)
    ]
    with broker_errors(settings.kafka):
        names = [*outputs, policies]
        partitions = await partitions_of(settings.kafka, names)
        async with reader(settings.kafka) as consumer:
            await scan(consumer, partitions, take)
    decisions = [_decoded(record, family) for record in first.values()]
    if not decisions:
        raise SourceError(f"no decision {wanted} in {', '.join(outputs)}")
    version = family.explainer.version
    return max(decisions, key=lambda one: (version(one), one.decision_id))


def _matching(wanted: str) -> Callable[[Placed], str | None]:
    """Return a function that gives a record's decision id, if it matches."""
    key = wanted.encode()

    def matches(record: Placed) -> str | None:
        decision_id = text(record.headers, "ce_id") or ""
        return decision_id if decision_id == wanted or record.key == key else None

    return matches


def _decides(row: Topic) -> bool:
    """Whether a topic holds decisions: an output topic, but not of notices."""
    return row.kind == "output" and "notice" not in row.records


def _decoded(record: Placed, family: Family) -> Decided:
    try:
        found: Decided = family.explainer.read(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        where = f"{record.topic} {record.partition}:{record.offset}"
        raise SourceError(f"{where} holds no decision: {problem}") from problem
    return found
