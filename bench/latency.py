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
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, Self

from bench.engine_table import EngineSite
from bench.engines import Engine
from bench.options import LATENESS_QUANTILE, BenchError

_HEAD_START_NS: Final = 300_000_000
_GENERATOR_S: Final = 60.0
"""How much longer than intended the generator may take."""
_END_S: Final = 20.0
"""A receiver that was told to give up writes its file meanwhile."""
_BEHIND_S: Final = 1.0
_ALONE_PER_S: Final = 2_000
_COMPANY_MS: Final = 1.0
_LAST_PART: Final = 10


@dataclass(frozen=True, slots=True)
class Probe:
    """What one latency run is to do."""

    rate: int
    """Requests per second."""
    seconds: int
    warm_up_s: int
    """At the same rate before that, not counted."""
    first: int
    """Number of its first request."""
    patience_s: float
    """How long outputs may still come after the last request."""

    @property
    def count(self) -> int:
        """Requests, those for warming up included."""
        return self.rate * (self.seconds + self.warm_up_s)


@dataclass(frozen=True, slots=True)
class Latency:
    """What a latency run gave, ms; quantiles are None when there are none to give."""

    rate: int
    p50_ms: float | None
    p99_ms: float | None
    p999_ms: float | None
    max_ms: float | None
    lateness_ms: float | None
    """Of the generator, at :data:`bench.options.LATENESS_QUANTILE`."""
    approved_share: float | None
    kept: bool
    """Whether the engine kept the rate: it was less than a second behind at the end."""
    refused: bool = False
    """Whether the generator was late: then nothing is known."""


def unable(rate: int) -> Latency:
    """Return the figures of an engine that is known to be slower than a rate."""
    return Latency(rate, None, None, None, None, None, None, kept=False)


def company_ms(rate: int) -> float:
    """Return how long the generator lets a request wait for company, ms.

    A request of its own to the broker for each record of 10,000 a second takes more than
    two cores, which an engine that shares them has to pay for. What is waited counts.
    """
    return 0.0 if rate <= _ALONE_PER_S else _COMPANY_MS


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
        """Wait for its end, then tell it to end; return what it left and printed."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            self._process.terminate()
        try:
            printed, _ = self._process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{self._name} did not end") from None
        if self._process.returncode != 0:
            raise BenchError(f"{self._name} failed")
        found = array("q")
        found.frombytes(self._out.read_bytes())
        return found, printed


@dataclass(frozen=True, slots=True)
class Answers:
    """What generator and receiver saw."""

    start_ns: int
    late: "array[int]"
    """By request, ns: handed to the producer minus intended."""
    seen: "array[int]"
    """By request, monotonic ns of its first output; 0 = none."""
    repeats: int
    approved: int

    @property
    def missing(self) -> int:
        """How many requests had no output in time."""
        return sum(not one for one in self.seen)

    def took_ns(self, probe: Probe) -> list[int]:
        """Return what requests took, in their order; none may be missing."""
        gap_ns = 1_000_000_000 // probe.rate
        return [
            at_ns - self.start_ns - number * gap_ns
            for number, at_ns in enumerate(self.seen)
        ]


def ask(
    engine: Engine, site: EngineSite, probe: Probe, meanwhile: Callable[[], None]
) -> Answers:
    """Run generator and receiver against an engine that is up; blocks.

    Parameters
    ----------
    meanwhile
        Called once, when sending has begun.
    """
    job = {
        "bootstrap": site.bootstrap,
        "topic": engine.requests,
        "topics": engine.decided,
        "partitions": site.options.partitions,
        "world": asdict(site.options.world),
        "compression": site.options.compression,
        "rate": probe.rate,
        "company_ms": company_ms(probe.rate),
        "first": probe.first,
        "count": probe.count,
    }
    with ExitStack() as running:
        receiver = running.enter_context(_Helper("bench.receiver", site.folder, job))
        generator = running.enter_context(_Helper("bench.generator", site.folder, job))
        receiver.ready()
        generator.ready()
        start_ns = time.monotonic_ns() + _HEAD_START_NS
        generator.go(start_ns)
        meanwhile()
        late, _ = generator.finish(probe.seconds + probe.warm_up_s + _GENERATOR_S)
        seen, printed = receiver.finish(probe.patience_s)
    counts: dict[str, int] = json.loads(printed)
    return Answers(start_ns, late, seen, counts["repeats"], counts["approved"])


def measure(engine: Engine, site: EngineSite, probe: Probe) -> Latency:
    """Measure an engine that is up; blocks.

    Raises
    ------
    BenchError
        An output came twice.
    """
    answers = ask(engine, site, probe, lambda: None)
    if answers.repeats:
        raise BenchError(f"{answers.repeats} outputs came again")
    return figures(probe, answers, site.options.lateness_max_ms)


def figures(probe: Probe, answers: Answers, lateness_max_ms: int) -> Latency:
    """Return the figures of a run that is over, or why there are none."""
    skipped = probe.rate * probe.warm_up_s
    lateness_ms = _quantile_ms(sorted(answers.late[skipped:]), LATENESS_QUANTILE)
    share = answers.approved / len(answers.seen)
    if lateness_ms > lateness_max_ms:
        nothing = (None, None, None, None)
        return Latency(
            probe.rate, *nothing, lateness_ms, share, kept=True, refused=True
        )
    if answers.missing:
        return unable(probe.rate)
    in_order = answers.took_ns(probe)[skipped:]
    behind_s = median(in_order[-(len(in_order) // _LAST_PART) :]) / 1e9
    if behind_s > _BEHIND_S:
        return unable(probe.rate)
    took = sorted(in_order)
    quantiles = [_quantile_ms(took, q) for q in (0.5, 0.99, 0.999, 1.0)]
    p50, p99, p999, most = quantiles
    return Latency(probe.rate, p50, p99, p999, most, lateness_ms, share, kept=True)


def _quantile_ms(ordered: Sequence[int], quantile: float) -> float:
    """Return the smallest value that at least this share does not exceed, ns to ms."""
    return ordered[max(0, math.ceil(quantile * len(ordered)) - 1)] / 1e6
