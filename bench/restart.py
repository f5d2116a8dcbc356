"""The pause of a restart: stopped in order under load, started again at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.engine_table import EngineSite
from bench.engines import Engine
from bench.kafka import Ends
from bench.latency import Probe, ask

_LEAD_S: Final = 1.5
"""The load is on for so long before the engine is stopped."""
_PATIENCE_S: Final = 90.0
"""A member that did not leave its group is missed after 45 s."""


_SETTLE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class RestartLoad:
    """What comes while the engine restarts."""

    probe: Probe
    ends: Ends
    """Of its outputs."""


@dataclass(frozen=True, slots=True)
class RestartPause:
    """What a restart cost."""

    longest_s: float | None
    """The longest that a request waited; None when one has waited for ever."""
    missing: int
    """Requests without output."""
    repeats: int
    """Outputs that came again."""


def measure(
    engine: Engine, site: EngineSite, load: RestartLoad, restart: Callable[[], None]
) -> RestartPause:
    """Restart an engine that is up, and has answered everything, under load; blocks."""

    def meanwhile() -> None:
        time.sleep(_LEAD_S)
        restart()

    before = load.ends.records()
    answers = ask(engine, site, load.probe, meanwhile)
    load.ends.settle(_SETTLE_S)
    answered = len(answers.seen) - answers.missing
    repeats = load.ends.records() - before - answered
    longest = None if answers.missing else max(answers.took_ns(load.probe)) / 1e9
    return RestartPause(longest, answers.missing, repeats)


def probe_of(site: EngineSite, first: int) -> Probe:
    """Return the load of a restart: the lowest of the stated rates."""
    options = site.options
    return Probe(options.rates[0], options.restart_s, 0, first, _PATIENCE_S)
