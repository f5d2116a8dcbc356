"""Draw what a universe is made of: brokers, network, workers and their settings."""

from typing import Final

from simulation.drawing.dice import Dice
from simulation.plan import (
    ClusterPlan,
    KafkaKnobs,
    Network,
    Profile,
    WorkerKnobs,
    WorkersPlan,
)

_KAFKA_LEAST_MS: Final = 6_000
"""Kafka's own least session time-out."""
_HASTY_LEAST_MS: Final = 1_000
_THREE: Final = 3
"""Replicas of which one may be away."""
_COUNTS: Final = {1: 4, 2: 4, 3: 3}
_MORE: Final = {1: 1, 2: 4, 3: 3}
_FETCH_WAITS_MS: Final = {10: 1, 50: 4, 200: 10, 500: 25}
"""With 10 ms a universe takes about five times the steps that it takes with 500 ms, and
finds nothing else: a broker answers at once when there is a record."""
_MANY_BROKERS: Final = frozenset[Profile](("brokers", "network", "groups"))
_MANY_WORKERS: Final = frozenset[Profile](("workers", "groups"))


def drawn_cluster(dice: Dice, profile: Profile) -> ClusterPlan:
    """Return brokers and topics; all that is acknowledged is on all in-sync replicas."""
    brokers = dice.weighted(_MORE if profile in _MANY_BROKERS else _COUNTS)
    replicas = brokers if dice.chance(0.8) else 1
    return ClusterPlan(
        brokers=brokers,
        partitions=dice.weighted(_COUNTS),
        replicas=replicas,
        min_insync=2 if replicas == _THREE and dice.chance(0.7) else 1,
        min_session_ms=dice.among((_HASTY_LEAST_MS, _KAFKA_LEAST_MS)),
    )


def drawn_network(dice: Dice) -> Network:
    """Return how long messages take: in one room, or between cities."""
    low_us = dice.any_size(20, 5_000)
    return Network(low_us=low_us, high_us=low_us + dice.any_size(1, 20_000))


def drawn_workers(dice: Dice, profile: Profile, cluster: ClusterPlan) -> WorkersPlan:
    """Return the workers; their settings are such as an operator may have."""
    shortest = cluster.min_session_ms
    session_ms = dice.among((shortest, shortest * 3 // 2, 10_000))
    return WorkersPlan(
        count=dice.weighted(_MORE if profile in _MANY_WORKERS else _COUNTS),
        static_members=dice.chance(0.3),
        restart_ms=dice.any_size(10, 3_000),
        kafka=KafkaKnobs(
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=dice.among((session_ms // 10, session_ms // 3)),
            request_timeout_ms=dice.among((1_000, 3_000, 10_000, 30_000)),
            metadata_max_age_ms=dice.among((500, 5_000, 5_000, 60_000, 60_000)),
            fetch_max_wait_ms=dice.weighted(_FETCH_WAITS_MS),
            fetch_gather_ms=dice.among((0, 4, 50)),
            max_poll_records=dice.among((1, 3, 4_000, 4_000)),
            linger_ms=dice.among((0, 0, 20)),
        ),
        worker=WorkerKnobs(
            commit_interval_ms=dice.among((20, 200, 200, 1_000, 1_000)),
            drain_timeout_ms=dice.among((300, 1_000, 5_000)),
        ),
    )
