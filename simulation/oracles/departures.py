"""How a worker ends: with the documented code, in time, and with nothing of it left.

``docs/operations.md`` ("Stop") has the rules: 0 after SIGTERM, whatever the brokers do; 1
if it cannot go on; 2 if settings, topics or logs are not what they must be. Nothing here
is asked of a process that was killed.
"""

from typing import Final

from simulation.departure import Departure
from simulation.oracles.finding import Problem
from streams.errors import RefundError

CLEAN: Final = 0
FAILED: Final = 1
WRONG: Final = 2
GRACE_S: Final = 3.0
"""Beyond the drain time: a start that is given up takes a second for the client that
connects and one to close the others; cancelled steps of the stop have half a second."""


def exit_code(end: Departure, *, replaced: bool) -> list[Problem]:
    """The exit code is the documented one.

    Parameters
    ----------
    replaced
        Whether a log was replaced in this universe, after which 2 is right at any time.
    """
    words = f": {type(end.failure).__name__}: {end.failure}" if end.failure else ""
    told = f"{end.worker} ended with exit code {end.code}{words}"
    reasoned = isinstance(end.failure, RefundError)
    overtaken = end.overtaken and end.code == FAILED and reasoned
    if overtaken or (replaced and end.code == WRONG):
        return []
    if end.asked and end.code != CLEAN:
        return [_problem("a_stop_is_clean", end, f"{told}, after SIGTERM")]
    if not end.asked and end.code == CLEAN:
        return [_problem("nobody_ends_unasked", end, f"{told}, unasked")]
    if end.code not in (CLEAN, FAILED):
        return [_problem("the_code_is_documented", end, told)]
    if end.failure is not None and not reasoned:
        return [_problem("a_failure_has_a_reason", end, told)]
    return []


def in_time(end: Departure, drain_s: float) -> list[Problem]:
    """A process ends within its drain time and a grace, whatever does not answer."""
    if end.took_s <= drain_s + GRACE_S:
        return []
    text = f"{end.worker} took {end.took_s:.1f} s to end, with {drain_s:g} s to drain"
    return [_problem("a_stop_ends_in_time", end, text)]


def all_closed(end: Departure, connections: list[str]) -> list[Problem]:
    """All connections of a process are closed when it ends."""
    if not connections:
        return []
    text = f"{end.worker} ended and left open {', '.join(connections)}"
    return [_problem("all_clients_are_closed", end, text)]


def all_ended(end: Departure, tasks: list[str]) -> list[Problem]:
    """No task of a process is left when it ends."""
    if not tasks:
        return []
    text = f"{end.worker} ended and left running {', '.join(tasks)}"
    return [_problem("no_task_is_left", end, text)]


def _problem(rule: str, end: Departure, text: str) -> Problem:
    return Problem("exit_code", rule, end.worker, text)
