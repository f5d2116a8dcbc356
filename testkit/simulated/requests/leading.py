"""Whether the node that is asked leads a partition."""

from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import Call
from testkit.simulated.logs.partitions import Partition


def led_here(partition: Partition | None, call: Call) -> ErrorCode:
    """Return the error of a request that only the leader answers; ``NONE`` = it leads."""
    if partition is None or partition.deleted:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if partition.leader != call.node_id:
        return ErrorCode.NOT_LEADER_OR_FOLLOWER
    return ErrorCode.NONE
