"""Produce: a batch for each of some partitions, appended and acknowledged."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import Call, Handler, HangUpError
from testkit.simulated.logs.batches import CorruptBatchError, batches_of
from testkit.simulated.logs.partitions import ALL, Partition
from testkit.simulated.logs.results import AppendResult
from testkit.simulated.requests.leading import led_here
from testkit.simulated.requests.transactional import outside_transaction
from testkit.simulated.waiting import until

_ACKS: Final = (-1, 0, 1)
_VERSION: Final = 2
"""Of batches, since Kafka 0.11; ``magic`` in the protocol."""
_ZSTD: Final = 4
"""The last codec there is."""
_ZSTD_SINCE: Final = 7


class _Row(msgspec.Struct):
    """What is answered for a partition."""

    topic: str
    number: int
    result: AppendResult
    error: ErrorCode
    partition: Partition | None = None
    epoch: int = -1
    """Of the leader that appended."""

    def settle(self) -> bool:
        """Look whether the answer is known; set the error if it is one.

        With too few in sync the high watermark stands still, until the time is up. So
        ``NOT_ENOUGH_REPLICAS_AFTER_APPEND`` comes only from a race within a broker, which
        has no width here; a fault of a request can still say it.
        """
        partition = self.partition
        if partition is None or self.result.refused:
            return True
        if partition.deleted:
            self.error = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        elif partition.leader_epoch != self.epoch:
            self.error = ErrorCode.NOT_LEADER_OR_FOLLOWER
        else:
            return partition.log.high_watermark >= self.result.next_offset
        return True


async def produce(cluster: Cluster, call: Call, request: Any) -> Any:
    """Append; answer at once, or when every replica in sync has it (``acks`` -1)."""
    acks = request.required_acks
    rows = [
        _appended(cluster, call, request, topic, number, data or b"")
        for topic, partitions in request.topics
        for number, data in partitions
    ]
    if acks == ALL:
        await _acknowledged(rows, request.timeout)
    if acks == 0:
        if any(row.error for row in rows):
            raise HangUpError  # the only way to tell a client that waits for no answer
        return None
    return _response(request, rows)


def _appended(
    cluster: Cluster, call: Call, request: Any, topic: str, number: int, data: bytes
) -> _Row:
    partition, acks = cluster.topics.partition(topic, number), request.required_acks
    error = _problem(partition, call, data, acks)
    if partition is not None and not error:
        batch = batches_of(data)[0]
        error = outside_transaction(cluster, request, partition, batch)
    if partition is None or error:
        return _Row(topic, number, AppendResult(error), error)
    result = partition.append(data, acks)
    return _Row(topic, number, result, result.error, partition, partition.leader_epoch)


def _problem(
    partition: Partition | None, call: Call, data: bytes, acks: int
) -> ErrorCode:
    """Return why a partition is not even asked, in the order in which Kafka looks."""
    if partition is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    problem = _unreadable(call, data)
    if problem:
        return problem
    if acks not in _ACKS:
        return ErrorCode.INVALID_REQUIRED_ACKS
    return led_here(partition, call)


def _unreadable(call: Call, data: bytes) -> ErrorCode:
    try:
        batches = batches_of(data)
    except CorruptBatchError:
        return ErrorCode.CORRUPT_MESSAGE
    if batches and batches[0].version > _VERSION:
        return ErrorCode.CORRUPT_MESSAGE
    if len(batches) != 1 or batches[0].version != _VERSION:
        return ErrorCode.INVALID_RECORD
    if batches[0].codec > _ZSTD:
        return ErrorCode.UNKNOWN_SERVER_ERROR
    if batches[0].codec == _ZSTD and call.api_version < _ZSTD_SINCE:
        return ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    return ErrorCode.NONE


async def _acknowledged(rows: list[_Row], timeout_ms: int) -> None:
    waiting = [row for row in rows if not row.settle()]
    if not waiting:
        return
    partitions = [row.partition for row in waiting if row.partition is not None]
    left = {id(row): row for row in waiting}

    def done() -> bool:
        for key, row in list(left.items()):
            if row.settle():
                del left[key]
        return not left

    await until(partitions, done, timeout_ms)
    for row in left.values():
        row.error = ErrorCode.REQUEST_TIMED_OUT


def _response(request: Any, rows: list[_Row]) -> Any:
    fields = 5 if request.API_VERSION >= 5 else 4
    topics: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        result = row.result
        found: tuple[Any, ...] = (
            row.number,
            row.error,
            result.base_offset,
            result.append_ms,
            result.log_start_offset,
        )
        topics.setdefault(row.topic, []).append(found[:fields])
    return request.RESPONSE_TYPE(list(topics.items()), 0)


HANDLERS: Final[Mapping[int, Handler]] = {0: produce}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {0: (3, 7)}
