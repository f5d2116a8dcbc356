"""FindCoordinator."""

from collections.abc import Mapping
from typing import Any, Final

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.handling import Call, Handler

_FIND_COORDINATOR: Final = 10
_GROUP: Final = 0
_TRANSACTION: Final = 1
_MESSAGES: Final = {
    ErrorCode.NONE: "NONE",
    ErrorCode.COORDINATOR_NOT_AVAILABLE: "The coordinator is not available.",
    ErrorCode.INVALID_REQUEST: "This most likely occurs because of a request being malformed"
    " by the client library or the message was sent to an incompatible broker."
    " See the broker logs for more details.",
}
"""Word for word Kafka's."""


async def find_coordinator(cluster: Cluster, _call: Call, request: Any) -> Any:
    """Name the node that coordinates a group or a transactional id."""
    if request.API_VERSION == 0:
        key, kind = request.consumer_group, _GROUP
    else:
        key, kind = request.coordinator_key, request.coordinator_type
    error, node_id = _coordinator(cluster, key, kind)
    where: tuple[Any, ...] = (-1, "", -1)
    if node_id is not None:
        node = cluster.nodes[node_id]
        where = (node_id, node.host, node.port)
    if request.API_VERSION == 0:
        return request.RESPONSE_TYPE(error, *where)
    return request.RESPONSE_TYPE(0, error, _MESSAGES[error], *where)


def _coordinator(cluster: Cluster, key: str, kind: int) -> tuple[ErrorCode, int | None]:
    if kind == _GROUP:
        node_id = cluster.groups.coordinator_node(key)
    elif kind == _TRANSACTION:
        node_id = cluster.transactions.coordinator_node(key)
    else:
        return ErrorCode.INVALID_REQUEST, None
    if node_id is None:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE, None
    return ErrorCode.NONE, node_id


HANDLERS: Final[Mapping[int, Handler]] = {_FIND_COORDINATOR: find_coordinator}
VERSIONS: Final[Mapping[int, tuple[int, int]]] = {_FIND_COORDINATOR: (0, 1)}
