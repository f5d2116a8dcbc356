"""``python -m faults``."""

import sys

from faults.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
