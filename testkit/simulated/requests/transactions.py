"""Requests of idempotent and transactional producers to their coordinator."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from aiokafka.structs import TopicPartition

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode, RefusedError
from testkit.simulated.handling import Call, Handler
from testkit.simulated.requests.offsets import CommitRows

_INIT: Final = 22
_ADD_PARTITIONS: Final = 24
_ADD_OFFSETS: Final = 25
_END: Final = 26
_TXN_OFFSET_COMMIT: Final = 28

_TOLD_TO_OLD: Final = {
    ErrorCode.PRODUCER_FENCED: ErrorCode.INVALID_PRODUCER_EPOCH,
}
"""What clients of the versions that we have do not know."""


def _tried(act: Callable[[], None]) -> ErrorCode:
    try:
        act()
    except RefusedError as refused:
        return _TOLD_TO_OLD.get(refused.code, refused.code)
    return ErrorCode.NONE


async def init_producer_id(cluster: Cluster, call: Call, request: Any) -> Any:
    """Give a producer its id and epoch."""
    try:
        producer_id, epoch = cluster.transactions.init_producer(
            call.node_id, request.transactional_id, request.transaction_timeout_ms
        )
    except RefusedError as refused:
        code = _TOLD_TO_OLD.get(refused.code, refused.code)
        return request.RESPONSE_TYPE(0, code, -1, -1)
    return request.RESPONSE_TYPE(0, ErrorCode.NONE, producer_id, epoch)


async def add_partitions(cluster: Cluster, call: Call, request: Any) -> Any:
    """Make partitions part of a transaction: all of them or none."""
    partitions = [TopicPartition(topic, n) for topic, ns in request.topics for n in ns]
    missing = {tp for tp in partitions if cluster.topics.partition(*tp) is None}
    if missing:
        untried = ErrorCode.OPERATION_NOT_ATTEMPTED
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        errors = {tp: unknown if tp in missing else untried for tp in partitions}
    else:
        producer = (request.producer_id, request.producer_epoch)
        error = _tried(
            lambda: cluster.transactions.add(
                call.node_id, request.transactional_id, producer, partitions
            )
        )
        errors = dict.fromkeys(partitions, error)
    rows = [
        (topic, [(n, errors[TopicPartition(topic, n)]) for n in ns])
        for topic, ns in request.topics
    ]
    return request.RESPONSE_TYPE(0, rows)


async def add_offsets(cluster: Cluster, call: Call, request: Any) -> Any:
    """Make the offsets of a group part of a transaction."""
    producer = (request.producer_id, request.producer_epoch)
    error = _tried(
        lambda: cluster.transactions.add(
            call.node_id, request.transactional_id, producer, groups=[request.group_id]
        )
    )
    return request.RESPONSE_TYPE(0, error)


async def end_transaction(cluster: Cluster, call: Call, request: Any) -> Any:
    """Commit or abort."""
    producer = (request.producer_id, request.producer_epoch)
    error = _tried(
        lambda: cluster.transactions.end(
            call.node_id,
            request.transactional_id,
            producer,
            commit=request.transaction_result,
        )
    )
    return request.RESPONSE_TYPE(0, error)


async def txn_offset_commit(cluster: Cluster, call: Call, request: Any) -> Any:
    """Take offsets that hold once the transaction is committed."""
    groups, group_id = cluster.groups, request.group_id
    rows = CommitRows(cluster, request.topics)
    if rows.valid:
        producer = (request.producer_id, request.producer_epoch)

        def check() -> None:
            groups.check_pending(call.node_id, group_id)
            cluster.transactions.verify(
                request.transactional_id, producer, group=group_id
            )

        error = _tried(check)
        if error is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS:
            error = ErrorCode.COORDINATOR_NOT_AVAILABLE
        if error is ErrorCode.NONE:
            taken = rows.answer_by_size(groups.settings.offset_metadata_max_bytes)
            groups.offsets.commit_pending(group_id, request.producer_id, taken)
        else:
            rows.answer_all(error)
    return request.RESPONSE_TYPE(0, rows.rows())


HANDLERS: Final[Mapping[int, Handler]] = {
    _INIT: init_producer_id,
    _ADD_PARTITIONS: add_partitions,
    _ADD_OFFSETS: add_offsets,
    _END: end_transaction,
    _TXN_OFFSET_COMMIT: txn_offset_commit,
}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = dict.fromkeys(HANDLERS, (0, 0))
