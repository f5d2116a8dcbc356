"""``python -m faults``."""

import sys

from faults.cli import main
from streams.termination import exit_when_terminated

if __name__ == "__main__":
    exit_when_terminated()
    sys.exit(main(sys.argv[1:]))
