"""ListOffsets: the first offset, the next one, or the first since a time."""

from collections.abc import Mapping
from typing import Any, Final

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import Call, Handler
from testkit.simulated.logs.partitions import Partition
from testkit.simulated.logs.results import Found
from testkit.simulated.requests.leading import led_here

_LATEST: Final = -1
_EARLIEST: Final = -2
_COMMITTED: Final = 1
_WITH_ISOLATION: Final = 2
_NOTHING: Final = Found(-1, -1)


async def list_offsets(cluster: Cluster, call: Call, request: Any) -> Any:
    """Answer for each partition that the node leads."""
    committed = getattr(request, "isolation_level", 0) == _COMMITTED
    rows = []
    for topic, partitions in request.topics:
        found = []
        for number, timestamp_ms in partitions:
            partition = cluster.topics.partition(topic, number)
            error, at = _found(partition, call, timestamp_ms, committed=committed)
            found.append((number, error, at.timestamp_ms, at.offset))
        rows.append((topic, found))
    throttle = (0,) if call.api_version >= _WITH_ISOLATION else ()
    return request.RESPONSE_TYPE(*throttle, rows)


def _found(
    partition: Partition | None, call: Call, timestamp_ms: int, *, committed: bool
) -> tuple[ErrorCode, Found]:
    error = led_here(partition, call)
    if not error and timestamp_ms < _EARLIEST:
        error = ErrorCode.UNSUPPORTED_VERSION
    if partition is None or error:
        return error, _NOTHING
    log = partition.log
    if timestamp_ms == _EARLIEST:
        return ErrorCode.NONE, Found(log.start_offset, -1)
    end = log.readable_until(committed=committed)
    at = None if timestamp_ms == _LATEST else log.find(timestamp_ms)
    if at is not None and at.offset < end:
        return ErrorCode.NONE, at
    if log.high_watermark < partition.led_from:
        # What the leader found in its log when it began is not replicated yet.
        return ErrorCode.LEADER_NOT_AVAILABLE, _NOTHING
    return ErrorCode.NONE, Found(end, -1) if timestamp_ms == _LATEST else _NOTHING


HANDLERS: Final[Mapping[int, Handler]] = {2: list_offsets}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {2: (1, 3)}
