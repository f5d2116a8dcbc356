"""Faults of workers: ended, killed, paused, started again."""

from typing import Final

from faults.actions import workers
from faults.catalog.bounds import AFTER_KILL_MS, SECOND, USUAL
from faults.judge.checks import ALWAYS, UNDISTURBED
from faults.measurements import gap_at_most, repeats_at_most
from faults.run import Fault

_NAMED: Final = {
    "REFUND_KAFKA__GROUP_INSTANCE_ID": "set for each",
    "REFUND_KAFKA__SESSION_TIMEOUT_MS": "15000",
}

WORKERS: Final = (
    Fault(
        1,
        "restart",
        "SIGTERM and restart each worker",
        workers.restart,
        10,
        checks=UNDISTURBED,
        within=(gap_at_most(1_500), *USUAL),
    ),
    Fault(
        2,
        "kill",
        "kill -9 a worker at some moment",
        workers.kill,
        20,
        within=(gap_at_most(AFTER_KILL_MS), *USUAL),
    ),
    Fault(
        3,
        "kill-before-commit",
        "kill -9 between produce acknowledgement and commit",
        workers.kill_before_commit,
        10,
        within=(gap_at_most(AFTER_KILL_MS), *USUAL),
    ),
    Fault(
        4,
        "kill-while-loading",
        "kill -9 while loading facts or reading back outputs",
        workers.kill_while_loading,
        5,
        within=USUAL,
    ),
    Fault(
        5,
        "rolling",
        "rolling restart with static membership",
        workers.rolling,
        5,
        settings=_NAMED,
        checks=UNDISTURBED,
        within=USUAL,
    ),
    Fault(
        6,
        "scale",
        "one worker, three, one again",
        workers.scale,
        3,
        workers=1,
        checks=UNDISTURBED,
        within=USUAL,
    ),
    Fault(
        7,
        "zombie",
        "SIGSTOP past the session time-out, then SIGCONT",
        workers.zombie,
        5,
        checks=ALWAYS,
        within=(gap_at_most(AFTER_KILL_MS), repeats_at_most(SECOND), *USUAL),
    ),
    Fault(
        8,
        "twins",
        "two workers with the same static id",
        workers.twins,
        3,
        workers=1,
        settings=_NAMED,
        checks=ALWAYS,
        within=(repeats_at_most(SECOND), *USUAL),
    ),
    Fault(
        9,
        "spare",
        "a spare takes over after a minute of idling",
        workers.spare,
        2,
        workers=5,
        rate=300,
        seconds=120,
        within=(gap_at_most(AFTER_KILL_MS), *USUAL),
    ),
)
