"""Compare the categories that a fast-refund policy excludes with those of orders."""

import msgspec

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import root_doubts
from streams.families.fast_refund.rules import READINGS
from streams.families.fast_refund.topics import ORDERS
from streams.processing.policies import AnyPolicy
from streams.processing.policies.plausible import unmeant
from streams.processing.policies.publication import PolicyRecord
from streams.records.record import Placed
from streams.settings import Settings
from streams.settings.topics import topic_name
from streams.tools.reading import broker_errors, partitions_of, reader, scan


class _Line(msgspec.Struct):
    category_path: object = None


class _Lines(msgspec.Struct):
    lines: list[_Line] = []


_ORDER = msgspec.json.Decoder(_Lines)


async def roots_among(settings: Settings, wanted: frozenset[str]) -> frozenset[str]:
    """Return which of these category roots occur in the topic of orders.

    It reads the whole topic: some seconds per million orders.

    Raises
    ------
    SourceError
        The brokers cannot be reached.
    """
    found: set[str] = set()

    def take(record: Placed) -> None:
        if record.value is None or wanted <= found:
            return
        try:
            lines = _ORDER.decode(record.value).lines
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # no order, or one with unreadable lines
        for line in lines:
            path = line.category_path
            if isinstance(path, list) and path and path[0] in wanted:
                found.add(path[0])

    topic = topic_name(ORDERS, settings.topics)
    with broker_errors(settings.kafka):
        partitions = await partitions_of(settings.kafka, [topic])
        async with reader(settings.kafka) as consumer:
            await scan(consumer, partitions, take)
    return frozenset(found)


async def doubts_of_roots(
    settings: Settings, record: PolicyRecord[AnyPolicy]
) -> tuple[str, ...]:
    """Return a line for each excluded category that no order has.

    The orders are read only for categories that the default does not exclude. Policies
    of other families exclude none.

    Raises
    ------
    SourceError
        The brokers cannot be reached.
    """
    policy = record.policy
    if not isinstance(policy, Policy):
        return ()
    usual = frozenset(READINGS.excluded_roots)
    new = frozenset(policy.excluded_roots) - usual
    if not new or "excluded_roots" in record.publication.allow:
        return ()
    known = await roots_among(settings, new) | usual
    return unmeant(root_doubts(policy, known), ())
