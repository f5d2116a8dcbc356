"""Keep a plan sound while parts of it go: nothing names what is no longer there."""

from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec

from simulation.actions import AddWorker
from simulation.plan import Plan

T = TypeVar("T", bound=msgspec.Struct)
replace: Final = msgspec.structs.replace
_MOMENT: Final = attrgetter("at_us")


def sound(plan: Plan) -> Plan | None:
    """Return the plan without actions and faults of those who are not there.

    Returns
    -------
    Plan or None
        None if nobody stays: then no progress can be demanded.
    """
    added = [one.worker for one in plan.actions if isinstance(one, AddWorker)]
    workers = {*range(1, plan.workers.count + 1), *added}

    def there(one: object) -> bool:
        return _names(one, "worker", workers) and _in_cluster(plan, one)

    actions = tuple(sorted(filter(there, plan.actions), key=_MOMENT))
    leavers = {
        getattr(one, "worker", None)
        for one in actions
        if getattr(one, "back_ms", 0) is None
    }
    if workers <= leavers:
        return None
    faults = tuple(filter(there, plan.faults))
    return replace(plan, actions=actions, faults=faults)


def _in_cluster(plan: Plan, one: object) -> bool:
    cluster = plan.cluster
    return _names(one, "node", range(1, cluster.brokers + 1)) and _names(
        one, "partition", range(cluster.partitions)
    )


def _names(one: object, field: str, there: Iterable[int]) -> bool:
    named = getattr(one, field, None)
    return named is None or named in there


def without_worker(plan: Plan, number: int) -> Plan:
    """Return the plan without one of the workers that start with it; later ones move up."""
    workers = replace(plan.workers, count=plan.workers.count - 1)
    return replace(
        plan,
        workers=workers,
        actions=_moved_up(plan.actions, "worker", number),
        faults=_moved_up(plan.faults, "worker", number),
    )


def without_broker(plan: Plan, number: int) -> Plan:
    """Return the plan without one of the brokers; later ones move up."""
    cluster, brokers = plan.cluster, plan.cluster.brokers - 1
    return replace(
        plan,
        cluster=replace(
            cluster,
            brokers=brokers,
            replicas=min(cluster.replicas, brokers),
            min_insync=min(cluster.min_insync, max(1, brokers - 1)),
        ),
        actions=_moved_up(plan.actions, "node", number),
        faults=_moved_up(plan.faults, "node", number),
    )


def _moved_up(parts: Iterable[T], field: str, number: int) -> tuple[T, ...]:
    """Return parts without those that name a number; higher numbers become one less."""
    found: list[T] = []
    for one in parts:
        named: Any = getattr(one, field, None)
        if named == number:
            continue
        above = named is not None and named > number
        found.append(replace(one, **{field: named - 1}) if above else one)
    return tuple(found)


def edited(plan: Plan, part: str, **changes: Any) -> Plan:  # noqa: ANN401 - fields of a part
    """Return the plan with changes to one of its parts, such as ``traffic``."""
    return replace(plan, **{part: replace(getattr(plan, part), **changes)})
