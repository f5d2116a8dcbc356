"""Put the parts of a universe together: settings, a cluster with our topics, and more."""

import random
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final

import msgspec

from simulation.oracles.finding import Problem
from simulation.oracles.second_family import Payments, Where
from simulation.payments import CODE, LIMIT_FEN, MODULE
from simulation.plan import ClusterPlan, Plan
from streams.families.fast_refund.policy import Policy
from streams.kafka.topic_admin import declare
from streams.platforms.registry import installed
from streams.processing.family import Family
from streams.processing.policies import Policies
from streams.settings import Settings, load_policy
from streams.settings.model import FIRST_FAMILY
from testkit.simulated.cluster import PORT, Cluster
from testkit.simulated.groups import Groups
from testkit.simulated.groups.settings import GroupSettings
from testkit.simulated.logs.topics import Topics
from testkit.simulated.transactions import Transactions

_LOAD_TIMEOUT_MS: Final = 60_000
"""``worker.load_timeout_ms``: less than the time after which a universe counts as stuck."""
_LOAD_MS: Final = 5
"""How long a coordinator reads its log after it has moved."""


def settings_of(plan: Plan) -> Settings:
    """Return the settings of all workers of a universe."""
    replace = msgspec.structs.replace
    cluster = plan.cluster
    base = plan.workers.settings(Settings())
    nodes = range(1, cluster.brokers + 1)
    families = base.worker.families
    if plan.second_family is not None:
        families = (*families, MODULE)
    bootstrap = ",".join(f"broker-{number}:{PORT}" for number in nodes)
    return replace(
        base,
        kafka=replace(base.kafka, bootstrap_servers=bootstrap, compression_type=None),
        worker=replace(
            base.worker, load_timeout_ms=_LOAD_TIMEOUT_MS, families=families
        ),
        topics=replace(
            base.topics,
            partitions=cluster.partitions,
            replication_factor=cluster.replicas,
            min_insync_replicas=cluster.min_insync,
        ),
    )


def cluster_of(plan: ClusterPlan, settings: Settings, rng: random.Random) -> Cluster:
    """Return a cluster with our topics, empty; needs a running event loop."""
    cluster = Cluster(plan.brokers, rng)
    cluster.rack = "here"
    cluster.topics = Topics(cluster)
    cluster.groups = Groups(
        cluster,
        GroupSettings(min_session_timeout_ms=plan.min_session_ms, load_ms=_LOAD_MS),
    )
    cluster.transactions = Transactions(cluster)
    for spec in declare(installed(settings), settings):
        cluster.topics.create(
            spec.name, spec.partitions, spec.replication_factor, dict(spec.config)
        )
    return cluster


@cache
def _shipped() -> Policy:
    return load_policy(None)


def policies_of(family: Family) -> Policies[Any]:
    """Return the policies that a worker starts with: the shipped file, of the first family."""
    return Policies((_shipped(),) if family.code == FIRST_FAMILY else ())


def settings_for(family: Family, settings: Settings) -> Settings:
    """Return settings with a client id of the family: each family has a group of its own.

    By client id the oracles know who is in a group, and who writes for it.
    """
    if family.code == FIRST_FAMILY:
        return settings
    replace, kafka = msgspec.structs.replace, settings.kafka
    client_id = f"{kafka.client_id}.{family.code}"
    return replace(settings, kafka=replace(kafka, client_id=client_id))


def payments_of(
    plan: Plan,
    settings: Settings,
    cluster: Cluster,
    find: Callable[[Iterable[Problem]], None],
) -> Payments | None:
    """Return the oracle of the second family; None = it does not run."""
    if plan.second_family is None:
        return None
    where = Where(
        prefix=settings.topics.prefix,
        group=settings.group_of(CODE),
        limit_fen=LIMIT_FEN,
        drain_ms=settings.worker.drain_timeout_ms,
    )
    return Payments(cluster, where, find)
