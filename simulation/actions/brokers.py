"""Actions on brokers and on the network; brokers are numbered from 1."""

from typing import Literal, TypeAlias

from typing_extensions import override

from simulation.actions.base import At, span

Coordinated = Literal["group", "transactions"]
Away = Literal["refused", "paused", "cut"]


class _ForAWhile(At, frozen=True, kw_only=True, tag=True):
    for_ms: int


class NodeDown(_ForAWhile, frozen=True, kw_only=True):
    """A broker is down: its connections drop, leaders and coordinators move if they can."""

    node: int

    @override
    def told(self) -> str:
        return f"broker {self.node} is down for {span(self.for_ms)}"


class PauseNode(_ForAWhile, frozen=True, kw_only=True):
    """A broker answers nothing; its connections stay open."""

    node: int

    @override
    def told(self) -> str:
        return f"broker {self.node} is suspended for {span(self.for_ms)}"


class ClusterAway(_ForAWhile, frozen=True, kw_only=True):
    """All brokers are away at once."""

    how: Away = "refused"
    """``refused``: they are down. ``paused``: they take connections and answer nothing.
    ``cut``: nothing gets through between them and the workers."""

    @override
    def told(self) -> str:
        state = {"refused": "down", "paused": "suspended", "cut": "cut off"}[self.how]
        return f"all brokers are {state} for {span(self.for_ms)}"


class SlowReplica(_ForAWhile, frozen=True, kw_only=True):
    """A broker fetches late from leaders: ``acks=all`` waits for it, or it leaves the ISR."""

    node: int
    lag_ms: int

    @override
    def told(self) -> str:
        return (
            f"the replicas of broker {self.node} are {span(self.lag_ms)} behind "
            f"for {span(self.for_ms)}"
        )


class MoveLeader(At, frozen=True, kw_only=True):
    """A partition gets another leader out of its ISR, if there is one."""

    topic: str
    """Without the prefix."""
    partition: int

    @override
    def told(self) -> str:
        return f"{self.topic}/{self.partition} gets another leader"


class MoveCoordinator(At, frozen=True, kw_only=True):
    """The coordinator moves to another broker, or is loaded anew by the only one."""

    of: Coordinated

    @override
    def told(self) -> str:
        return f"the coordinator of the {self.of} moves"


class ResetConnections(At, frozen=True, kw_only=True):
    """Connections are reset; both sides live."""

    node: int | None
    """None = of all brokers."""
    worker: int | None
    """None = of all workers."""

    @override
    def told(self) -> str:
        return f"connections of {_ends(self.worker, self.node)} are reset"


class RefuseConnections(_ForAWhile, frozen=True, kw_only=True):
    """A broker takes no new connections; those that stand go on."""

    node: int

    @override
    def told(self) -> str:
        return f"broker {self.node} refuses connections for {span(self.for_ms)}"


class CutNetwork(_ForAWhile, frozen=True, kw_only=True):
    """Nothing gets through between a worker and a broker; nobody is told."""

    worker: int
    node: int | None
    """None = all brokers."""

    @override
    def told(self) -> str:
        ends = _ends(self.worker, self.node)
        return f"nothing gets through between {ends} for {span(self.for_ms)}"


class SlowNetwork(_ForAWhile, frozen=True, kw_only=True):
    """Everything between a worker and the brokers takes longer, one way."""

    worker: int
    extra_us: int

    @override
    def told(self) -> str:
        return (
            f"the network of worker {self.worker} takes {self.extra_us} µs more "
            f"for {span(self.for_ms)}"
        )


def _ends(worker: int | None, node: int | None) -> str:
    one = "all workers" if worker is None else f"worker {worker}"
    other = "all brokers" if node is None else f"broker {node}"
    return f"{one} and {other}"


BrokerAction: TypeAlias = (
    NodeDown
    | PauseNode
    | ClusterAway
    | SlowReplica
    | MoveLeader
    | MoveCoordinator
    | ResetConnections
    | RefuseConnections
    | CutNetwork
    | SlowNetwork
)
