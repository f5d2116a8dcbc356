"""Draw the faults of single requests."""

from collections.abc import Mapping, Sequence
from typing import Final

from simulation.drawing.dice import Dice
from simulation.drawing.draw import Shape, drawn_moment
from simulation.plan import Profile
from simulation.request_faults import KINDS_OF, TIMED, Api, Kind, RequestFault

_MOST: Final = 12
_ALL: Final[Mapping[Api, int]] = {
    "Produce": 8,
    "Fetch": 6,
    "OffsetCommit": 4,
    "ListOffsets": 3,
    "OffsetFetch": 2,
    "Metadata": 2,
    "FindCoordinator": 1,
    "JoinGroup": 1,
    "SyncGroup": 1,
    "Heartbeat": 2,
    "LeaveGroup": 1,
    "InitProducerId": 2,
    "ApiVersions": 1,
}
_OF_GROUPS: Final[Mapping[Api, int]] = {
    "OffsetCommit": 4,
    "OffsetFetch": 3,
    "FindCoordinator": 2,
    "JoinGroup": 3,
    "SyncGroup": 3,
    "Heartbeat": 4,
    "LeaveGroup": 2,
}
_OF_LEADERS: Final[Mapping[Api, int]] = {
    "Produce": 8,
    "Fetch": 6,
    "ListOffsets": 3,
    "Metadata": 2,
    "InitProducerId": 2,
}
_APIS: Final[Mapping[Profile, Mapping[Api, int]]] = {
    "network": _ALL,
    "everything": _ALL,
    "groups": _OF_GROUPS,
    "brokers": _OF_LEADERS,
    "topics": _OF_LEADERS,
}
"""Profiles without an entry have no faults of requests."""
_MEMBER: Final = "*[!gs]"
"""The group's member and the producer: the others end in facts, outputs or asking."""
_CLIENTS: Final[Mapping[Api, tuple[str | None, ...]]] = {
    "Fetch": (None, None, _MEMBER, "*-facts", "*-outputs"),
    "ListOffsets": (None, "*-facts", "*-outputs", "*-asking"),
    "Metadata": (None, _MEMBER, "*-facts"),
}
"""Patterns of the client ids of a worker; None = any."""


def drawn_faults(
    dice: Dice,
    profile: Profile,
    duration_ms: int,
    shape: Shape,
    moments: Sequence[int],
) -> tuple[RequestFault, ...]:
    """Return up to a dozen faults; most plans have few, many near one of the moments."""
    apis = _APIS.get(profile)
    if apis is None:
        return ()
    fewest = 2 if profile == "network" else 0
    found = [
        _fault(dice, dice.weighted(apis), duration_ms, shape, moments)
        for _ in range(dice.small(fewest, _MOST))
    ]
    return tuple(sorted(found, key=lambda one: one.from_us))


def _fault(
    dice: Dice, api: Api, duration_ms: int, shape: Shape, moments: Sequence[int]
) -> RequestFault:
    cluster, workers = shape
    kind: Kind = dice.among(KINDS_OF[api])
    from_us = drawn_moment(dice, moments, duration_ms * 1_000)
    left_ms = max(1, duration_ms - from_us // 1_000)
    return RequestFault(
        api=api,
        kind=kind,
        from_us=from_us,
        nth=dice.any_size(1, 5),
        times=dice.any_size(2, 5) if dice.chance(0.15) else 1,
        node=dice.within(1, cluster.brokers) if dice.chance(0.2) else None,
        worker=dice.within(1, workers) if dice.chance(0.4) else None,
        client=dice.among(_CLIENTS.get(api, (None,))),
        ms=dice.any_size(1, left_ms) if kind in TIMED else 0,
    )
