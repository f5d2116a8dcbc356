"""Requests to logs, as short calls: produce, fetch, list offsets, delete records."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.protocol.admin import DeleteRecordsRequest, DeleteRecordsRequest_v2
from aiokafka.protocol.fetch import FetchRequest, FetchRequest_v11
from aiokafka.protocol.offset import OffsetRequest_v3
from aiokafka.protocol.produce import ProduceRequest_v7

from testkit.simulated.conversations.batches import Batch, Read, read
from testkit.simulated.conversations.wire import Peer, error_name

EARLIEST: Final = -2
LATEST: Final = -1
READ_UNCOMMITTED: Final = 0
READ_COMMITTED: Final = 1

_TIMEOUT_MS: Final = 30_000
_NOBODY: Final = -1


@dataclass(frozen=True, slots=True)
class Log:
    """A partition as one connection sees it."""

    peer: Peer
    topic: str
    number: int = 0

    async def append(self, batch: Batch | bytes, acks: int = -1) -> list[Any]:
        """Produce a batch; returns [error, base offset]."""
        answer = await self.produce(batch, acks)
        return [answer.error, answer.offset]

    async def produce(
        self, batch: Batch | bytes, acks: int = -1, transactional_id: str | None = None
    ) -> "Written":
        """Produce a batch, and return all that the broker says about it."""
        request = produce_request(
            [(self.topic, self.number, batch)], acks, transactional_id
        )
        (written,) = written_in(await self.peer.ask(request))
        return written

    async def fetch(
        self,
        offset: int = 0,
        *,
        isolation: int = READ_UNCOMMITTED,
        max_bytes: int = 2**20,
        wait_ms: int = 0,
        min_bytes: int = 0,
    ) -> "Fetched":
        """Fetch from an offset on, as a consumer without a session does."""
        request = fetch_request(
            [(self.topic, self.number, offset, max_bytes)],
            isolation=isolation,
            wait_ms=wait_ms,
            min_bytes=min_bytes,
        )
        (fetched,) = fetched_in(await self.peer.ask(request))
        return fetched

    async def values(
        self, offset: int = 0, isolation: int = READ_UNCOMMITTED
    ) -> list[Any]:
        """Return the records from an offset on, as [offset, value]."""
        return (await self.fetch(offset, isolation=isolation)).found.records

    async def offset(
        self, timestamp: int, isolation: int = READ_UNCOMMITTED
    ) -> list[Any]:
        """Return [error, timestamp, offset] for a point in time or an end of the log."""
        request = OffsetRequest_v3(
            _NOBODY, isolation, [(self.topic, [(self.number, timestamp)])]
        )
        answer = await self.peer.ask(request)
        ((_, ((_, code, found_ms, offset),)),) = answer.topics
        return [error_name(code), found_ms, offset]

    async def ends(self) -> list[int]:
        """Return the first offset and the one after the last."""
        return [(await self.offset(EARLIEST))[2], (await self.offset(LATEST))[2]]

    async def delete_before(self, offset: int) -> list[Any]:
        """Delete records below an offset; returns [error, first offset]."""
        request = DeleteRecordsRequest(
            [(self.topic, [(self.number, offset)])], _TIMEOUT_MS
        ).build(DeleteRecordsRequest_v2)
        answer = await self.peer.ask(request)
        ((_, ((_, low, code, _),), _),) = answer.topics
        return [error_name(code), low]


@dataclass(frozen=True, slots=True)
class Written:
    """What a produce response says about one partition."""

    topic: str
    number: int
    error: str
    offset: int
    append_ms: int
    """When the broker appended it, in topics with its own time; -1 elsewhere."""
    log_start: int


def produce_request(
    batches: Sequence[tuple[str, int, Batch | bytes]],
    acks: int = -1,
    transactional_id: str | None = None,
) -> Any:
    """Build a produce request from topic, partition and batch, in this order."""
    topics: dict[str, list[tuple[int, bytes]]] = {}
    for topic, number, batch in batches:
        data = batch.encoded() if isinstance(batch, Batch) else batch
        topics.setdefault(topic, []).append((number, data))
    return ProduceRequest_v7(transactional_id, acks, _TIMEOUT_MS, list(topics.items()))


def written_in(answer: Any) -> list[Written]:
    """Take a produce response apart."""
    return [
        Written(topic, number, error_name(code), offset, append_ms, log_start)
        for topic, rows in answer.topics
        for number, code, offset, append_ms, log_start in rows
    ]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch response says about one partition."""

    topic: str
    number: int
    error: str
    high_watermark: int
    last_stable: int
    log_start: int
    aborted: list[tuple[Any, int]] | None
    """Producer id and first offset of each aborted transaction."""
    found: Read
    size: int
    """Bytes of records."""

    @property
    def ends(self) -> list[int]:
        """Log start, last stable offset, high watermark."""
        return [self.log_start, self.last_stable, self.high_watermark]


def fetch_request(
    partitions: Sequence[tuple[str, int, int, int]],
    *,
    isolation: int = READ_UNCOMMITTED,
    wait_ms: int = 0,
    min_bytes: int = 0,
    max_bytes: int = 2**25,
) -> Any:
    """Build a fetch request from topic, partition, offset and most bytes."""
    topics: dict[str, list[tuple[int, int, int]]] = {}
    for topic, number, offset, most in partitions:
        topics.setdefault(topic, []).append((number, offset, most))
    request = FetchRequest(
        wait_ms, min_bytes, max_bytes, isolation, list(topics.items())
    )
    return request.build(FetchRequest_v11)


def fetched_in(answer: Any) -> list[Fetched]:
    """Take a fetch response apart."""
    return [_fetched(topic, *row) for topic, rows in answer.topics for row in rows]


def _fetched(topic: str, number: int, code: int, *rest: Any) -> Fetched:
    high, stable, start, aborted, _, data = rest
    return Fetched(
        topic,
        number,
        error_name(code),
        high,
        stable,
        start,
        aborted,
        read(data or b""),
        len(data or b""),
    )
