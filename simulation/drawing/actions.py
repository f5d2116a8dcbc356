"""Draw what is done to workers, brokers and topics."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, get_args

from simulation.actions import (
    Action,
    AddPartitions,
    AddWorker,
    CancelStart,
    ClusterAway,
    CompactTopic,
    CutNetwork,
    DeleteDecided,
    ExpireProducers,
    ForeignTransaction,
    KillWorker,
    LoseMachine,
    MoveCoordinator,
    MoveLeader,
    NodeDown,
    PauseNode,
    PauseWorker,
    RecreateTopic,
    RefuseConnections,
    ResetConnections,
    SlowNetwork,
    SlowReplica,
    StopWorker,
    TruncateLog,
    UncleanElection,
)
from simulation.actions.brokers import Away
from simulation.drawing.away import drawn_away
from simulation.drawing.dice import Dice
from simulation.drawing.draw import Draw, Shape
from simulation.plan import Profile

OUTPUTS: Final = ("approvals", "reviews", "skipped", "notices", "dead-letters")
FACTS: Final = ("orders", "buyers", "outcomes", "shops", "catalog")
COMPACTED: Final = ("buyers", "shops", "catalog")
"""Not the orders: senders of a universe write versions in any order, and of those the
cleaner keeps the one that was written last."""
_MOST: Final = 8


def _kill(draw: Draw) -> Action:
    return KillWorker(at_us=draw.at_us, worker=draw.worker(), back_ms=draw.back_ms())


def _lose(draw: Draw) -> Action:
    return LoseMachine(at_us=draw.at_us, worker=draw.worker(), back_ms=draw.back_ms())


def _stop(draw: Draw) -> Action:
    return StopWorker(
        at_us=draw.at_us,
        worker=draw.worker(),
        signal=draw.dice.among(("SIGTERM", "SIGTERM", "SIGINT", "SIGHUP")),
        again_ms=draw.length_ms() if draw.dice.chance(0.3) else None,
        back_ms=draw.back_ms(),
    )


def _pause(draw: Draw) -> Action:
    return PauseWorker(at_us=draw.at_us, worker=draw.worker(), for_ms=draw.length_ms())


def _cancel(draw: Draw) -> Action:
    return CancelStart(
        at_us=draw.at_us,
        worker=draw.worker(),
        after_us=draw.dice.any_size(1, 1_000 * draw.length_ms()),
        back_ms=draw.length_ms(),
    )


def _add(draw: Draw) -> Action:
    return AddWorker(at_us=draw.at_us, worker=draw.added())


def _node_down(draw: Draw) -> Action:
    return NodeDown(at_us=draw.at_us, node=draw.node(), for_ms=draw.length_ms())


def _pause_node(draw: Draw) -> Action:
    return PauseNode(at_us=draw.at_us, node=draw.node(), for_ms=draw.length_ms())


def _away(draw: Draw) -> Action:
    at_us = 0 if draw.dice.chance(0.3) else draw.at_us
    how = draw.dice.among(get_args(Away))
    return ClusterAway(at_us=at_us, for_ms=draw.length_ms(), how=how)


def _slow_replica(draw: Draw) -> Action:
    return SlowReplica(
        at_us=draw.at_us,
        node=draw.node(),
        lag_ms=draw.dice.any_size(1, 2_000),
        for_ms=draw.length_ms(),
    )


def _move_leader(draw: Draw) -> Action:
    topic = draw.dice.among(("requests", *OUTPUTS, *FACTS))
    return MoveLeader(at_us=draw.at_us, topic=topic, partition=draw.partition())


def _move_group(draw: Draw) -> Action:
    return MoveCoordinator(at_us=draw.at_us, of="group")


def _move_transactions(draw: Draw) -> Action:
    return MoveCoordinator(at_us=draw.at_us, of="transactions")


def _reset(draw: Draw) -> Action:
    return ResetConnections(
        at_us=draw.at_us,
        node=draw.node() if draw.dice.chance(0.6) else None,
        worker=draw.worker() if draw.dice.chance(0.6) else None,
    )


def _refuse(draw: Draw) -> Action:
    return RefuseConnections(
        at_us=draw.at_us, node=draw.node(), for_ms=draw.length_ms()
    )


def _cut(draw: Draw) -> Action:
    return CutNetwork(
        at_us=draw.at_us,
        worker=draw.worker(),
        node=draw.node() if draw.dice.chance(0.6) else None,
        for_ms=draw.length_ms(),
    )


def _slow(draw: Draw) -> Action:
    return SlowNetwork(
        at_us=draw.at_us,
        worker=draw.worker(),
        extra_us=draw.dice.any_size(100, 500_000),
        for_ms=draw.length_ms(),
    )


def _compact(draw: Draw) -> Action:
    return CompactTopic(at_us=draw.at_us, topic=draw.dice.among(COMPACTED))


def _delete(draw: Draw) -> Action:
    return DeleteDecided(at_us=draw.at_us, partition=draw.partition())


def _transaction(draw: Draw) -> Action:
    return ForeignTransaction(
        at_us=draw.at_us,
        topic=draw.dice.among((*OUTPUTS, "requests")),
        partition=draw.partition(),
        for_ms=draw.length_ms(),
        commit=draw.dice.chance(0.3),
    )


def _expire(draw: Draw) -> Action:
    return ExpireProducers(at_us=draw.at_us)


Drawers: TypeAlias = Mapping[Callable[[Draw], Action], int]

_WORKERS: Final[Drawers] = {
    _kill: 5,
    _lose: 2,
    _stop: 5,
    _pause: 5,
    _cancel: 2,
    _add: 2,
}
_NETWORK: Final[Drawers] = {_reset: 5, _refuse: 2, _cut: 4, _slow: 3}
_BROKERS: Final[Drawers] = {
    _node_down: 5,
    _pause_node: 4,
    _away: 2,
    _slow_replica: 2,
    _move_leader: 4,
    _expire: 1,
}
_GROUPS: Final[Drawers] = {
    _move_group: 5,
    _move_transactions: 1,
    _pause: 4,
    _stop: 3,
    _kill: 2,
    _cancel: 2,
    _add: 3,
    _cut: 2,
}
_TOPICS: Final[Drawers] = {
    _compact: 4,
    _delete: 3,
    _transaction: 5,
    _expire: 3,
    _kill: 2,
    _stop: 2,
}
_DRAWERS: Final[Mapping[Profile, Drawers]] = {
    "workers": _WORKERS,
    "network": _NETWORK,
    "brokers": _BROKERS,
    "groups": _GROUPS,
    "topics": _TOPICS,
    "everything": {**_WORKERS, **_NETWORK, **_BROKERS, **_GROUPS, **_TOPICS},
}


def drawn_actions(
    dice: Dice,
    profile: Profile,
    duration_ms: int,
    shape: Shape,
    moments: Sequence[int],
) -> tuple[Action, ...]:
    """Return up to eight actions, in the order of their moments.

    Many are near one another, or near one of the given moments.
    """
    draw = Draw(dice, duration_ms, shape, moments)
    if profile == "logs":
        draw.late()
        return (_changed_log(draw),)
    if profile == "away":
        return tuple(sorted(drawn_away(draw), key=lambda one: one.at_us))
    drawers = _DRAWERS.get(profile)
    if drawers is None:
        return ()
    found: list[Action] = []
    for _ in range(dice.any_size(1, _MOST)):
        draw.turn()
        found.append(dice.weighted(drawers)(draw))
    return tuple(sorted(found, key=lambda one: one.at_us))


def _changed_log(draw: Draw) -> Action:
    """Return a change after which a log of the input or of facts is another one."""
    topic = draw.dice.among(("requests", "requests", *FACTS))
    partition, records = draw.partition(), draw.dice.within(1, 10)
    kind = draw.dice.weighted({"anew": 4, "parted": 3, "cut": 2, "unclean": 2})
    if kind == "anew":
        return RecreateTopic(at_us=draw.at_us, topic=topic)
    if kind == "parted":
        more = draw.dice.within(1, 2)
        return AddPartitions(at_us=draw.at_us, topic=topic, more=more)
    changed = TruncateLog if kind == "cut" else UncleanElection
    return changed(at_us=draw.at_us, topic=topic, partition=partition, records=records)
