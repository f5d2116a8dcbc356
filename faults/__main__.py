"""``python -m faults``."""

import sys

from faults.cli import main
from streams.signals import until_ended

if __name__ == "__main__":
    sys.exit(until_ended(lambda: main(sys.argv[1:]), "faults"))
