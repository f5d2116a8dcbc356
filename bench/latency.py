"""Latency at a stated rate, open loop: from the intended send time to the receiver.

Generator and receiver are processes of their own and share the machine's monotonic
clock with us.
"""

import json
import math
import subprocess
import sys
import time
from array import array
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from bench.engines import Engine
from bench.options import LATENESS_QUANTILE, BenchError, Options

_HEAD_START_NS: Final = 300_000_000
_PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Latency:
    """What a latency run gave, ms; quantiles are None when it was refused."""

    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    max_ms: float | None
    lateness_ms: float
    """Of the generator, at :data:`bench.options.LATENESS_QUANTILE`."""
    approved_share: float


class _Helper:
    """The generator or the receiver: a process that says READY and leaves a file."""

    def __init__(self, module: str, folder: Path, job: dict[str, Any]) -> None:
        self._name = module
        self._out = folder / f"{module}.bin"
        file = folder / f"{module}.json"
        file.write_text(json.dumps(job | {"out": str(self._out)}), encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def ready(self) -> None:
        """Wait until it is."""
        if self._process.stdout is None or self._process.stdout.readline() != "READY\n":
            raise BenchError(f"{self._name} did not get ready")

    def go(self, start_ns: int) -> None:
        """Tell it when to start."""
        if self._process.stdin is not None:
            self._process.stdin.write(f"{start_ns}\n")
            self._process.stdin.flush()

    def finish(self, within_s: float) -> tuple["array[int]", str]:
        """Wait for its end; return what it left and what it printed."""
        try:
            printed, _ = self._process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{self._name} did not end in {within_s:.0f} s") from None
        if self._process.returncode != 0:
            raise BenchError(f"{self._name} failed")
        found = array("q")
        found.frombytes(self._out.read_bytes())
        return found, printed


def measure(engine: Engine, bootstrap: str, options: Options, folder: Path) -> Latency:
    """Run generator and receiver against an engine that is up; blocks.

    Raises
    ------
    BenchError
        An output is missing or came twice.
    """
    job = {
        "bootstrap": bootstrap,
        "topic": engine.requests,
        "topics": engine.outputs,
        "partitions": options.partitions,
        "orders": options.orders_loaded,
        "buyers": options.buyers,
        "rate": options.rate,
        "first": options.records,
        "count": options.latency_records,
    }
    with ExitStack() as running:
        receiver = running.enter_context(_Helper("bench.receiver", folder, job))
        generator = running.enter_context(_Helper("bench.generator", folder, job))
        receiver.ready()
        generator.ready()
        start_ns = time.monotonic_ns() + _HEAD_START_NS
        generator.go(start_ns)
        length_s = options.seconds + options.warm_up_s
        late, _ = generator.finish(length_s + _PATIENCE_S)
        seen, printed = receiver.finish(_PATIENCE_S)
    counts: dict[str, int] = json.loads(printed)
    missing = sum(not one for one in seen)
    if missing or counts["repeats"]:
        raise BenchError(f"{missing} outputs missing, {counts['repeats']} came again")
    return _figures(options, start_ns, late, seen, counts["approved"] / len(seen))


def _figures(
    options: Options,
    start_ns: int,
    late: Sequence[int],
    seen: Sequence[int],
    approved_share: float,
) -> Latency:
    skipped = options.rate * options.warm_up_s
    gap_ns = 1_000_000_000 // options.rate
    took = sorted(
        at_ns - start_ns - number * gap_ns
        for number, at_ns in enumerate(seen)
        if number >= skipped
    )
    lateness_ms = _quantile_ms(sorted(late[skipped:]), LATENESS_QUANTILE)
    if lateness_ms > options.lateness_max_ms:
        return Latency(None, None, None, None, lateness_ms, approved_share)
    p50, p99, p999, most = (_quantile_ms(took, q) for q in (0.5, 0.99, 0.999, 1.0))
    return Latency(p50, p99, p999, most, lateness_ms, approved_share)


def _quantile_ms(ordered: Sequence[int], quantile: float) -> float:
    """Return the smallest value that at least this share does not exceed, ns to ms."""
    return ordered[max(0, math.ceil(quantile * len(ordered)) - 1)] / 1e6
