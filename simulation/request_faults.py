"""Faults of single requests: which request, and what happens to it or to its answer."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from simulation.actions.base import span

Api = Literal[
    "Produce",
    "Fetch",
    "ListOffsets",
    "Metadata",
    "OffsetCommit",
    "OffsetFetch",
    "FindCoordinator",
    "JoinGroup",
    "Heartbeat",
    "LeaveGroup",
    "SyncGroup",
    "ApiVersions",
    "InitProducerId",
]
"""Names of requests as in Kafka's protocol."""

Kind = Literal[
    "answer_lost",
    "answer_late",
    "request_lost",
    "reset_before",
    "reset_after",
    "throttled",
    "not_leader",
    "unknown_topic",
    "request_timed_out",
    "not_coordinator",
    "coordinator_not_available",
    "coordinator_loading",
    "rebalance_in_progress",
    "not_enough_replicas",
    "not_enough_replicas_after_append",
    "out_of_order_sequence",
    "unknown_producer",
    "cut_in_batch",
    "checksum_wrong",
]
Kinds: TypeAlias = tuple[Kind, ...]

_TOLD: Final[Mapping[Kind, str]] = {
    "answer_lost": "has its effect, and no answer comes",
    "answer_late": "is answered late, by",
    "request_lost": "is lost without effect",
    "reset_before": "is lost without effect, and its connection reset",
    "reset_after": "has its effect, and its connection is reset before the answer",
    "throttled": "is answered, with a throttle time of",
    "not_leader": "is refused: not the leader",
    "unknown_topic": "is refused: unknown topic or partition",
    "request_timed_out": "has its effect, and the answer says that it timed out",
    "not_coordinator": "is refused: not the coordinator",
    "coordinator_not_available": "is refused: coordinator not available",
    "coordinator_loading": "is refused: the coordinator is loading",
    "rebalance_in_progress": "is refused: rebalance in progress",
    "not_enough_replicas": "is refused: not enough replicas",
    "not_enough_replicas_after_append": (
        "has its effect, and the answer says that too few replicas have it"
    ),
    "out_of_order_sequence": "is refused: sequence number out of order",
    "unknown_producer": "is refused: unknown producer id",
    "cut_in_batch": "gets records that end in the middle of a batch",
    "checksum_wrong": "gets a batch with a wrong checksum",
}

ANY: Final[Kinds] = (
    "answer_lost",
    "answer_late",
    "request_lost",
    "reset_before",
    "reset_after",
)
_LEADERS: Final[Kinds] = ("not_leader", "unknown_topic", "throttled")
_COORDINATORS: Final[Kinds] = (
    "not_coordinator",
    "coordinator_not_available",
    "coordinator_loading",
    "throttled",
)
KINDS_OF: Final[Mapping[Api, Kinds]] = {
    "Produce": (
        *ANY,
        *_LEADERS,
        "request_timed_out",
        "not_enough_replicas",
        "not_enough_replicas_after_append",
        "out_of_order_sequence",
        "unknown_producer",
    ),
    "Fetch": (*ANY, *_LEADERS, "cut_in_batch", "checksum_wrong"),
    "ListOffsets": (*ANY, *_LEADERS),
    "Metadata": (*ANY, "throttled"),
    "OffsetCommit": (*ANY, *_COORDINATORS, "request_timed_out"),
    "OffsetFetch": (*ANY, *_COORDINATORS),
    "FindCoordinator": (*ANY, "coordinator_not_available", "throttled"),
    "JoinGroup": (*ANY, *_COORDINATORS),
    "Heartbeat": (
        *ANY,
        "not_coordinator",
        "coordinator_not_available",
        "throttled",
        "rebalance_in_progress",
    ),  # one whose coordinator is loading it answers as usual
    "LeaveGroup": (*ANY, *_COORDINATORS),
    "SyncGroup": (*ANY, *_COORDINATORS, "rebalance_in_progress"),
    "ApiVersions": ANY,
    "InitProducerId": (*ANY, *_COORDINATORS),
}
"""What a broker, or the network, can do to each request."""

TIMED: Final = frozenset({"answer_late", "throttled"})
"""Kinds that have a length."""


class RequestFault(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """One fault, for the requests that it matches; unused, it is void at the plan's end.

    A request matches if all that is given here is true of it. Matches are counted from
    ``from_us`` on.
    """

    api: Api
    kind: Kind
    from_us: int = 0
    """Virtual µs; earlier requests do not count."""
    nth: int = 1
    """The first match that is hit; 1 = the very first."""
    times: int = 1
    """So many matches in a row are hit."""
    node: int | None = None
    """Of the broker; None = any."""
    worker: int | None = None
    """Who asks; None = any worker. Never the writers of the traffic."""
    client: str | None = None
    """Pattern of the client id, as of a file name; None = any."""
    ms: int = 0
    """Length of kinds that have one."""

    def told(self) -> str:
        """Return what happens, as one line for a person."""
        who = "any worker" if self.worker is None else f"worker {self.worker}"
        client = "" if self.client is None else f" ({self.client})"
        where = "" if self.node is None else f" at broker {self.node}"
        which = f"{self.api} {self.nth}"
        if self.times > 1:
            which += f" to {self.nth + self.times - 1}"
        length = f" {span(self.ms)}" if self.kind in TIMED else ""
        return f"{which} of {who}{client}{where} {_TOLD[self.kind]}{length}"
