"""What the kernel says about a process: CPU time and memory, its children included."""

import ctypes
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_AFTER_NAME: Final = 2
"""Fields after the program's name start with number 3 (``man 5 proc_pid_stat``)."""
_UTIME, _STIME, _CUTIME, _CSTIME = (
    number - 1 - _AFTER_NAME for number in (14, 15, 16, 17)
)


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it; those that are gone are left out."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text("ascii").split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))


def cpu_s(pid: int) -> float:
    """Return seconds of CPU, user and system, of a process and its descendants.

    Nanoseconds, threads that ended included. Children that ended count too once they
    were waited for, in steps of one clock tick (10 ms as a rule).
    """
    return sum(_own_s(one) + _waited_for_s(one) for one in family(pid))


def peak_mib(pid: int) -> float:
    """Return the most memory held so far, MiB (VmHWM), summed over descendants."""
    return sum(_kib(one, "VmHWM:") for one in family(pid)) / 1_024


def resident_mib(pid: int) -> float:
    """Return memory held now, MiB (VmRSS), of one process; 0 when it is gone."""
    return _kib(pid, "VmRSS:") / 1_024


def descriptors(pid: int) -> int:
    """Return how many file descriptors a process has open; 0 when it is gone."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0


def _threads(pid: int) -> Iterator[tuple[int, int, str]]:
    """Yield process, thread and name of all threads of a process and its descendants."""
    for one in family(pid):
        for task in Path(f"/proc/{one}/task").glob("*"):
            with suppress(OSError):  # it ended meanwhile
                yield one, int(task.name), (task / "comm").read_text("utf-8")


def owner(pid: int, name: str) -> int | None:
    """Return the process, or descendant, with a thread whose name begins with ``name``."""
    return next((one for one, _, is_ in _threads(pid) if is_.startswith(name)), None)


def step_back(pid: int, names: tuple[str, ...]) -> int:
    """Let threads run only where nothing else wants to (``SCHED_IDLE``).

    Those of a process and its descendants whose names begin with one of ``names``, and
    whatever threads they start later. Returns how many could be told to.
    """
    found = 0
    nothing = os.sched_param(0)
    for _, thread, name in _threads(pid):
        if name.startswith(names):
            # It may have ended meanwhile, or we may not: then it is not counted.
            with suppress(OSError):
                os.sched_setscheduler(thread, os.SCHED_IDLE, nothing)
                found += 1
    return found


class Others:
    """How much of the machine other people's processes, and the host, took since."""

    def __init__(self) -> None:
        self._began_s = time.monotonic()
        self._began_cpu_s = self._cpu_s()

    def cores(self) -> float:
        """Return their average number of cores since construction."""
        took_s = time.monotonic() - self._began_s
        return max(0.0, self._cpu_s() - self._began_cpu_s) / took_s

    def _cpu_s(self) -> float:
        return _not_idle() / _TICKS_PER_S - cpu_s(os.getpid())


def _not_idle() -> int:
    first = Path("/proc/stat").read_text("ascii").splitlines()[0].split()[1:9]
    user, nice, system, _idle, _iowait, irq, softirq, stolen = (
        int(one) for one in first
    )
    return user + nice + system + irq + softirq + stolen


def _own_s(pid: int) -> float:
    """Read the process's CPU clock: unlike its ``stat`` file, it does not round to ticks.

    ``schedstat`` counts nanoseconds as well, but forgets threads that ended.
    """
    clock = ctypes.c_int()
    try:
        if ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)) == 0:
            return time.clock_gettime(clock.value)
    except (AttributeError, OSError):
        pass  # no such function here; or the process ended between the two calls
    return _ticks(pid, _UTIME, _STIME) / _TICKS_PER_S


def _waited_for_s(pid: int) -> float:
    """Return what children took that ended and were waited for."""
    return _ticks(pid, _CUTIME, _CSTIME) / _TICKS_PER_S


def _ticks(pid: int, *fields: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return 0
    found = text.rpartition(")")[2].split()
    return sum(int(found[number]) for number in fields)


def _kib(pid: int, name: str) -> int:
    try:
        text = Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    return 0
