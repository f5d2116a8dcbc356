"""DeleteRecords: raise the log start of partitions."""

from collections.abc import Mapping
from typing import Any, Final

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import Call, Handler
from testkit.simulated.requests.leading import led_here

_FLEXIBLE_SINCE: Final = 2
_UNKNOWN: Final = -1


async def delete_records(cluster: Cluster, call: Call, request: Any) -> Any:
    """Answer with the log start of each partition."""
    tags: tuple[Any, ...] = ({},) if call.api_version >= _FLEXIBLE_SINCE else ()
    rows = []
    for topic, partitions, *_ in request.topics:
        found = []
        for number, offset in (row[:2] for row in partitions):
            start, error = _deleted(cluster, call, (topic, number), offset)
            found.append((number, start, error, *tags))
        rows.append((topic, found, *tags))
    return request.RESPONSE_TYPE(0, rows, *tags)


def _deleted(
    cluster: Cluster, call: Call, place: tuple[str, int], offset: int
) -> tuple[int, ErrorCode]:
    partition = cluster.topics.partition(*place)
    error = led_here(partition, call)
    if partition is not None and not error:
        error = partition.delete_records(offset)
    if partition is None or error:
        return _UNKNOWN, error
    return partition.log.start_offset, error


HANDLERS: Final[Mapping[int, Handler]] = {21: delete_records}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {21: (0, 2)}
