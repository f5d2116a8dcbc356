"""What is written beside the stories: changed orders, vetoes, policies, bad records."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

from simulation.stories import (
    Change,
    ChangePolicy,
    DropOrder,
    Extra,
    FailPayout,
    TurnOrder,
    VetoOrder,
    WriteUnreadable,
)
from simulation.story_rows import StoryRows
from simulation.timed import Timed
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies.keys import pause_key
from streams.processing.policies.publication import parse_record
from streams.tools.traffic import records
from testkit.rows import Row
from testkit.scenarios.eras import FAR_FROM_USUAL
from testkit.world import BAD, turned

LOWER_LIMIT_FEN: Final = 15_000
"""Below what the base order costs: its buyers' requests go to a person from then on."""
SHORT_AGE_MS: Final = 1_000
"""About the time between watermarks: what is fresh and what is stale hangs on each one."""
_CHANGES: Final[Mapping[Change, Mapping[str, Any]]] = {
    "limit": {"paid_limit_fen": LOWER_LIMIT_FEN},
    "ages": dict.fromkeys(FAR_FROM_USUAL, SHORT_AGE_MS),
}
"""What versions say."""
_FAMILY: Final = "FR"
_BAD_KEYS: Final = (b"bad-1", None, b"", b"\xff")
_BAD_FACTS: Final = (b"not JSON", b"{", b"[]", b"{}", b"7")


def extra_rows(
    extra: Extra, stories: Mapping[int, StoryRows], start_ms: int, partitions: int
) -> Iterator[Timed]:
    """Yield the records of an extra; none if it is about a story that is not there."""
    if isinstance(extra, WriteUnreadable):
        yield Timed(extra.at_us, _unreadable(extra, partitions))
    elif isinstance(extra, ChangePolicy):
        yield Timed(extra.at_us, _policy_row(extra, start_ms))
    elif (story := stories.get(extra.number)) is not None:
        at_ms = start_ms + extra.at_us // 1_000
        for row in _of_story(extra, story, at_ms):
            yield Timed(extra.at_us, row)


def _of_story(
    extra: TurnOrder | DropOrder | VetoOrder | FailPayout, story: StoryRows, at_ms: int
) -> Iterator[Row]:
    name = f"{extra.number:06d}"
    order_id, refund_id = f"o-{name}-1", f"r-{name}-1"
    if isinstance(extra, VetoOrder):
        veto = {"order_id": order_id, "veto": extra.stands}
        yield Row("outcomes", story.partition, order_id.encode(), records.encoded(veto))
    elif isinstance(extra, FailPayout):
        failed = {"refund_id": refund_id, "kind": "payout_failed", "at_ms": at_ms}
        key = refund_id.encode()
        yield Row("outcomes", story.partition, key, records.encoded(failed))
    elif story.order is not None and isinstance(extra, TurnOrder):
        yield from turned([story.order], extra.version)
    elif story.order is not None:
        yield Row("orders", story.partition, story.order.key, None)


def _unreadable(extra: WriteUnreadable, partitions: int) -> Row:
    """Return a bad record; its partition is there even if the plan has become smaller."""
    partition, which = extra.partition % partitions, extra.which
    if extra.topic == "requests":
        key = _BAD_KEYS[which % len(_BAD_KEYS)]
        return Row("requests", partition, key, BAD[which % len(BAD)])
    value = _BAD_FACTS[which % len(_BAD_FACTS)]
    return Row(extra.topic, partition, b"bad-%d" % which, value)


def _policy_row(change: ChangePolicy, start_ms: int) -> Row:
    if change.what in _CHANGES:
        policy = changed_policy(change, start_ms)
        fields = _version_fields(change, start_ms)
        return Row("policies", 0, policy.name.encode(), records.encoded(fields))
    fields = {
        "family": _FAMILY,
        "paused": change.what == "pause",
        "author": "simulation",
        "reason": "for a while",
        "published_at_ms": start_ms + change.at_us // 1_000,
    }
    return Row("policies", 0, pause_key(_FAMILY).encode(), records.encoded(fields))


def is_version(extra: Extra) -> TypeGuard[ChangePolicy]:
    """Whether an extra publishes a policy version."""
    return isinstance(extra, ChangePolicy) and extra.what in _CHANGES


def changed_policy(change: ChangePolicy, start_ms: int) -> Policy:
    """Return the policy version that is published."""
    return parse_record(POLICY, _version_fields(change, start_ms)).policy


def _version_fields(change: ChangePolicy, start_ms: int) -> dict[str, Any]:
    what = _CHANGES[change.what]
    return {
        "family": _FAMILY,
        "version": change.version,
        "effective_from_ms": start_ms + change.from_us // 1_000,
        "author": "simulation",
        "reason": f"other {change.what}",
        "published_at_ms": start_ms + change.at_us // 1_000,
        "allow": list(what),
        **what,
    }
