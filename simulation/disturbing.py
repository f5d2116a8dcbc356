"""The faults of single requests in a plan, as the simulated brokers meet them."""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from simulation.request_faults import Kind, RequestFault
from testkit.simulated.faults import Disturbance, Reply, Spoilt
from testkit.simulated.handling import Call

API_KEYS: Final = {
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
    "ApiVersions": 18,
    "InitProducerId": 22,
}
"""Requests that a fault can meet, by their names in the protocol."""

_REFUSED: Final[Mapping[Kind, int]] = {
    "unknown_topic": 3,
    "not_leader": 6,
    "coordinator_loading": 14,
    "coordinator_not_available": 15,
    "not_coordinator": 16,
    "not_enough_replicas": 19,
    "rebalance_in_progress": 27,
    "out_of_order_sequence": 45,
    "unknown_producer": 59,
}
"""Answered with this error code, and without effect."""
_CARRIED_OUT: Final[Mapping[Kind, int]] = {
    "request_timed_out": 7,
    "not_enough_replicas_after_append": 20,
}
"""Carried out, and answered with this error code."""
_PLAIN: Final[Mapping[Kind, tuple[bool, Reply]]] = {
    "answer_lost": (True, Reply.NOTHING),
    "request_lost": (False, Reply.NOTHING),
    "reset_before": (False, Reply.RESET),
    "reset_after": (True, Reply.RESET),
}
"""Whether it takes effect, and what the client hears."""


class PlannedFaults:
    """The faults of a plan that wait for their requests.

    Parameters
    ----------
    now_us
        Virtual µs since the universe began.
    """

    def __init__(
        self, faults: Iterable[RequestFault], now_us: Callable[[], int]
    ) -> None:
        self._now_us = now_us
        self._waiting: dict[int, list[tuple[RequestFault, list[int]]]] = {}
        for fault in faults:
            row = fault, [0]
            self._waiting.setdefault(API_KEYS[fault.api], []).append(row)
        self.hit = 0
        """Requests that were disturbed."""

    def clear(self) -> None:
        """Disturb nothing any more."""
        self._waiting.clear()

    def meet(self, call: Call) -> Disturbance | None:
        """Count a request for every fault it matches; return what the first due one does."""
        waiting = self._waiting.get(call.api_key)
        if not waiting:
            return None
        found: RequestFault | None = None
        for fault, matched in waiting:
            if not self._matches(fault, call):
                continue
            matched[0] += 1
            if found is None and fault.nth <= matched[0] < fault.nth + fault.times:
                found = fault
        if found is None:
            return None
        self.hit += 1
        return _disturbance(found, call)

    def _matches(self, fault: RequestFault, call: Call) -> bool:
        host = call.client_host
        return (
            self._now_us() >= fault.from_us
            and fault.node in (None, call.node_id)
            and host.startswith("worker-")
            and (fault.worker is None or host == f"worker-{fault.worker}")
            and (fault.client is None or fnmatchcase(call.client_id, fault.client))
        )


def _disturbance(fault: RequestFault, call: Call) -> Disturbance:
    told = f"{call.client_host} ({call.client_id}): {fault.told()}"
    kind = fault.kind
    if kind in _PLAIN:
        effect, reply = _PLAIN[kind]
        return Disturbance(told=told, effect=effect, reply=reply)
    if kind in _REFUSED:
        code = _REFUSED[kind]
        return Disturbance(told=told, effect=False, reply=Reply.ERROR, code=code)
    if kind in _CARRIED_OUT:
        return Disturbance(told=told, reply=Reply.ERROR, code=_CARRIED_OUT[kind])
    if kind == "answer_late":
        return Disturbance(told=told, late_ms=fault.ms)
    if kind == "throttled":
        return Disturbance(told=told, late_ms=fault.ms, throttle_ms=fault.ms)
    spoilt = Spoilt.CUT if kind == "cut_in_batch" else Spoilt.CHECKSUM
    return Disturbance(told=told, spoilt=spoilt)
