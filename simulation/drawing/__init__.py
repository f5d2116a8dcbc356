"""Draw the plan of a universe from a seed."""

from random import Random
from typing import Final

from simulation.drawing.actions import drawn_actions
from simulation.drawing.dice import Dice
from simulation.drawing.families import drawn_second_family
from simulation.drawing.faults import drawn_faults
from simulation.drawing.shape import drawn_cluster, drawn_network, drawn_workers
from simulation.drawing.traffic import drawn_traffic
from simulation.plan import Plan, Profile

_WEIGHTS: Final[dict[Profile, int]] = {
    "calm": 6,
    "workers": 18,
    "network": 14,
    "brokers": 12,
    "groups": 12,
    "topics": 8,
    "logs": 4,
    "away": 8,
    "everything": 26,
}
_SHORTEST_MS: Final = 1_500
_LONGEST_MS: Final = 12_000


def plan_of(seed: int, profile: Profile | None = None) -> Plan:
    """Return the universe of a seed; a given profile replaces the one that is drawn."""
    dice = Dice(Random(seed))  # noqa: S311 - a universe, no secret
    drawn = dice.weighted(_WEIGHTS)
    profile = profile or drawn
    duration_ms = dice.small(_SHORTEST_MS, _LONGEST_MS)
    cluster = drawn_cluster(dice, profile)
    workers = drawn_workers(dice, profile, cluster)
    shape = cluster, workers.count
    network = drawn_network(dice)
    traffic = drawn_traffic(dice, duration_ms, cluster.partitions)
    asks_us = [one.asks_us for one in traffic.stories]
    actions = drawn_actions(dice, profile, duration_ms, shape, asks_us)
    moments = [*asks_us, *(one.at_us for one in actions)]
    return Plan(
        seed=seed,
        profile=profile,
        duration_ms=duration_ms,
        expected="code 2" if profile == "logs" else "progress",
        cluster=cluster,
        network=network,
        workers=workers,
        traffic=traffic,
        actions=actions,
        faults=drawn_faults(dice, profile, duration_ms, shape, moments),
        second_family=drawn_second_family(seed, duration_ms),
    )


__all__ = ["plan_of"]
