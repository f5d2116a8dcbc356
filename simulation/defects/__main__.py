"""``python -m simulation.defects``: search for planted defects, print the table."""

import argparse
import os
import sys
from typing import Final

import msgspec

from simulation.campaign import prepare
from simulation.defects import DEFECTS
from simulation.defects.search import replayed, search, write_page
from simulation.page import PAGE
from streams.signals import until_ended

_PARSER: Final = argparse.ArgumentParser(
    prog="python -m simulation.defects",
    description="Plants defects, and counts the seeds until the simulation finds them.",
)
_PARSER.add_argument(
    "--write-docs", action="store_true", help=f"write the table into {PAGE}"
)
_PARSER.add_argument(
    "--replay", action="store_true", help="run the kept universes; a JSON line each"
)
_PARSER.add_argument(
    "--search", nargs="+", choices=sorted(DEFECTS), metavar="NAME", default=()
)


def main() -> int:
    """Do what the command line says; 1 = a defect was not found."""
    given = _PARSER.parse_args()
    prepare()
    missed = False
    for name in given.search:
        counts = search(name)
        print(f"{name}: {counts}", flush=True)
        missed |= None in counts
    for name in DEFECTS if given.replay else ():
        print(msgspec.json.encode(replayed(name)).decode(), flush=True)
    if given.write_docs:
        write_page()
    return int(missed)


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # as simulation/__main__.py says
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - ourselves
    sys.exit(until_ended(main, "simulation.defects"))
