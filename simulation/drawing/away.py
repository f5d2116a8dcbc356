"""Draw a universe whose brokers go away, and in which workers are asked to end."""

from typing import Final

from simulation.actions import (
    Action,
    AddWorker,
    CancelStart,
    ClusterAway,
    KillWorker,
    MoveCoordinator,
    StopWorker,
)
from simulation.actions.brokers import Away
from simulation.drawing.draw import Draw

_HOWS: Final[dict[Away, int]] = {"refused": 4, "paused": 3, "cut": 3}
_MOMENTS: Final = {"any": 3, "soon": 4, "before": 2, "after": 2}
_MOST_STOPS: Final = 4


def drawn_away(draw: Draw) -> list[Action]:
    """Return a cluster that is away once, and what the workers meet around it.

    It comes back, so that progress can be demanded; but often only after the workers
    that were asked to end have ended.
    """
    draw.turn()
    dice = draw.dice
    away = ClusterAway(
        at_us=0 if dice.chance(0.15) else draw.at_us,
        for_ms=draw.length_ms(),
        how=dice.weighted(_HOWS),
    )
    found: list[Action] = [away]
    if dice.chance(0.5):
        found.append(_unrest(draw, away))
    for _ in range(dice.within(1, _MOST_STOPS)):
        draw.at_us = _moment(draw, away)
        found.append(_asked_to_end(draw))
    return found


def _moment(draw: Draw, away: ClusterAway) -> int:
    """Return when a worker is asked to end: any µs before, while, or after brokers are away."""
    dice, long_us = draw.dice, max(1, away.for_ms * 1_000)
    kind = dice.weighted(_MOMENTS)
    if kind == "any":
        return draw.at(away.at_us + dice.within(0, long_us))
    near_us = dice.any_size(1, long_us)
    if kind == "soon":
        return draw.at(away.at_us + near_us)
    if kind == "before":
        return draw.at(away.at_us - near_us)
    return draw.at(away.at_us + long_us + near_us)


def _asked_to_end(draw: Draw) -> Action:
    dice = draw.dice
    if dice.chance(0.25):
        return CancelStart(
            at_us=draw.at_us,
            worker=draw.worker(),
            after_us=dice.any_size(1, 1_000 * draw.length_ms()),
            back_ms=draw.length_ms(),
        )
    return StopWorker(
        at_us=draw.at_us,
        worker=draw.worker(),
        signal="SIGTERM",
        again_ms=draw.length_ms() if dice.chance(0.3) else None,
        back_ms=draw.back_ms(),
    )


def _unrest(draw: Draw, away: ClusterAway) -> Action:
    """Return what leaves a rebalance or a take-over in progress when the brokers go."""
    dice = draw.dice
    draw.at_us = draw.at(away.at_us - dice.any_size(1, 1_000_000))
    kind = dice.among(("kill", "add", "move"))
    if kind == "kill":
        back_ms = dice.any_size(1, 1_000)
        return KillWorker(at_us=draw.at_us, worker=draw.worker(), back_ms=back_ms)
    if kind == "add":
        return AddWorker(at_us=draw.at_us, worker=draw.added())
    return MoveCoordinator(at_us=draw.at_us, of="group")
