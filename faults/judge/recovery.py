"""How a run got over its fault: latency before and after, the longest gap, the way back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from faults.judge.view import Heard, Place, View

_LATE_MS: Final = 1_000
"""A request that waits longer for its answer is waiting for the fault to be over."""
_BEFORE_MS: Final = 4_000
"""Latency before the fault is that of this time; what comes earlier warms things up."""


@dataclass(frozen=True)
class Recovery:
    """Figures of one run; None where nothing was measured."""

    back_ms: int | None
    """From the end of the fault until the last request that waited long was answered."""
    longest_gap_ms: int | None
    """Longest time without an answer in a partition that had requests waiting."""
    p99_before_ms: int | None
    p99_during_ms: int | None
    p99_after_ms: int | None


def recovery(view: View, from_ms: int, until_ms: int) -> Recovery:
    """Measure how a fault that lasted from ``from_ms`` until ``until_ms`` was got over.

    Latency counts from the moment a request was meant to be sent until its first answer
    was heard.
    """
    answered = _first_answers(view.heard)
    meant = {place: at for place, at in view.sent.items() if place in answered}
    late = [
        answered[place]
        for place, at in meant.items()
        if answered[place] - at > _LATE_MS and answered[place] >= from_ms
    ]
    back_ms = max([0, *(at - until_ms for at in late)])
    settled_ms = until_ms + back_ms
    before = [
        answered[place] - at
        for place, at in meant.items()
        if from_ms - _BEFORE_MS <= at < from_ms - _LATE_MS and answered[place] < from_ms
    ]
    during = [
        answered[place] - at for place, at in meant.items() if from_ms <= at < until_ms
    ]
    after = [answered[place] - at for place, at in meant.items() if at > settled_ms]
    return Recovery(
        back_ms if meant else None,
        _gap_of_lanes_ms(meant, answered),
        percentile(before, 99),
        percentile(during, 99),
        percentile(after, 99),
    )


def percentile(values: Iterable[int], percent: int) -> int | None:
    """Return the smallest value that ``percent`` of all do not exceed; None without any."""
    found = sorted(values)
    return found[-(-len(found) * percent // 100) - 1] if found else None


def raw_repeats(view: View) -> int:
    """Count outputs beyond the first for one input offset."""
    return sum(len(found) - 1 for found in view.answers.values())


def longest_gap_ms(
    sent: Mapping[Place, int], heard: Iterable[Heard], since_ms: int
) -> int | None:
    """Return the longest gap from a second before ``since_ms`` on.

    What was answered in that second is what the first gap is counted from.
    """
    answered = _first_answers(heard)
    meant = {
        place: at
        for place, at in sent.items()
        if at >= since_ms - _LATE_MS and place in answered
    }
    return _gap_of_lanes_ms(meant, answered)


def _first_answers(answers: Iterable[Heard]) -> dict[Place, int]:
    found: dict[Place, int] = {}
    for heard in answers:
        if heard.source is not None:
            found.setdefault(heard.source, heard.at_ms)
    return found


def _gap_of_lanes_ms(meant: dict[Place, int], answered: dict[Place, int]) -> int | None:
    lanes: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, at_ms in meant.items():
        lanes[place[0]].append((answered[place], at_ms))
    return max((_gap_ms(sorted(lane)) for lane in lanes.values()), default=None)


def _gap_ms(lane: list[tuple[int, int]]) -> int:
    """Of (answered, meant) in the order of answers: the longest wait for the next one."""
    longest = 0
    oldest: int | None = None
    for place in range(len(lane) - 1, 0, -1):
        answered, at_ms = lane[place]
        oldest = at_ms if oldest is None else min(oldest, at_ms)
        longest = max(longest, answered - max(lane[place - 1][0], oldest))
    return longest
