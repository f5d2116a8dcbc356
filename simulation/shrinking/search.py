"""The search: leave out, then make smaller, then plainer, until nothing more can go.

Whatever is left out shifts all draws of the run after it, so a failure that hangs on a
race may need luck: the same step is tried again in the next round.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from simulation.plan import Plan, encode
from simulation.shrinking.ddmin import ddmin
from simulation.shrinking.simpler import (
    fewer_names,
    plainer_stories,
    plainer_surroundings,
    rounder_moments,
    shorter,
    smaller_shapes,
)
from simulation.shrinking.soundness import edited, replace, sound

Run: TypeAlias = Callable[[Plan], str | None]
"""Runs a plan; returns what is wrong, equal for one defect, or None."""

_MOST_TRIES: Final = 400


class _Row(NamedTuple):
    """Parts of a plan of which any can be left out."""

    name: str
    of: Callable[[Plan], tuple[Any, ...]]
    put: Callable[[Plan, tuple[Any, ...]], Plan]


def _with_payments(plan: Plan, row: tuple[Any, ...]) -> Plan:
    """Return the plan with these payments; one without the second family has none."""
    if plan.second_family is None:
        return plan
    return edited(plan, "second_family", payments=row)


_ROWS: Final = (
    _Row(
        "actions",
        lambda plan: plan.actions,
        lambda plan, row: replace(plan, actions=row),
    ),
    _Row(
        "faults", lambda plan: plan.faults, lambda plan, row: replace(plan, faults=row)
    ),
    _Row(
        "extras",
        lambda plan: plan.traffic.extras,
        lambda plan, row: edited(plan, "traffic", extras=row),
    ),
    _Row(
        "stories",
        lambda plan: plan.traffic.stories,
        lambda plan, row: edited(plan, "traffic", stories=row),
    ),
    _Row(
        "payments",
        lambda plan: plan.second_family.payments if plan.second_family else (),
        _with_payments,
    ),
)


_Ways: TypeAlias = Callable[[Plan], Iterator[Plan]]
_EACH_ROUND: Final[tuple[_Ways, ...]] = (
    fewer_names,
    smaller_shapes,
    plainer_surroundings,
    plainer_stories,
)
_AT_LAST: Final[tuple[_Ways, ...]] = (rounder_moments, shorter)


class Shrunk(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest plan that was found."""

    plan: Plan
    signature: str
    tries: int
    """Runs that were needed, the first one included."""
    before: dict[str, int]
    """How much of each there was."""
    after: dict[str, int]

    def told(self) -> str:
        """Return how much smaller it is, as one line for a person."""
        parts = [
            f"{name} {count} → {self.after[name]}"
            for name, count in self.before.items()
            if count != self.after[name]
        ]
        what = ", ".join(parts) or "nothing could go"
        return f"shrunk in {self.tries} runs: {what}"


def shrink(plan: Plan, run: Run, most_tries: int = _MOST_TRIES) -> Shrunk:
    """Return a smaller plan that fails as the given one does.

    Parameters
    ----------
    run
        Must say the same of the same plan each time.
    most_tries
        Runs after which the best plan so far has to do.

    Raises
    ------
    ValueError
        The plan does not fail.
    """
    signature = run(plan)
    if signature is None:
        raise ValueError(f"the plan of seed {plan.seed} does not fail")
    search = _Search(run, signature, most_tries)
    found = search.smallest(plan)
    return Shrunk(
        plan=found,
        signature=signature,
        tries=search.tries,
        before=sizes(plan),
        after=sizes(found),
    )


def sizes(plan: Plan) -> dict[str, int]:
    """Return how much of each there is in a plan."""
    return {
        **{row.name: len(row.of(plan)) for row in _ROWS},
        "workers": plan.workers.count,
        "brokers": plan.cluster.brokers,
        "partitions": plan.cluster.partitions,
        "ms": plan.duration_ms,
    }


class _Search:
    """Runs candidates, each once, within its budget."""

    def __init__(self, run: Run, signature: str, most_tries: int) -> None:
        self._run = run
        self._signature = signature
        self._most_tries = most_tries
        self._known: dict[bytes, bool] = {}
        self.tries = 1

    def smallest(self, plan: Plan) -> Plan:
        """Return the best plan that the budget allows."""
        self._known[encode(plan)] = True
        best, before = plan, None
        while best != before and self._may_go_on:
            before = best
            for row in _ROWS:
                best = self._fewer(best, row)
            for ways in _EACH_ROUND:
                best = self._greedy(best, ways)
        for ways in _AT_LAST:
            best = self._greedy(best, ways)
        return best

    @property
    def _may_go_on(self) -> bool:
        return self.tries < self._most_tries

    def _fewer(self, best: Plan, row: _Row) -> Plan:
        left = ddmin(
            row.of(best), lambda some: self._failing(row.put(best, some)) is not None
        )
        return self._failing(row.put(best, left)) or best

    def _greedy(self, best: Plan, ways: _Ways) -> Plan:
        """Take each way that still fails; ways before it are left for the next round."""
        at = 0
        while self._may_go_on:
            for number, candidate in enumerate(ways(best)):
                if number >= at and candidate != best:
                    found = self._failing(candidate)
                    if found is not None and found != best:
                        best, at = found, number
                        break
            else:
                break
        return best

    def _failing(self, candidate: Plan) -> Plan | None:
        """Return the candidate, made sound, if it fails in the same way."""
        found = sound(candidate)
        if found is None:
            return None
        key = encode(found)
        fails = self._known.get(key)
        if fails is None:
            if not self._may_go_on:
                return None
            self.tries += 1
            fails = self._run(found) == self._signature
            self._known[key] = fails
        return found if fails else None
