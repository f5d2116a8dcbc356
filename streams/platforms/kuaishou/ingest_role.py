"""The step of the role ``ingest``: turn slices of platform events into canonical records.

An event is committed once all its records are acknowledged. Read again after a crash,
it gives the same records with the same ids and versions, which change nothing a second
time.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import msgspec
from aiokafka import TopicPartition

from streams.families.fast_refund.topics import ORDERS
from streams.kafka.slices import Part, Poll, Slice
from streams.platforms.kuaishou.fitting import fitted
from streams.platforms.kuaishou.ingest import Handled, Ingest
from streams.platforms.kuaishou.mapping import Emission
from streams.platforms.kuaishou.names import Reason
from streams.platforms.kuaishou.order_placement import Placement
from streams.processing.partitioner import partition_of
from streams.processing.topics import DEAD_LETTERS
from streams.records.dead_letters import dead_letter
from streams.records.headers import passed_on
from streams.records.json_values import Unreadable
from streams.records.record import Record
from streams.records.record_format import Outgoing, block_of
from streams.records.unread import Unread, remains_of
from streams.settings.topics import PlacedTopic

_DEAD: Final = DEAD_LETTERS.name
_UNREADABLE: Final = "the event cannot be read"


class IngestCounters(Protocol):
    """Counts the results of ingestion, once per slice."""

    def ingested(self, piece: Slice, handled: list[Handled]) -> None:
        """Count events by class, and dead letters by reason."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """The destination of records: topics, placement and size limits."""

    topics: Mapping[str, PlacedTopic]
    """Row name -> topic of emissions."""
    placement: Placement
    """Learns in which partitions orders are written."""
    app_version: str
    record_max_bytes: int
    """Largest record: its topic accepts it, and deciding workers read it."""
    letter_max_bytes: int
    """Size limit of the topic of dead letters."""


class IngestStep:
    """Turns slices of events into canonical records (:class:`streams.kafka.slices.Step`).

    Parameters
    ----------
    ingest
        The reader of one input partition: it must see all records of an order.
    forget
        Drops that reader, because it has already seen records that will be read again.
    """

    def __init__(
        self,
        ingest: Callable[[int], Ingest],
        forget: Callable[[int], None],
        to: Destination,
        counters: IngestCounters,
        now_ms: Callable[[], int],
    ) -> None:
        self._ingest = ingest
        self._forget = forget
        self._to = to
        self._counters = counters
        self._now_ms = now_ms
        self._handled: list[Handled] = []

    def begin(self, poll: Poll) -> None:
        """Do nothing: the slices of a poll share nothing."""

    async def read(self, piece: Slice) -> None:
        """Read the events, and ask the platform about them."""
        handled = await self._ingest(piece.partition.partition).handle_slice(
            [record.value or b"" for record in piece.records]
        )
        self._handled = [
            _unread(record.why, found) if isinstance(record, Unread) else found
            for record, found in zip(piece.records, handled, strict=True)
        ]

    def take(self, piece: Slice) -> Part:
        """Return the records of all events of a slice."""
        now_ms, handled = self._now_ms(), self._handled
        outputs: defaultdict[TopicPartition, list[Outgoing]] = defaultdict(list)
        for record, found in zip(piece.records, handled, strict=True):
            for emission in found.emissions:
                if emission.topic == _DEAD:
                    origin = piece.partition, record
                    where, out = _letter(origin, found, self._to, now_ms)
                    outputs[where].append(out)
                    continue
                for number in _partitions(emission, self._to):
                    where = TopicPartition(self._to.topics[emission.topic].name, number)
                    outputs[where].append(_canonical(record, emission, self._to))
        self._counters.ingested(piece, handled)
        return Part(piece, outputs, last=True)

    def abandon(self, piece: Slice) -> None:
        """Forget a slice whose partition was revoked meanwhile.

        The new owner asks the platform again. If that is this worker, the events must
        not be taken for copies.
        """
        self._handled = []
        self._forget(piece.partition.partition)


def _unread(why: Unreadable, found: Handled) -> Handled:
    """Return the result with the reason why an event is unread."""
    verdict = msgspec.structs.replace(found.verdict, reason=Reason(why.error))
    return msgspec.structs.replace(found, verdict=verdict)


def _letter(
    origin: tuple[TopicPartition, Record],
    found: Handled,
    to: Destination,
    now_ms: int,
) -> tuple[TopicPartition, Outgoing]:
    """Return a dead letter and its topic partition."""
    source, record = origin
    message = record.why.message if isinstance(record, Unread) else _UNREADABLE
    letter = dead_letter(
        remains_of(record, to.letter_max_bytes),
        (source.topic, source.partition, record.offset),
        ("ingest", str(found.verdict.reason), message),
        now_ms,
        to.app_version,
    )
    topic = to.topics[_DEAD]
    return TopicPartition(topic.name, source.partition % topic.partitions), letter


def _partitions(emission: Emission, to: Destination) -> Iterable[int]:
    """Return the partitions of a record; an order row is noted, so that later records follow it."""
    owner, partitions = emission.partition_by, to.topics[emission.topic].partitions
    if owner is None:
        return range(partitions)
    number = partition_of(owner, partitions)
    if emission.topic == ORDERS.name:
        order_id = int(emission.key)
        if emission.value is None:
            to.placement.ended(order_id, number)
        else:
            to.placement.wrote(order_id, owner)
    return (number,)


def _canonical(event: Record, emission: Emission, to: Destination) -> Outgoing:
    out = fitted(emission, to.record_max_bytes)
    return out.key, out.value, block_of(passed_on(event.headers))
