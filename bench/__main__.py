"""``python -m bench``."""

import sys

from bench.cli import main
from streams.signals import until_ended

if __name__ == "__main__":
    sys.exit(until_ended(lambda: main(sys.argv[1:]), "bench"))
