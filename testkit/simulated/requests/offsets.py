"""OffsetCommit and OffsetFetch."""

from collections.abc import Mapping
from typing import Any, Final

from aiokafka.structs import TopicPartition

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode, RefusedError
from testkit.simulated.handling import Call, Handler

_OFFSET_COMMIT: Final = 8
_OFFSET_FETCH: Final = 9
_THROTTLED_FROM: Final = 3
_GROUP_ERROR_FROM: Final = 2
_DEFAULT_RETENTION: Final = -1


class CommitRows:
    """Answers to each partition of a commit: those of unknown topics first, as Kafka does."""

    def __init__(self, cluster: Cluster, topics: Any) -> None:
        self.valid: dict[TopicPartition, tuple[int, str]] = {}
        """Partitions that there are: offset and metadata."""
        self._rows: dict[str, list[tuple[int, ErrorCode]]] = {}
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        for topic, partitions in topics:
            for number, offset, metadata in partitions:
                if cluster.topics.partition(topic, number) is None:
                    self._rows.setdefault(topic, []).append((number, unknown))
                else:
                    tp = TopicPartition(topic, number)
                    self.valid[tp] = (offset, metadata or "")

    def answer_all(self, error: ErrorCode) -> None:
        """Answer all partitions that there are with one error."""
        for topic, number in self.valid:
            self._rows.setdefault(topic, []).append((number, error))

    def answer_by_size(self, most: int) -> dict[TopicPartition, tuple[int, str]]:
        """Refuse too long metadata; return what can be committed."""
        taken = {}
        for tp, (offset, metadata) in self.valid.items():
            error = ErrorCode.NONE
            if len(metadata) > most:
                error = ErrorCode.OFFSET_METADATA_TOO_LARGE
            else:
                taken[tp] = (offset, metadata)
            self._rows.setdefault(tp.topic, []).append((tp.partition, error))
        return taken

    def rows(self) -> list[tuple[str, list[tuple[int, ErrorCode]]]]:
        """Return the answers by topic."""
        return list(self._rows.items())


async def offset_commit(cluster: Cluster, call: Call, request: Any) -> Any:
    """Take the offsets of a member, or of who reads without a group."""
    group_id, groups = request.consumer_group, cluster.groups
    rows = CommitRows(cluster, request.topics)
    if rows.valid:
        try:
            groups.check_commit(
                call.node_id,
                group_id,
                request.consumer_id,
                request.consumer_group_generation_id,
            )
        except RefusedError as refused:
            rows.answer_all(refused.code)
        else:
            expires_ms = None
            if request.retention_time != _DEFAULT_RETENTION:
                expires_ms = cluster.now_ms() + request.retention_time
            taken = rows.answer_by_size(groups.settings.offset_metadata_max_bytes)
            groups.offsets.commit(group_id, taken, expires_ms)
    throttle = (0,) if request.API_VERSION >= _THROTTLED_FROM else ()
    return request.RESPONSE_TYPE(*throttle, rows.rows())


async def offset_fetch(cluster: Cluster, call: Call, request: Any) -> Any:
    """Tell what a group has committed; -1 = nothing.

    From version 2 on an error of the group stands alone, and no partition is named.
    """
    group_id, topics = request.consumer_group, request.topics
    error = ErrorCode.NONE
    rows: list[Any] = []
    try:
        cluster.groups.require(call.node_id, group_id)
    except RefusedError as refused:
        error = refused.code
        if request.API_VERSION < _GROUP_ERROR_FROM:
            rows = [
                (topic, [(number, -1, "", error) for number in numbers])
                for topic, numbers in topics
            ]
    else:
        rows = _committed(cluster, group_id, topics)
    throttle = (0,) if request.API_VERSION >= _THROTTLED_FROM else ()
    told = (error,) if request.API_VERSION >= _GROUP_ERROR_FROM else ()
    return request.RESPONSE_TYPE(*throttle, rows, *told)


def _committed(cluster: Cluster, group_id: str, topics: Any) -> list[Any]:
    partitions = None
    if topics is not None:
        partitions = [
            TopicPartition(topic, number)
            for topic, numbers in topics
            for number in numbers
        ]
    rows: dict[str, list[Any]] = {topic: [] for topic, _ in topics or ()}
    for tp, found in cluster.groups.offsets.of(group_id).read(partitions):
        offset, metadata = (-1, "") if found is None else (found.offset, found.metadata)
        row = (tp.partition, offset, metadata, ErrorCode.NONE)
        rows.setdefault(tp.topic, []).append(row)
    return list(rows.items())


HANDLERS: Final[Mapping[int, Handler]] = {
    _OFFSET_COMMIT: offset_commit,
    _OFFSET_FETCH: offset_fetch,
}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {
    _OFFSET_COMMIT: (2, 3),
    _OFFSET_FETCH: (1, 3),
}
