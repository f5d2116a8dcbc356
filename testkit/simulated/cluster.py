"""A simulated cluster: its nodes, and what they share."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, Final

from testkit.simulated.loop import EPOCH_MS
from testkit.simulated.observer import NoObserver, Observer

PORT: Final = 9092


class Node:
    """A broker."""

    def __init__(self, node_id: int) -> None:
        self.node_id = node_id
        self.host = f"broker-{node_id}"
        self.port = PORT
        self.up = True
        self.running = asyncio.Event()
        """Not set while the broker is suspended."""
        self.running.set()


class Cluster:
    """Nodes with one truth: no controller election and no replication protocol is simulated.

    What a real cluster does between its nodes happens here at once, or when a fault
    says so. Whoever makes one gives it topics, groups and transactions.
    """

    topics: Any
    groups: Any
    transactions: Any

    def __init__(self, nodes: int, rng: random.Random) -> None:
        self.random = rng
        self.cluster_id = f"simulated-{rng.getrandbits(32):08x}"
        self.nodes = {number: Node(number) for number in range(1, nodes + 1)}
        self.rack: str | None = None
        """``broker.rack`` of all nodes. Without one aiokafka's order of brokers is another
        in each process: it keeps them in a set, and ``None`` is hashed by its address."""
        self.observer: Observer = NoObserver()
        self._clock: Callable[[], float] = asyncio.get_running_loop().time

    @property
    def controller_id(self) -> int:
        """The first node that is up; -1 = none."""
        return next((node.node_id for node in self.live_nodes()), -1)

    def live_nodes(self) -> list[Node]:
        """Return the nodes that are up, by number."""
        return [node for node in self.nodes.values() if node.up]

    def now_ms(self) -> int:
        """Return the wall clock of the run, UTC ms."""
        return EPOCH_MS + round(self._clock() * 1000)
