import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from testkit.procfs import cpu_s, owner, step_back

_BURN = """
import sys, threading, time
def burn(until_s):
    while time.thread_time() < until_s:
        pass
"""
_ANSWERS = """
for line in sys.stdin:
    burn(time.thread_time() + float(line))
    print(time.process_time(), flush=True)
"""
_IN_A_THREAD = """
for line in sys.stdin:
    thread = threading.Thread(target=burn, args=(float(line),))
    thread.start()
    thread.join()
    print(time.process_time(), flush=True)
"""
_IN_A_CHILD = """
import resource, subprocess
burning = "import time\\nwhile time.process_time() < {}: pass"
for line in sys.stdin:
    subprocess.run([sys.executable, "-c", burning.format(line.strip())], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(used.ru_utime + used.ru_stime + time.process_time(), flush=True)
"""
_TICKS_S = 0.02
"""User and system time of ended children are both cut to whole clock ticks."""


@contextmanager
def _program(answers: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-c", _BURN + answers],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        _takes(process, 0.0)  # it is up
        yield process
        process.kill()


def _takes(process: "subprocess.Popen[str]", cpu: float) -> float:
    """Let it take so much CPU; return what it says it has taken in all."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{cpu}\n")
    process.stdin.flush()
    return float(process.stdout.readline())


@pytest.mark.parametrize("answers", [_ANSWERS, _IN_A_THREAD], ids=["itself", "thread"])
def test_half_a_millisecond_of_cpu_is_seen_even_of_a_thread_that_ended(
    answers: str,
) -> None:
    with _program(answers) as process:
        before = cpu_s(process.pid)
        said = _takes(process, 0.0005)
        seen = cpu_s(process.pid)
        assert seen - before >= 0.0005
        assert said <= seen <= _takes(process, 0.0)


def test_children_that_ended_count_to_a_clock_tick() -> None:
    with _program(_IN_A_CHILD) as process:
        said = _takes(process, 0.05)
        assert cpu_s(process.pid) > said - _TICKS_S


def test_a_process_that_is_gone_took_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert cpu_s(process.pid) == 0.0


def test_the_owner_of_a_thread_is_found_among_descendants() -> None:
    with _program(_IN_A_THREAD) as process:
        name = Path(f"/proc/{process.pid}/comm").read_text("utf-8").strip()
        assert owner(process.pid, name) == process.pid
        assert owner(process.pid, "no such") is None
        found = owner(os.getpid(), name)
        assert found in {os.getpid(), process.pid}
    assert owner(process.pid, name) is None  # it has ended


def test_threads_step_back_by_name() -> None:
    with _program(_IN_A_THREAD) as process:
        before = os.sched_getscheduler(process.pid)
        assert step_back(process.pid, ("no such",)) == 0
        assert os.sched_getscheduler(process.pid) == before
        assert step_back(process.pid, ("no such", "python")) == 1
        assert os.sched_getscheduler(process.pid) == os.SCHED_IDLE
    assert step_back(process.pid, ("python",)) == 0  # it has ended
