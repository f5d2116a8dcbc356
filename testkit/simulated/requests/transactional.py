"""Whether transactional records belong to a transaction that is open."""

from typing import Any, Final

from aiokafka.structs import TopicPartition

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode, RefusedError
from testkit.simulated.logs.batches import Batch
from testkit.simulated.logs.partitions import Partition

_TOLD_TO_PRODUCERS: Final = {
    ErrorCode.PRODUCER_FENCED: ErrorCode.INVALID_PRODUCER_EPOCH,
    ErrorCode.CONCURRENT_TRANSACTIONS: ErrorCode.NOT_ENOUGH_REPLICAS,
}
"""What a leader makes of the coordinator's answer."""


def outside_transaction(
    cluster: Cluster, request: Any, partition: Partition, batch: Batch
) -> ErrorCode:
    """Return why a batch may not be appended; ``NONE`` = it may.

    A leader asks the coordinator when a producer's transaction begins in a partition, and
    not again before it ends there.
    """
    if not batch.transactional:
        return ErrorCode.NONE
    name = request.transactional_id
    if name is None:
        return ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
    if partition.log.producers.in_transaction(batch):
        return ErrorCode.NONE
    partition.log.producers.ask_about(batch)
    producer = (batch.producer_id, batch.producer_epoch)
    where = TopicPartition(partition.topic, partition.number)
    try:
        cluster.transactions.verify(name, producer, partition=where)
    except RefusedError as refused:
        return _TOLD_TO_PRODUCERS.get(refused.code, refused.code)
    return ErrorCode.NONE
