"""Where our engine's time goes: py-spy where it is installed, else cProfile.

Facts are loaded and one request is answered before py-spy looks, so that it sees
nothing but deciding; the requests are then written while the worker decides.
"""

import pstats
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Final

from bench.engine_table import Tools
from bench.options import BenchError, BenchOptions
from bench.setup import Place, ends_of, fill, fresh, prepared, write_requests
from bench.worker import started, wait_for
from bench.world import NumberedWorld

_LOOKS_PER_S: Final = 400
_SHOWN: Final = 30
_PATIENCE_S: Final = 180.0
_ATTACH_S: Final = 2.0
"""py-spy reads the program's symbols before it looks for the first time."""


def profile(bootstrap: str, options: BenchOptions, out: Path) -> str:
    """Profile a throughput run of our engine; write ``out`` and return the top entries."""
    spy = shutil.which("py-spy")
    world = NumberedWorld(options.world)
    place = Place(bootstrap, Tools(), lambda _: None)
    with ExitStack() as held:
        one, site = held.enter_context(prepared("ours", place, options))
        if spy is None:
            python, *rest = one.command
            one = replace(
                one, command=(python, "-m", "cProfile", "-o", str(out), *rest)
            )
        fill(one, world, site)
        held.enter_context(fresh(one, site))
        ends = held.enter_context(ends_of(one, site))
        with started(one, site.folder / "engine.log") as worker:
            write_requests(one, world, site, range(1))
            wait_for(worker, 1, ends, _PATIENCE_S)
            with _looking(spy, worker.pid, out):
                write_requests(one, world, site, range(1, options.records))
                wait_for(worker, options.records, ends, _PATIENCE_S)
    return _folded(out) if spy is not None else _counted(out)


@contextmanager
def _looking(spy: str | None, pid: int, out: Path) -> Iterator[None]:
    """Let py-spy look at a process; without py-spy the process looks at itself."""
    if spy is None:
        yield
        return
    command = [
        spy,
        "record",
        "--pid",
        str(pid),
        "--format",
        "raw",
        "--output",
        str(out),
    ]
    command += ["--rate", str(_LOOKS_PER_S), "--nonblocking"]
    looker = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        time.sleep(_ATTACH_S)
        yield
        looker.send_signal(signal.SIGINT)  # it writes its file then
        said, _ = looker.communicate(timeout=_PATIENCE_S)
    finally:
        looker.kill()
        looker.wait()
    if not out.exists():
        raise BenchError(f"py-spy left no profile: {said.strip()}")


def _folded(out: Path) -> str:
    """Count folded stacks: samples in a function itself, and below it too."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    by_line: Counter[str] = Counter()
    for line in out.read_text("utf-8").splitlines():
        stack, _, count = line.rpartition(" ")
        by_line[stack.rpartition(";")[2]] += int(count)
        names = [_shorter(frame) for frame in stack.split(";")]
        own[names[-1]] += int(count)
        for name in set(names):
            whole[name] += int(count)
    total = own.total()
    lines = [f"{total} samples of py-spy, {out}", "  own   with callees"]
    lines += [
        f"{count / total:6.1%} {whole[name] / total:7.1%}  {name}"
        for name, count in own.most_common(_SHOWN)
    ]
    lines += ["  own, by line"]
    lines += [
        f"{count / total:6.1%}          {name}"
        for name, count in by_line.most_common(_SHOWN)
    ]
    return "\n".join(lines)


def _shorter(frame: str) -> str:
    """Return a frame without its line."""
    return re.sub(r":\d+\)$", ")", frame)


def _counted(out: Path) -> str:
    """Sum up a cProfile file; it covers the whole life of the worker, loading included."""
    text = StringIO()
    stats = pstats.Stats(str(out), stream=text)
    stats.sort_stats("tottime").print_stats(_SHOWN)
    return text.getvalue()
