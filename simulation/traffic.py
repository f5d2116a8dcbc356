"""The records of a universe, each with its moment: facts, requests, watermarks, policies.

All follows from the plan; nothing is drawn here. Whoever writes them keeps their order
within each partition, also when the broker is away for a while: a watermark says that
all facts before it are written.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from simulation.actions import CompactTopic
from simulation.extra_rows import changed_policy, extra_rows, is_version
from simulation.payments import payment_rows
from simulation.plan import Plan
from simulation.stories import ChangePolicy, Story, TrafficPlan
from simulation.story_rows import StoryRows, story_rows
from simulation.timed import Timed
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.partitioner import partition_of
from streams.processing.policies.publication import parse_record
from streams.processing.watermarks import WATERMARK_KEY
from streams.tools.traffic import records
from testkit.rows import Row
from testkit.scenarios.eras import policies
from testkit.scenarios.lists import lists

DATED: Final = ("orders", "buyers", "shops", "catalog")
"""Fact topics whose feeds write watermarks."""


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What is written into a universe, and what is known of it beforehand."""

    rows: list[Timed]
    """In the order of their moments. Those of moment 0 are there before all else."""
    policies: Mapping[str, Policy]
    """By name: all that are published, beside the shipped one."""
    codes: Mapping[tuple[str, bool], frozenset[str]]
    """Reason codes by decision id and whether it answers a withdrawal: decisions that are
    the same whenever they are made. Only where no fault delays facts for a minute."""


def traffic_of(plan: Plan, start_ms: int) -> Traffic:
    """Return the records of a universe that begins at a moment, UTC ms."""
    traffic, partitions = plan.traffic, plan.cluster.partitions
    stories = {
        story.number: story_rows(story, start_ms, partitions)
        for story in traffic.stories
    }
    shared = _shared(start_ms, partitions)
    at_us = traffic.policies_us
    rows = [Timed(at_us, row) for row in shared.policy_rows]
    rows += [Timed(0, row) for row in shared.lists]
    for one in stories.values():
        rows += one.rows
    for extra in traffic.extras:
        rows += extra_rows(extra, stories, start_ms, partitions)
    if plan.second_family is not None:
        rows += payment_rows(plan.second_family, plan.duration_ms, start_ms, partitions)
    # Last, so that of equal moments the watermark follows what it speaks of.
    rows += _watermarks(traffic, plan.duration_ms, start_ms, partitions)
    rows.sort(key=_AT)
    return Traffic(
        rows=rows,
        policies=_policies(traffic, shared.policies, start_ms),
        codes={} if _changes_logs(plan) else _codes(traffic, stories, partitions),
    )


_AT: Final = attrgetter("at_us")


class _Shared(NamedTuple):
    """What is the same in all universes of a shape."""

    policy_rows: tuple[Row, ...]
    policies: Mapping[str, Policy]
    lists: tuple[Row, ...]


@lru_cache(maxsize=16)
def _shared(start_ms: int, partitions: int) -> _Shared:
    parsed = [parse_record(POLICY, fields).policy for fields in policies(start_ms)]
    rows = [
        Row("policies", 0, policy.name.encode(), records.encoded(fields))
        for policy, fields in zip(parsed, policies(start_ms), strict=True)
    ]
    placed = [_placed(row, partitions) for row in lists(start_ms)]
    return _Shared(tuple(rows), {one.name: one for one in parsed}, tuple(placed))


def _placed(row: Row, partitions: int) -> Row:
    """Return a shared fact in the partition of its key."""
    key = (row.key or b"").decode()
    return Row(row.topic, partition_of(key, partitions), row.key, row.value)


def _watermarks(
    traffic: TrafficPlan, duration_ms: int, start_ms: int, partitions: int
) -> Iterator[Timed]:
    """Yield the watermarks of all feeds: the last one when all is over, as later ones do.

    Whoever asks after the last one would be told that the lists are not ready.
    """
    for at_ms in (*range(0, duration_ms, traffic.beat_ms), duration_ms):
        at_us = at_ms * 1_000
        if any(one.from_us <= at_us < one.until_us for one in traffic.silences):
            continue
        value = records.encoded(records.watermark(start_ms + at_ms))
        for topic in DATED:
            for number in range(partitions):
                yield Timed(at_us, Row(topic, number, WATERMARK_KEY, value))


def _policies(
    traffic: TrafficPlan, known: Mapping[str, Policy], start_ms: int
) -> Mapping[str, Policy]:
    versions = [
        changed_policy(one, start_ms) for one in traffic.extras if is_version(one)
    ]
    return {**known, **{one.name: one for one in versions}}


def _codes(
    traffic: TrafficPlan, stories: Mapping[int, StoryRows], partitions: int
) -> Mapping[tuple[str, bool], frozenset[str]]:
    """Return the decisions that nothing in this plan can change."""
    if traffic.policies_us or traffic.silences:
        return {}
    if any(isinstance(one, ChangePolicy) for one in traffic.extras):
        return {}
    touched = {getattr(one, "number", None) for one in traffic.extras}
    found: dict[tuple[str, bool], frozenset[str]] = {}
    for story in traffic.stories:
        if story.number not in touched and _is_settled(story, partitions):
            found.update(stories[story.number].codes)
    return found


def _changes_logs(plan: Plan) -> bool:
    """Whether facts vanish, or a newer watermark may drive out the one that a worker loads.

    Until it has read the newer one, a moment later, it does not know how old its lists are.
    """
    return plan.expected != "progress" or any(
        isinstance(one, CompactTopic) for one in plan.actions
    )


def _is_settled(story: Story, partitions: int) -> bool:
    """Whether its facts are there before; nobody can err among partitions if there is one."""
    astray = story.scenario != "misrouted" or partitions > 1
    return story.facts_us == 0 and story.late == "nothing" and astray
