"""Which node coordinates what: a group, or a transactional id."""

import asyncio
from collections.abc import Callable
from zlib import crc32

from testkit.simulated.cluster import Cluster
from testkit.simulated.error_codes import ErrorCode, RefusedError


class Placement:
    """Keys and their coordinators.

    A key stays where it was first looked for, until its node goes down or a fault moves
    it. A real cluster places partitions of an internal topic; here each key is alone.
    """

    def __init__(self, cluster: Cluster, load_ms: int) -> None:
        self._cluster = cluster
        self._load_ms = load_ms
        self._nodes: dict[str, int] = {}
        self._loaded_at: dict[str, float] = {}

    def node(self, key: str) -> int | None:
        """Return the coordinator of a key; None = no node is up."""
        node = self._nodes.get(key)
        if node is None:
            live = self._cluster.live_nodes()
            if not live:
                return None
            node = live[crc32(key.encode()) % len(live)].node_id
            self._nodes[key] = node
        return node if self._cluster.nodes[node].up else None

    def require(self, key: str, node_id: int) -> None:
        """Refuse a request to a node that does not, or not yet, coordinate a key."""
        if self.node(key) != node_id:
            raise RefusedError(ErrorCode.NOT_COORDINATOR)
        if self.is_loading(key):
            raise RefusedError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)

    def is_suspended(self, key: str) -> bool:
        """Tell whether a key's coordinator does nothing at the moment."""
        node = self._nodes.get(key)
        return node is not None and not self._cluster.nodes[node].running.is_set()

    def is_loading(self, key: str) -> bool:
        """Tell whether a key's coordinator still reads its log."""
        return key in self._loaded_at

    def move(
        self, key: str, loaded: Callable[[], None], *, to: int | None = None
    ) -> int | None:
        """Let another node coordinate a key; what it has read is told by the call.

        With one node it loads anew. Returns the new coordinator; None = none is up.
        """
        old = self.node(key)
        live = [node.node_id for node in self._cluster.live_nodes()]
        if not live:
            return None
        others = [node for node in live if node != old] or live
        new = self._cluster.random.choice(others) if to is None else to
        self._nodes[key] = new
        loop = asyncio.get_running_loop()
        until = self._loaded_at[key] = loop.time() + self._load_ms / 1000

        def ended() -> None:
            if self._loaded_at.get(key) == until:
                del self._loaded_at[key]
                loaded()

        loop.call_at(until, ended)
        return new

    def of_node(self, node_id: int) -> list[str]:
        """Return the keys that a node coordinates."""
        return [key for key, node in self._nodes.items() if node == node_id]

    def forget(self, key: str) -> None:
        """Forget a key."""
        self._nodes.pop(key, None)
        self._loaded_at.pop(key, None)
