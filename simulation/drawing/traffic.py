"""Draw what comes in: a handful of scenarios, and what changes around them."""

from functools import cache
from typing import Final

import msgspec

from simulation.drawing.dice import Dice
from simulation.stories import (
    Change,
    ChangePolicy,
    DropOrder,
    Extra,
    FailPayout,
    Late,
    Silence,
    Story,
    TrafficPlan,
    TurnOrder,
    VetoOrder,
    WriteUnreadable,
)
from testkit.scenarios import SCENARIOS
from testkit.scenarios.serial import SERIAL
from testkit.world import WAVES

_FEWEST: Final = 6
_MOST: Final = 40
_FIRST_US: Final = 1_000
"""Nothing is asked before; what is written at 0 was there before everything."""
_LAST_SHARE: Final = 0.9
"""Of the duration, within which everything is asked for the first time."""
_PLAIN: Final = "good_standing"
_NAMES: Final = tuple(name for name in SCENARIOS if name != "misrouted")
_SERIAL: Final = tuple(name for name in SERIAL if name != "misrouted")
_NUMBERS: Final = 900_000
_FIRST_VERSION: Final = 10
"""Of orders: above every version that a scenario writes."""
_FIRST_POLICY: Final = 20
"""Version: above those of the scenarios' eras."""
_LONG_BEFORE_US: Final = -60_000_000
"""Before every request that is judged by the version of now."""
_LATE: Final[dict[Late, int]] = {"nothing": 17, "orders": 3, "buyers": 2, "all": 2}
_BEATS_MS: Final = {200: 1, 500: 3, 1_000: 4, 2_000: 4}


def drawn_traffic(dice: Dice, duration_ms: int, partitions: int) -> TrafficPlan:
    """Return 6 to 40 requests, mostly few, and what else is written."""
    duration_us = duration_ms * 1_000
    wanted = dice.small(_FEWEST, _MOST)
    first = dice.within(1, _NUMBERS)
    bursts = [_moment(dice, duration_us) for _ in range(dice.within(0, 3))]
    stories: list[Story] = []
    while (left := wanted - sum(map(requests_of, stories))) > 0:
        story = _story(dice, first + len(stories), duration_us, bursts)
        if partitions > 1 and dice.chance(0.03):
            story = msgspec.structs.replace(story, scenario="misrouted")
        stories.append(_fitting(story, left))
    return TrafficPlan(
        stories=tuple(stories),
        extras=_extras(dice, duration_us, partitions, first, len(stories)),
        policies_us=_moment(dice, duration_us) // 2 if dice.chance(0.15) else 0,
        beat_ms=dice.weighted(_BEATS_MS),
        silences=_silences(dice, duration_us),
    )


def requests_of(story: Story) -> int:
    """Return how many requests a story writes."""
    return _requests_in(story.scenario) + len(story.again_us)


@cache
def _requests_in(scenario: str) -> int:
    return len(SCENARIOS[scenario](0, 0).requests)


def _fitting(story: Story, most: int) -> Story:
    """Return the story, or a plain one if it asks more often than is wanted."""
    if requests_of(story) <= most:
        return story
    return msgspec.structs.replace(story, scenario=_PLAIN, again_us=())


def _moment(dice: Dice, duration_us: int) -> int:
    return dice.within(_FIRST_US, int(duration_us * _LAST_SHARE))


def _story(dice: Dice, number: int, duration_us: int, bursts: list[int]) -> Story:
    in_burst = bool(bursts) and dice.chance(0.6)
    asks_us = dice.among(bursts) if in_burst else _moment(dice, duration_us)
    left_us = duration_us - asks_us
    late = dice.weighted(_LATE)
    times = dice.weighted({0: 12, 1: 3, 2: 1})
    return Story(
        number=number,
        scenario=_scenario(dice),
        facts_us=_facts_us(dice, asks_us),
        late=late,
        late_us=0 if late == "nothing" else dice.length(1, left_us // 2),
        asks_us=asks_us,
        gap_us=dice.among((0, 0, dice.any_size(1, left_us // 20))),
        apart_us=dice.length(1_000, left_us // (2 * WAVES)),
        again_us=tuple(sorted(dice.length(1, left_us) for _ in range(times))),
    )


def _facts_us(dice: Dice, asks_us: int) -> int:
    """Most facts are there long before; some are written at the last moment."""
    if dice.chance(0.6):
        return 0
    return max(0, asks_us - dice.any_size(1, asks_us))


def _scenario(dice: Dice) -> str:
    """Return any scenario, with many that are approved and many that go on for a while."""
    kind = dice.weighted({"plain": 4, "serial": 4, "any": 2})
    if kind == "plain":
        return _PLAIN
    return dice.among(_SERIAL if kind == "serial" else _NAMES)


def _extras(
    dice: Dice, duration_us: int, partitions: int, first: int, stories: int
) -> tuple[Extra, ...]:
    found: list[Extra] = []
    for at in range(dice.within(0, max(2, stories // 2))):
        at_us = dice.within(_FIRST_US, duration_us)
        number = first + dice.within(0, stories - 1)
        version = _FIRST_VERSION + at
        found.append(_extra(dice, at_us, number, version, partitions))
    if dice.chance(0.3):
        found += _policy_changes(dice, duration_us)
    return tuple(sorted(found, key=lambda one: one.at_us))


def _extra(dice: Dice, at_us: int, number: int, version: int, partitions: int) -> Extra:
    kind = dice.weighted(
        {"turn": 5, "veto": 2, "unveto": 1, "bad": 3, "fail": 2, "drop": 1}
    )
    if kind == "turn":
        return TurnOrder(at_us=at_us, number=number, version=version)
    if kind == "bad":
        return WriteUnreadable(
            at_us=at_us,
            topic=dice.among(("requests", "requests", "orders", "buyers", "outcomes")),
            partition=dice.within(0, partitions - 1),
            which=dice.within(0, 99),
        )
    if kind == "fail":
        return FailPayout(at_us=at_us, number=number)
    if kind == "drop":
        return DropOrder(at_us=at_us, number=number)
    return VetoOrder(at_us=at_us, number=number, stands=kind == "veto")


def _policy_changes(dice: Dice, duration_us: int) -> list[ChangePolicy]:
    at_us = dice.within(_FIRST_US, duration_us)
    what: Change = dice.among(("limit", "ages", "pause"))
    from_us = at_us if dice.chance(0.4) else _LONG_BEFORE_US
    change = ChangePolicy(
        at_us=at_us, what=what, version=_FIRST_POLICY, from_us=from_us
    )
    if what != "pause":
        return [change]
    until_us = dice.within(at_us, duration_us)
    return [change, msgspec.structs.replace(change, at_us=until_us, what="resume")]


def _silences(dice: Dice, duration_us: int) -> tuple[Silence, ...]:
    if not dice.chance(0.15):
        return ()
    from_us = _moment(dice, duration_us)
    return (Silence(from_us=from_us, until_us=dice.within(from_us, duration_us)),)
