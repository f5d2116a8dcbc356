"""Arguments in, a table out; an exit code as other programs have it."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.machine import describe
from bench.options import ENGINES, BenchError, Options
from bench.profiling import profile
from bench.report import show, write_page
from bench.results import Results, from_json
from bench.running import broker, rounds, warm_up
from streams.errors import RefundError

_PAGE: Final = Path("docs") / "performance.md"
_QUICK: Final = Options(
    rounds=1,
    records=10_000,
    orders=2_000,
    buyers=800,
    rate=200,
    seconds=1,
    warm_up_s=1,
    lateness_max_ms=200,
)
"""Whether it all works, in half a minute; no figure of it means anything."""


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures our engine, plain Faust and a bare loop on the same records.",
    )
    add = found.add_argument
    add("--engines", help=f"comma-separated, of {','.join(ENGINES)} (default: all)")
    add(
        "--bootstrap",
        metavar="HOST:PORT",
        help="a broker that is there; else one is started",
    )
    for name, text in (
        ("rounds", "rounds, engines interleaved"),
        ("records", "requests of a throughput run"),
        ("orders", "orders loaded at least; one per request in any case"),
        ("buyers", "buyers loaded"),
        ("partitions", "partitions of each topic"),
        ("rate", "requests per second of a latency run"),
        ("seconds", "length of a latency run"),
        ("lateness-max-ms", "lateness of the generator that refuses a latency run"),
    ):
        default = getattr(Options(), name.replace("-", "_"))
        add(f"--{name}", type=int, metavar="N", help=f"{text} (default: {default})")
    add("--quick", action="store_true", help="tiny numbers: does it all work?")
    add("--json", type=Path, metavar="FILE", help="write every run there")
    add("--read", type=Path, metavar="FILE", help="measure nothing, show such a file")
    add("--write-docs", action="store_true", help=f"write {_PAGE}")
    add("--profile", type=Path, metavar="FILE", help="only profile our engine, to FILE")
    return found


def options_of(given: argparse.Namespace) -> Options:
    """Return the options asked for.

    Raises
    ------
    BenchError
        An engine nobody knows, or a number below 1.
    """
    base = _QUICK if given.quick else Options()
    numbers = {
        name: value
        for name, value in vars(given).items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    if any(value < 1 for value in numbers.values()):
        raise BenchError("numbers must be 1 or more")
    engines = tuple(given.engines.split(",")) if given.engines else ENGINES
    if unknown := set(engines) - set(ENGINES):
        raise BenchError(f"no such engine: {', '.join(sorted(unknown))}")
    return replace(base, engines=engines, bootstrap=given.bootstrap, **numbers)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 done, 1 failed, 2 wrong usage."""
    given = parser().parse_args(arguments)
    try:
        _do(given)
    except (BenchError, RefundError) as failed:
        print(f"bench: {failed}", file=sys.stderr)
        return 1
    return 0


def _do(given: argparse.Namespace) -> None:
    options = options_of(given)
    if given.read is not None:
        _show(from_json(json.loads(given.read.read_text("utf-8"))), given)
        return
    with broker(options, os.environ.get("XDG_CACHE_HOME")) as bootstrap:
        if given.profile is not None:
            print(profile(bootstrap, options, given.profile))
            return
        if options.bootstrap is None and not given.quick:
            warm_up(bootstrap, options, _tell)
        runs, quiet = rounds(bootstrap, options, _tell)
    machine = describe(own_broker=options.bootstrap is None)
    _show(Results(machine, options, runs, quiet), given)


def _show(results: Results, given: argparse.Namespace) -> None:
    if given.json is not None:
        given.json.write_text(json.dumps(results.to_json(), indent=1), encoding="utf-8")
    show(results)
    if given.write_docs:
        write_page(results, _PAGE)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
