"""Fetch: stored batches of some partitions, as soon as there are enough."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import Call, Handler
from testkit.simulated.logs.partitions import Partition
from testkit.simulated.requests.leading import led_here
from testkit.simulated.waiting import until

_COMMITTED: Final = 1
"""The isolation level ``read_committed``."""
_FROM_FOLLOWERS: Final = 11
"""The first version that followers answer too (KIP-392)."""
_WITH_SESSIONS: Final = 7
_BYTES_MAX: Final = 57_671_680
"""The default of a broker's ``fetch.max.bytes``."""
_UNKNOWN: Final = -1


class _Wanted(msgspec.Struct, frozen=True):
    """What is asked of a partition."""

    topic: str
    number: int
    offset: int
    most: int
    """Bytes."""
    epoch: int
    """That of the leader as the client knows it; -1 = it does not say."""
    partition: Partition | None


class _Got(msgspec.Struct, frozen=True):
    """What a partition gives."""

    error: ErrorCode
    records: bytes = b""
    high_watermark: int = _UNKNOWN
    stable: int = _UNKNOWN
    start: int = _UNKNOWN
    aborted: list[tuple[int, int]] | None = None
    past_readable: bool = False
    """What is asked for is there, but may not be read yet: nothing is waited for."""


_GONE: Final = _Got(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, aborted=[])
"""Of a topic that the node does not know: that does not end the waiting."""


class _Fetch:
    """A fetch on its way."""

    def __init__(self, cluster: Cluster, call: Call, request: Any) -> None:
        self._call = call
        self.request = request
        self.committed = request.isolation_level == _COMMITTED
        partition = cluster.topics.partition
        self.wanted = [
            _Wanted(topic, number, offset, most, epoch, partition(topic, number))
            for topic, number, offset, most, epoch in _asked(request)
        ]
        self.known = [one for one in self.wanted if one.partition is not None]

    def read(self) -> dict[tuple[str, int], _Got]:
        """Read every partition, within the bytes that may be answered."""
        left = min(self.request.max_bytes, _BYTES_MAX)
        whole = True
        found = {}
        for one in self.known:
            got = self._got(one, min(one.most, left), whole=whole)
            found[one.topic, one.number] = got
            if got.records:
                whole = False
                left = max(0, left - len(got.records))
        return found

    def _got(self, wanted: _Wanted, most: int, *, whole: bool) -> _Got:
        partition = wanted.partition
        error, end = self._served(wanted)
        if partition is None or error:
            return _Got(error)
        log, offset = partition.log, wanted.offset
        if not log.start_offset <= offset <= end:
            return _Got(ErrorCode.OFFSET_OUT_OF_RANGE)
        readable = min(end, log.readable_until(committed=self.committed))
        records = log.read(offset, most, readable, whole=whole)
        aborted = None
        if self.committed:
            aborted = log.aborted_in(offset, len(records)) if records else []
        return _Got(
            ErrorCode.NONE,
            records,
            log.high_watermark,
            log.last_stable_offset,
            log.start_offset,
            aborted,
            offset > readable,
        )

    def _served(self, wanted: _Wanted) -> tuple[ErrorCode, int]:
        """Return the error, and where the log of the node that is asked ends."""
        partition = wanted.partition
        error = led_here(partition, self._call)
        if partition is None or partition.deleted:
            return error, 0
        if 0 <= wanted.epoch != partition.leader_epoch:
            old = wanted.epoch < partition.leader_epoch
            unknown = ErrorCode.UNKNOWN_LEADER_EPOCH
            return (ErrorCode.FENCED_LEADER_EPOCH if old else unknown), 0
        if not error:
            return error, partition.log.end_offset
        node = self._call.node_id
        if (
            self._call.api_version >= _FROM_FOLLOWERS
            and node in partition.replicas
            and partition.leader is not None
        ):
            return ErrorCode.NONE, partition.ends[node]
        return error, 0

    def enough(self) -> bool:
        """Whether it can be answered before its time is up."""
        size = 0
        for one in self.known:
            partition = one.partition
            error, end = self._served(one)
            if error or partition is None or partition.deleted:
                return True
            log = partition.log
            if not log.start_offset <= one.offset <= end:
                return True
            readable = min(end, log.readable_until(committed=self.committed))
            if one.offset > readable:
                return True
            if one.offset < readable:
                size += len(log.read(one.offset, one.most, readable))
        return bool(size >= self.request.min_bytes)

    def at_once(self, found: Mapping[tuple[str, int], _Got]) -> bool:
        """Whether what was read is answered without waiting."""
        size = sum(len(got.records) for got in found.values())
        return (
            self.request.max_wait_time <= 0
            or size >= self.request.min_bytes
            or any(got.error or got.past_readable for got in found.values())
            or not found
        )


def _asked(request: Any) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield topic, partition, offset, most bytes, leader epoch."""
    has_epoch = request.API_VERSION >= 9
    for topic, partitions in request.topics:
        for row in partitions:
            epoch = row[1] if has_epoch else _UNKNOWN
            yield topic, row[0], row[1 + has_epoch], row[-1], epoch


async def fetch(cluster: Cluster, call: Call, request: Any) -> Any:
    """Answer when there are enough bytes, an error, or the time is up."""
    if request.API_VERSION >= _WITH_SESSIONS and request.session_id:
        return request.RESPONSE_TYPE(0, ErrorCode.FETCH_SESSION_ID_NOT_FOUND, 0, [])
    asked = _Fetch(cluster, call, request)
    found = asked.read()
    if not asked.at_once(found):
        partitions = [one.partition for one in asked.known if one.partition]
        await until(partitions, asked.enough, request.max_wait_time)
        found = asked.read()
    return _response(request, asked, found)


def _response(
    request: Any,
    asked: _Fetch,
    found: Mapping[tuple[str, int], _Got],
) -> Any:
    version = request.API_VERSION
    topics: dict[str, list[tuple[Any, ...]]] = {}
    for one in asked.wanted:
        got = found.get((one.topic, one.number), _GONE)
        start = (got.start,) if version >= 5 else ()
        nearer = (_UNKNOWN,) if version >= _FROM_FOLLOWERS else ()
        row = (
            one.number,
            got.error,
            got.high_watermark,
            got.stable,
            *start,
            got.aborted,
            *nearer,
            got.records,
        )
        topics.setdefault(one.topic, []).append(row)
    rows = list(topics.items())
    if version >= _WITH_SESSIONS:
        return request.RESPONSE_TYPE(0, ErrorCode.NONE, 0, rows)
    return request.RESPONSE_TYPE(0, rows)


HANDLERS: Final[Mapping[int, Handler]] = {1: fetch}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {1: (4, 11)}
