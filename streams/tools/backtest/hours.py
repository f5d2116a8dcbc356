"""The chart of reviews per hour, from the first hour of the data to the end of the last."""

from collections.abc import Sequence
from typing import Final

import msgspec

from streams.tools.backtest.comparing import Hour

_HOUR_MS: Final = 3_600_000
_MS_PER_S: Final = 1000
_FILLED_MAX: Final = 24 * 92
"""Most hours; in longer data a gap is not drawn as empty hours."""


class Chart(msgspec.Struct, frozen=True):
    """Columns of equal length; the last point only ends the last hour."""

    at_s: list[int]
    before: list[int]
    after: list[int]


def chart_of(hours: Sequence[Hour]) -> Chart | None:
    """Return the chart of some hours, in order; None when there is none.

    An hour without decisions in between has 0 reviews.
    """
    if not hours:
        return None
    by_hour = {one.at_ms: one for one in hours}
    first_ms, last_ms = hours[0].at_ms, hours[-1].at_ms
    if (last_ms - first_ms) // _HOUR_MS < _FILLED_MAX:
        for at_ms in range(first_ms, last_ms, _HOUR_MS):
            by_hour.setdefault(at_ms, Hour(at_ms))
    shown = [by_hour[at_ms] for at_ms in sorted(by_hour)]
    shown.append(msgspec.structs.replace(shown[-1], at_ms=last_ms + _HOUR_MS))
    return Chart(
        [one.at_ms // _MS_PER_S for one in shown],
        [one.before for one in shown],
        [one.after for one in shown],
    )
