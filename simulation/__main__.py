"""``python -m simulation``."""

import os
import sys

from simulation.cli import main
from streams.signals import until_ended

if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":
        # Text is hashed with a random key otherwise, and aiokafka iterates over sets of
        # names: a seed would not give the same universe twice.
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        os.execve(sys.executable, sys.orig_argv, environment)  # noqa: S606 - ourselves
    sys.exit(until_ended(lambda: main(sys.argv[1:]), "simulation"))
