"""What ``refund broker`` runs: one node of Apache Kafka from jars, until Ctrl-C."""

import socket
import tempfile
from pathlib import Path
from typing import Final, TextIO

from streams.errors import UsageError, WorkerError
from testkit.broker import LocalCluster
from testkit.jars import KAFKA_VERSION, java_program
from testkit.node import ClusterOptions
from testkit.prepare import prepare

HOST: Final = "127.0.0.1"
_LOOK_S: Final = 1.0
"""Between two looks whether the node still runs; a signal ends the wait at once."""


def run(port: int, cache: Path, out: TextIO) -> int:
    """Run a node on loopback until Ctrl-C; its data goes with it. Blocks.

    Parameters
    ----------
    port
        Where clients find it.
    cache
        Folder of the jars, from :func:`~testkit.jars.default_cache`; they are
        fetched when they are missing.

    Returns
    -------
    int
        0: it was ended by Ctrl-C.

    Raises
    ------
    UsageError
        The port is taken; or Java, Maven or the jars are missing.
    WorkerError
        The node did not start, or ended by itself.
    """
    _check_port(port)
    java_program()  # before anything is said to be fetched
    if not (cache / "libs").is_dir():
        _say(f"fetching Kafka {KAFKA_VERSION} once, about 55 MB", out)
    libs = prepare(cache)
    with tempfile.TemporaryDirectory(prefix="refund-broker-") as folder:
        cluster = LocalCluster(libs, Path(folder), ClusterOptions(port=port))
        try:
            with cluster:
                _say(
                    f"Kafka {KAFKA_VERSION} is ready at {HOST}:{port}; "
                    "Ctrl-C ends it and removes its data",
                    out,
                )
                code = _until_it_ends(cluster)
        except KeyboardInterrupt:
            _say("stopped", out)
            return 0
    raise WorkerError(f"the broker ended by itself, code {code}")


def _until_it_ends(cluster: LocalCluster) -> int:
    while (code := cluster.exit_code(1, _LOOK_S)) is None:
        pass
    return code


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            why = problem.strerror or type(problem).__name__
            raise UsageError(
                [f"--port {port}: {why}; give another with --port"]
            ) from None


def _say(line: str, out: TextIO) -> None:
    print(line, file=out, flush=True)
