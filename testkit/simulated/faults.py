"""Faults of single requests: what a broker, or the network before it, does wrong for once."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from testkit.simulated.handling import Call

APIS: Final = {
    "Produce": 0,
    "Fetch": 1,
    "ListOffsets": 2,
    "Metadata": 3,
    "OffsetCommit": 8,
    "OffsetFetch": 9,
    "FindCoordinator": 10,
    "JoinGroup": 11,
    "Heartbeat": 12,
    "LeaveGroup": 13,
    "SyncGroup": 14,
    "InitProducerId": 22,
}
"""Requests that a fault can meet, by their names in the protocol."""


class Kind(StrEnum):
    """What goes wrong with a request."""

    ANSWER_LOST = "answer lost"
    """It takes effect; then the connection is reset."""
    REQUEST_LOST = "request lost"
    """The connection is reset before it takes effect."""
    ANSWER_LATE = "answer late"
    """It takes effect, and is answered ``ms`` later."""
    HELD = "held"
    """It takes effect ``ms`` later."""
    ERROR = "error"
    """It has no effect, and is answered with ``code``."""
    THROTTLED = "throttled"
    """It is answered ``ms`` later, and says so."""
    CUT = "fetch cut"
    """A fetch answer ends in the middle of a batch."""
    CHECKSUM = "checksum wrong"
    """A bit of the fetched records is turned."""


class RequestFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault: which request it meets, and what happens to it."""

    api: str
    """A key of ``APIS``."""
    nth: int
    """It meets the nth such request, counted from 1 when the fault begins to wait."""
    kind: Kind
    node_id: int | None = None
    """The node that is asked; None = any."""
    client: str = ""
    """Beginning of the client id; empty = any."""
    ms: int = 0
    code: int = 0
    """Error code of the protocol, for ``ERROR``."""

    def meets(self, call: Call) -> bool:
        """Whether it could meet this request."""
        return (
            APIS[self.api] == call.api_key
            and self.node_id in (None, call.node_id)
            and call.client_id.startswith(self.client)
        )

    def told(self) -> str:
        """Return the fault as a short text."""
        where = "" if self.node_id is None else f" to broker {self.node_id}"
        whose = f" of {self.client}" if self.client else ""
        what = {
            Kind.ERROR: f"is answered with error {self.code}",
            Kind.ANSWER_LATE: f"is answered {self.ms} ms late",
            Kind.HELD: f"is held {self.ms} ms",
            Kind.THROTTLED: f"is throttled for {self.ms} ms",
        }.get(self.kind, self.kind.value)
        return f"{self.api} #{self.nth}{whose}{where}: {what}"


class Faults:
    """The faults that wait for their requests."""

    def __init__(self) -> None:
        self._waiting: list[tuple[RequestFault, int]] = []
        self.met: list[RequestFault] = []
        """Those that have happened."""

    def add(self, faults: Iterable[RequestFault]) -> None:
        """Let faults wait from now on."""
        self._waiting += [(fault, fault.nth) for fault in faults]

    def clear(self) -> None:
        """Let no fault happen any more."""
        self._waiting.clear()

    def meet(self, call: Call) -> RequestFault | None:
        """Count a request; return the fault that it meets."""
        found: RequestFault | None = None
        kept = []
        for fault, left in self._waiting:
            if not fault.meets(call):
                kept.append((fault, left))
            elif left > 1:
                kept.append((fault, left - 1))
            elif found is None:
                found = fault
            else:
                kept.append((fault, 1))
        self._waiting = kept
        if found is not None:
            self.met.append(found)
        return found
