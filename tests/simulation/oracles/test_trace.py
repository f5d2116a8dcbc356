"""Equal universes have equal traces, in any process."""

import subprocess
import sys
from itertools import count
from pathlib import Path

from simulation.oracles.everybody import Everybody
from simulation.oracles.trace import TraceHash
from testkit.simulated.observer import Observer

ROOT = Path(__file__).parents[3]
TOLD = """
from itertools import count
from simulation.oracles.trace import TraceHash
from tests.simulation.oracles.test_trace import happen
trace = TraceHash(count().__next__)
happen(trace)
print(trace.hexdigest())
"""


def happen(observer: Observer, *, offset: int = 7) -> None:
    """Let one of each event happen."""
    observer.requested(1, 0, 7, "w1")
    observer.appended("t", 0, offset, 9)
    observer.marked("t", 0, 9, commit=True)
    observer.truncated("t", 0, 8)
    observer.created("t")
    observer.deleted("t")
    observer.led("t", 0, None, 3)
    observer.committed("g", "t", 0, 5, "{}")
    observer.generation("g", 2, {"m-1": "w1", "m-2": "w2"})
    observer.note("w1", "stops")


def traced(*, offset: int = 7) -> str:
    trace = TraceHash(count().__next__)
    happen(trace, offset=offset)
    return trace.hexdigest()


def test_a_trace_is_the_same_in_processes_that_hash_texts_otherwise() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", TOLD],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {traced()}


def test_a_trace_counts_every_event() -> None:
    trace = TraceHash(count().__next__)
    happen(trace)
    assert trace.events == 10


def test_another_offset_is_another_trace() -> None:
    assert traced(offset=6) != traced()


def test_another_moment_is_another_trace() -> None:
    late = TraceHash(count(1).__next__)
    happen(late)
    assert late.hexdigest() != traced()


def test_everybody_is_told_of_everything() -> None:
    one, other = (TraceHash(count().__next__) for _ in range(2))
    happen(Everybody(one, other))
    assert one.hexdigest() == other.hexdigest() == traced()
