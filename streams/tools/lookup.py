"""Finding one decision, and the policies it may name, in the topics."""

import msgspec

from streams.errors import SourceError
from streams.families.fast_refund.decision_codec import decode_decision
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policies, Policy
from streams.families.fast_refund.tables import SharedTables
from streams.families.fast_refund.topics import CODE, DECISIONS
from streams.processing.topics import POLICIES
from streams.records.headers import text
from streams.records.record import Placed
from streams.settings import Settings
from streams.settings.topics import topic_name
from streams.tools.reading import broker_errors, partitions_of, reader, scan


class Found(msgspec.Struct, frozen=True):
    """A decision, and every policy version known."""

    decision: Decision
    policies: Policies


async def look_up(settings: Settings, wanted: str, base: Policy) -> Found:
    """Read the output topics until their end for a decision or refund id.

    The first record of a decision id counts; of a refund id, its newest version.

    Parameters
    ----------
    wanted
        ``FR:refund_id:version`` or a bare refund id.
    base
        The policy of the file; versions from ``refund.policies`` come on top.

    Raises
    ------
    SourceError
        No such decision, or the brokers cannot be reached.
    """
    policies = topic_name(POLICIES, settings.topics)
    refund_id = _refund_id(wanted)
    key = refund_id.encode()
    first: dict[str, Placed] = {}
    shared = SharedTables(Policies((base,)), settings.partitions_of(CODE))

    def take(record: Placed) -> None:
        if record.topic == policies:
            shared.apply_policy(record.key, record.value, record.timestamp)
        elif record.key == key and record.value is not None:
            decision_id = text(record.headers, "ce_id") or ""
            if wanted in (refund_id, decision_id):
                first.setdefault(decision_id, record)

    names = [topic_name(row, settings.topics) for row in (*DECISIONS, POLICIES)]
    with broker_errors(settings.kafka):
        partitions = await partitions_of(settings.kafka, names)
        async with reader(settings.kafka) as consumer:
            await scan(consumer, partitions, take)
    decisions = [_decoded(record) for record in first.values()]
    if not decisions:
        raise SourceError(f"no decision {wanted} in {', '.join(names[:-1])}")
    newest = max(decisions, key=lambda one: (one.refund_version or 0, one.decision_id))
    return Found(newest, shared.policies)


def _refund_id(wanted: str) -> str:
    """Take the refund id out of a decision id; refund ids may hold colons."""
    family, _, rest = wanted.partition(":")
    inner, _, version = rest.rpartition(":")
    named = family == "FR" and bool(inner) and (version.isdecimal() or not version)
    return inner if named else wanted


def _decoded(record: Placed) -> Decision:
    try:
        return decode_decision(record.value or b"")
    except msgspec.DecodeError as problem:
        where = f"{record.topic} {record.partition}:{record.offset}"
        raise SourceError(f"{where} holds no decision: {problem}") from problem
