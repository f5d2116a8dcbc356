"""Arguments in, tables out; an exit code as other programs have it."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.lineup import ENGINES
from bench.machine import describe
from bench.options import COMPRESSIONS, QUICK, BenchError, Options, variations
from bench.profiling import profile
from bench.report import show, write_page
from bench.results import Results, from_json
from bench.rounds import broker, rounds, warm_up
from bench.stage import Place
from bench.tools import Found, find
from streams.errors import RefundError

_PAGE: Final = Path("docs") / "performance.md"
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
        default = getattr(Options(), name.replace("-", "_"))
        add(f"--{name}", type=int, metavar="N", help=f"{text} (default: {default})")
    rates = ",".join(map(str, Options().rates))
    add("--rates", metavar="N,N", help=f"requests per second (default: {rates})")
    add("--compression", choices=COMPRESSIONS, help="of all topics (default: none)")
    add("--varied", action="store_true", help="also measure under other conditions")
    add("--quick", action="store_true", help="tiny numbers: does it all work?")


def _what_becomes_of_it(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--json", type=Path, metavar="FILE", help="write every run there")
    add("--read", type=Path, metavar="FILE", help="measure nothing, show such a file")
    page = f"write the page and its plots (default: {_PAGE})"
    add("--write-docs", type=Path, nargs="?", const=_PAGE, metavar="FILE", help=page)
    add("--profile", type=Path, metavar="FILE", help="only profile our engine, to FILE")


def options_of(given: argparse.Namespace) -> Options:
    """Return the options asked for.

    Raises
    ------
    BenchError
        An engine nobody knows, or a number that is none.
    """
    base = QUICK if given.quick else Options()
    numbers = {
        name: value
        for name, value in vars(given).items()
        if isinstance(value, int) and not isinstance(value, bool)
    }
    for name, value in numbers.items():
        least = 0 if name in _MAY_BE_NONE else 1
        if value < least:
            raise BenchError(f"--{name.replace('_', '-')} must be {least} or more")
    engines = tuple(given.engines.split(",")) if given.engines else ()
    if unknown := set(engines) - set(ENGINES):
        raise BenchError(f"no such engine: {', '.join(sorted(unknown))}")
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
        raise BenchError("--rates must be numbers of 1 or more, with commas between")
    return found


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
    cache_home = os.environ.get("XDG_CACHE_HOME")
    if given.profile is not None:
        with broker(options, cache_home) as bootstrap:
            print(profile(bootstrap, options, given.profile))
        return
    found = find(options.engines, cache_home, _tell)
    for name, why in found.left_out.items():
        _tell(f"left out: {name}: {why}")
    options = replace(options, engines=found.engines)
    with broker(options, cache_home) as bootstrap:
        place = Place(bootstrap, found.tools, _tell)
        results = _measured(place, options, found, given)
    _show(results, given)
    if results.failures:
        raise BenchError("\n".join(results.failures))


def _measured(
    place: Place, options: Options, found: Found, given: argparse.Namespace
) -> Results:
    if options.bootstrap is None and not given.quick:
        warm_up(place, options)
    main = rounds(place, options)
    varied = {}
    failures = main.failures
    for condition, other in variations(options).items() if given.varied else ():
        _tell(f"under another condition: {condition}")
        varied[condition] = rounds(place, other)
        failures += [f"{condition}: {one}" for one in varied[condition].failures]
    return Results(
        machine=describe(found.tools, own_broker=options.bootstrap is None),
        options=options,
        runs=main.runs,
        quiet=main.quiet,
        varied=varied,
        failures=failures,
        left_out=found.left_out,
    )


def _show(results: Results, given: argparse.Namespace) -> None:
    if given.json is not None:
        given.json.write_text(json.dumps(results.to_json(), indent=1), encoding="utf-8")
    show(results)
    if given.write_docs is not None:
        write_page(results, given.write_docs)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
