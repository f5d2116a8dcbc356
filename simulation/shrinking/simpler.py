"""Ways to make a plan simpler that leave nothing out of its rows."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from simulation.actions import AddWorker
from simulation.plan import KafkaKnobs, Network, Plan, WorkerKnobs
from simulation.shrinking.soundness import (
    edited,
    replace,
    without_broker,
    without_worker,
)
from simulation.stories import Story
from testkit.world import WAVES

_PLAIN: Final = "good_standing"
_QUIET: Final = Network(low_us=1_000, high_us=1_000)
_RARE_MS: Final = 2_000
_ROUND: Final = (1_000_000, 100_000, 10_000, 1_000)
_LENGTHS: Final = ("for_ms", "back_ms", "again_ms", "lag_ms", "ms")


def smaller_shapes(plan: Plan) -> Iterator[Plan]:
    """Yield the plan with a worker, a broker or a partition less."""
    if plan.workers.count > 1:
        for number in range(plan.workers.count, 0, -1):
            yield without_worker(plan, number)
    if plan.cluster.brokers > 1:
        for number in range(plan.cluster.brokers, 0, -1):
            yield without_broker(plan, number)
    if plan.cluster.partitions > 1:
        yield edited(plan, "cluster", partitions=plan.cluster.partitions - 1)


def plainer_surroundings(plan: Plan) -> Iterator[Plan]:
    """Yield the plan with something that is as it usually is."""
    yield replace(plan, network=_QUIET)
    yield edited(plan, "cluster", replicas=1, min_insync=1)
    yield edited(plan, "cluster", min_insync=1)
    yield edited(plan, "workers", static_members=False)
    yield replace(plan, second_family=None)
    yield edited(plan, "traffic", policies_us=0)
    yield edited(plan, "traffic", silences=())
    yield edited(plan, "traffic", beat_ms=_RARE_MS)
    for part, usual in (("kafka", KafkaKnobs()), ("worker", WorkerKnobs())):
        for field, value in msgspec.structs.asdict(usual).items():
            knobs = replace(getattr(plan.workers, part), **{field: value})
            yield edited(plan, "workers", **{part: knobs})


def fewer_names(plan: Plan) -> Iterator[Plan]:
    """Yield the plan with a fault that asks for less, or an action on the first of a kind."""
    for at, fault in enumerate(plan.faults):
        for field in ("worker", "node", "client"):
            for looser in _changed(fault, field, None):
                yield replace(plan, faults=_with(plan.faults, at, looser))
    for at, action in enumerate(plan.actions):
        if isinstance(action, AddWorker):
            continue
        for field in ("worker", "node"):
            for first in _changed(action, field, 1):
                yield replace(plan, actions=_with(plan.actions, at, first))


def shorter(plan: Plan) -> Iterator[Plan]:
    """Yield the plan with less time in which nothing is meant to happen."""
    last_us = max(_ends_us(plan), default=0)
    for spare_ms in (0, 500, 1_000):
        duration_ms = last_us // 1_000 + 1 + spare_ms
        if duration_ms < plan.duration_ms:
            yield replace(plan, duration_ms=duration_ms)


def _ends_us(plan: Plan) -> Iterator[int]:
    traffic = plan.traffic
    for action in plan.actions:
        lengths_ms = [getattr(action, name, 0) or 0 for name in _LENGTHS]
        yield action.at_us + max(*(1_000 * ms for ms in lengths_ms), _after_us(action))
    for fault in plan.faults:
        yield fault.from_us + 1_000 * fault.ms
    for extra in traffic.extras:
        yield extra.at_us
    for story in traffic.stories:
        again_us = max(story.again_us, default=0)
        last_us = story.late_us + WAVES * (story.apart_us + story.gap_us)
        yield story.asks_us + max(again_us, last_us)
        yield story.facts_us
    for payment in plan.second_family.payments if plan.second_family else ():
        yield payment.at_us + max(payment.again_us, default=0)
    yield traffic.policies_us


def _after_us(action: object) -> int:
    return int(getattr(action, "after_us", 0))


def plainer_stories(plan: Plan) -> Iterator[Plan]:
    """Yield the plan with one of its stories made plainer."""
    for at, story in enumerate(plan.traffic.stories):
        for plainer in _plainer(story):
            stories = _with(plan.traffic.stories, at, plainer)
            yield edited(plan, "traffic", stories=stories)


def _plainer(story: Story) -> Iterator[Story]:
    yield replace(story, scenario=_PLAIN, late="nothing", late_us=0, again_us=())
    yield replace(story, scenario=_PLAIN)
    yield replace(story, late="nothing", late_us=0)
    yield replace(story, again_us=())
    yield replace(story, again_us=story.again_us[:1])
    yield replace(story, facts_us=0)
    yield replace(story, gap_us=0)


def rounder_moments(plan: Plan) -> Iterator[Plan]:
    """Yield the plan with the moment or a length of an action or fault rounded down."""
    for part in ("actions", "faults"):
        row: tuple[Any, ...] = getattr(plan, part)
        for at, one in enumerate(row):
            for rounder in _rounder(one):
                yield replace(plan, **{part: _with(row, at, rounder)})


def _rounder(one: Any) -> Iterator[Any]:  # noqa: ANN401 - any action or fault
    if getattr(one, "times", 1) > 1:
        yield replace(one, times=1)
    for field in ("at_us", "from_us"):
        value = getattr(one, field, 0)
        for unit in _ROUND:
            yield from _changed(one, field, value // unit * unit)
    for field in _LENGTHS:
        value = getattr(one, field, None)
        for unit in _ROUND[1:]:
            if value and value >= unit // 1_000:
                yield from _changed(
                    one, field, value // (unit // 1_000) * (unit // 1_000)
                )


def _changed(one: Any, field: str, value: int | None) -> Iterator[Any]:  # noqa: ANN401 - as above
    """Yield the same with another value; nothing if it has that value, or no such field."""
    if getattr(one, field, value) != value:
        yield replace(one, **{field: value})


def _with(row: tuple[Any, ...], at: int, one: object) -> tuple[Any, ...]:
    return (*row[:at], one, *row[at + 1 :])
