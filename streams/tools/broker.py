"""``refund broker``: run one node of Apache Kafka for experiments; needs a checkout."""

from pathlib import Path
from typing import TextIO

from streams.tools.extras import require_testkit


def run(port: int, cache_home: str | None, home: Path, out: TextIO) -> int:
    """Run a node on loopback until Ctrl-C, and delete its data then. Blocks.

    Parameters
    ----------
    port
        Port for clients.
    cache_home, home
        Locate the jar cache (:func:`testkit.jars.default_cache`).

    Returns
    -------
    int
        0: ended by Ctrl-C.

    Raises
    ------
    UsageError
        This is not a checkout; the port is taken; or Java, Maven or the jars are
        missing.
    WorkerError
        The node did not start, or ended by itself.
    """
    require_testkit(
        "refund broker",
        "run it in a checkout after `make setup`, or start a broker of your own",
    )
    from testkit import command  # noqa: PLC0415 - not in the wheel
    from testkit.jars import default_cache  # noqa: PLC0415 - not in the wheel

    return command.run(port, default_cache(cache_home, home), out)
