"""``--assert 'p99<20ms'``: a small closed language, checked before the run."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec

from streams.errors import UsageError

_TIMES: Final = {
    **{f"p{text}": "ms" for text in ("50", "90", "95", "99", "99.9", "99.99")},
    "mean": "ms",
    "max": "ms",
    "lateness": "ms",
}
_COUNTS: Final = (
    "sent",
    "answered",
    "lost",
    "repeats",
    "refused",
    "approved",
    "reviewed",
    "skipped",
    "dead",
)
_RATES: Final = ("rate",)
METRICS: Final = (*_TIMES, *_COUNTS, *_RATES)
"""All metrics that can be asserted."""
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_UNITS_MS: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_FORM: Final = re.compile(
    r"\s*([a-z]+[0-9.]*)\s*(<=|>=|==|!=|<|>)\s*([0-9]+(?:\.[0-9]+)?)\s*(\S*)\s*"
)


class Assertion(msgspec.Struct, frozen=True):
    """One assertion; ``bound`` is in ms, a count, or a rate per second."""

    text: str
    metric: str
    comparison: str
    bound: float

    def holds(self, value: float | None) -> bool:
        """Whether a value satisfies it; None (not measured) never does."""
        return value is not None and _COMPARE[self.comparison](value, self.bound)


class Checked(msgspec.Struct, frozen=True):
    """An assertion with its result."""

    text: str
    value: float | None
    holds: bool


def read_assertions(texts: Iterable[str]) -> list[Assertion]:
    """Read assertions.

    Raises
    ------
    UsageError
        One line for each wrong text.
    """
    found: list[Assertion] = []
    problems: list[str] = []
    for text in texts:
        one = _read(text)
        if isinstance(one, Assertion):
            found.append(one)
        else:
            problems.append(f"--assert '{text}': {one}")
    if problems:
        raise UsageError(problems)
    return found


def _read(text: str) -> Assertion | str:
    match = _FORM.fullmatch(text)
    if match is None:
        return "write METRIC, one of < <= > >= == !=, and a number, such as p99<20ms"
    metric, comparison, number, unit = match.groups()
    if metric in _TIMES:
        if unit not in _UNITS_MS:
            return f"{metric} is a time: add us, ms or s to {number}"
        return Assertion(text, metric, comparison, float(number) * _UNITS_MS[unit])
    if metric not in METRICS:
        return f"{metric} is not one of {', '.join(METRICS)}"
    if unit not in (("", "/s") if metric in _RATES else ("",)):
        return f"{metric} is a number: remove {unit}"
    return Assertion(text, metric, comparison, float(number))


def check(
    assertions: Iterable[Assertion], values: Mapping[str, float | None]
) -> list[Checked]:
    """Check assertions against the measured values."""
    return [
        Checked(one.text, values.get(one.metric), one.holds(values.get(one.metric)))
        for one in assertions
    ]
