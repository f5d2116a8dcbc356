"""Arguments in, tables out; an exit code as other programs have it."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from bench import checkpoint
from bench.engine_table import ENGINES
from bench.machine import describe
from bench.options import (
    COMPRESSIONS,
    QUICK,
    BenchError,
    BenchOptions,
    UsageError,
    variations,
)
from bench.profiling import profile
from bench.report import show, write_page
from bench.results import Results
from bench.rounds import Rounds, broker, missing, rounds, warm_up
from bench.setup import Place
from bench.tools import find
from streams.errors import RefundError

_PAGE: Final = Path("docs") / "performance.md"
_WITH_RESUME: Final = {"resume", "write_docs"}
"""What may be asked for beside it."""
_MAY_BE_NONE: Final = {
    "search_s",
    "restart_s",
    "start_facts",
    "skew",
    "record_bytes",
    "warm_up",
}
"""Numbers that may be 0: then it is not measured, or not done."""
_NUMBERS: Final = (
    ("rounds", "rounds, engines interleaved"),
    ("records", "requests of a throughput run"),
    ("orders", "orders loaded at least; one per request in any case"),
    ("buyers", "buyers loaded"),
    ("partitions", "partitions of each topic"),
    ("seconds", "length of a latency run"),
    ("warm-up-s", "length of what is not counted before it, at the same rate"),
    ("warm-up", "percent of the usual requests for warming up"),
    ("lateness-max-ms", "lateness of the generator that refuses a latency run"),
    ("search-s", "length of each try for the highest rate; 0 = not looked for"),
    ("search-p99-ms", "p99 that the highest rate stays under"),
    ("restart-s", "length of the run with a restart; 0 = none"),
    ("start-facts", "orders of the run that measures start-up; 0 = none"),
    ("skew", "percent of requests in partition 0; 0 = evenly"),
    ("record-bytes", "size that requests are padded to; 0 = not"),
)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures our engine and its peers on the same records.",
    )
    _what_is_measured(found)
    _what_becomes_of_it(found)
    return found


def _what_is_measured(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    engines = f"comma-separated, of {','.join(ENGINES)} (default: all that can run)"
    add("--engines", metavar="NAMES", help=engines)
    bootstrap = "a broker that is there; else one is started"
    add("--bootstrap", metavar="HOST:PORT", help=bootstrap)
    for name, text in _NUMBERS:
        default = getattr(BenchOptions(), name.replace("-", "_"))
        add(f"--{name}", type=int, metavar="N", help=f"{text} (default: {default})")
    rates = ",".join(map(str, BenchOptions().rates))
    add("--rates", metavar="N,N", help=f"requests per second (default: {rates})")
    add("--compression", choices=COMPRESSIONS, help="of all topics (default: none)")
    add("--varied", action="store_true", help="also measure under other conditions")
    add("--quick", action="store_true", help="tiny numbers: does it all work?")


def _what_becomes_of_it(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", type=Path, metavar="FILE", help="write every run there, as it ends")
    resume = "go on with the run that wrote FILE, with its options, and write there"
    add("--resume", type=Path, metavar="FILE", help=resume)
    add("--read", type=Path, metavar="FILE", help="measure nothing, show such a file")
    page = f"write the page and its plots (default: {_PAGE})"
    add("--write-docs", type=Path, nargs="?", const=_PAGE, metavar="FILE", help=page)
    add("--profile", type=Path, metavar="FILE", help="only profile our engine, to FILE")


def options_of(given: argparse.Namespace) -> BenchOptions:
    """Return the options asked for.

    Raises
    ------
    UsageError
        An engine nobody knows, or a number that is none.
    """
    base = QUICK if given.quick else BenchOptions()
    numbers = {
        name: value
        for name, value in vars(given).items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    for name, value in numbers.items():
        least = 0 if name in _MAY_BE_NONE else 1
        if value < least:
            raise UsageError(f"--{name.replace('_', '-')} must be {least} or more")
    engines = tuple(given.engines.split(",")) if given.engines else ()
    if unknown := set(engines) - set(ENGINES):
        raise UsageError(f"no such engine: {', '.join(sorted(unknown))}")
    return replace(
        base,
        engines=engines,
        bootstrap=given.bootstrap,
        rates=_rates(given.rates) or base.rates,
        compression=given.compression or base.compression,
        **numbers,
    )


def _rates(given: str | None) -> tuple[int, ...]:
    try:
        found = tuple(sorted(int(one) for one in given.split(","))) if given else ()
    except ValueError:
        found = (0,)
    if any(one < 1 for one in found):
        raise UsageError("--rates must be numbers of 1 or more, with commas between")
    return found


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; 0 done, 1 failed, 2 wrong usage."""
    given = parser().parse_args(arguments)
    try:
        _do(given)
    except (BenchError, RefundError) as failed:
        print(f"bench: {failed}", file=sys.stderr)
        return 2 if isinstance(failed, UsageError) else 1
    except (KeyboardInterrupt, SystemExit) as ended:
        if file := given.resume or given.json:
            ended.add_note(f"go on with --resume {file}")
        raise
    return 0


def _do(given: argparse.Namespace) -> None:
    cache_home = os.environ.get("XDG_CACHE_HOME")
    if given.read is not None:
        _show(checkpoint.read(given.read), given)
    elif given.profile is not None:
        options = options_of(given)
        with broker(options, cache_home) as bootstrap:
            print(profile(bootstrap, options, given.profile))
    else:
        _race(given, cache_home)


def _race(given: argparse.Namespace, cache_home: str | None) -> None:
    before = _before(given)
    options = before.options if before else options_of(given)
    found = find(options.engines, cache_home, _report)
    for name, why in found.left_out.items():
        _report(f"left out: {name}: {why}")
    machine = describe(found.tools, own_broker=options.bootstrap is None)
    if before is None:
        options = replace(options, engines=found.engines)
        conditions = variations(options) if given.varied else {}
        varied = {condition: Rounds([], [], []) for condition in conditions}
        results = Results(machine, options, [], [], varied, [], found.left_out)
    else:
        results = checkpoint.gone_on_with(before, machine, given.resume)
    file = given.resume or given.json
    save = partial(checkpoint.write, results, file) if file else _nowhere
    save()  # a file that cannot be written is known before hours of work
    if _left(results):
        with broker(options, cache_home) as bootstrap:
            _measure(Place(bootstrap, found.tools, _report), results, save)
    _show(results, given)
    if failures := results.all_failures():
        raise BenchError("\n".join(failures))


def _before(given: argparse.Namespace) -> Results | None:
    """Return the run to go on with; None = a new one.

    Raises
    ------
    BenchError
        There is none.
    UsageError
        It is asked to be another than it was.
    """
    if given.resume is None:
        return None
    asked = {
        name
        for name, value in vars(given).items()
        if value is not None and value is not False and name not in _WITH_RESUME
    }
    if asked:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(asked))
        raise UsageError(f"--resume takes all options from its file: leave out {names}")
    return checkpoint.read(given.resume)


def _left(results: Results) -> dict[str, tuple[BenchOptions, Rounds]]:
    """Return what is not measured yet, by condition."""
    options = {"": results.options, **variations(results.options)}
    return {
        condition: (options[condition], part)
        for condition, part in results.of_all().items()
        if missing(part, options[condition])
    }


def _measure(place: Place, results: Results, save: Callable[[], None]) -> None:
    options = results.options
    if options.bootstrap is None:
        warm_up(place, options)
    for condition, (of, part) in _left(results).items():
        if condition:
            _report(f"under another condition: {condition}")
        rounds(place, of, part, save)


def _nowhere() -> None:
    """Save nothing: no file was named."""


def _show(results: Results, given: argparse.Namespace) -> None:
    if given.read is not None and given.json is not None:
        checkpoint.write(results, given.json)
    show(results)
    if given.write_docs is not None:
        write_page(results, given.write_docs)


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
