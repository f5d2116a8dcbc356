"""``python -m streams`` is ``refund``."""

from streams.cli import main

if __name__ == "__main__":
    main()
