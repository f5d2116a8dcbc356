"""Everything that a local broker needs, fetched and made once."""

import tempfile
from pathlib import Path

from testkit.broker import LocalCluster, archive_path
from testkit.jars import fetch_jars, java_program
from testkit.node import ClusterOptions


def prepare(cache: Path) -> Path:
    """Fetch the jars and archive their loaded classes; both once, both blocking.

    The archive (class data sharing) halves the start of every later node. It
    takes one start and stop of a broker, and is done without where that fails.

    Returns
    -------
    Path
        ``libs`` of :class:`LocalCluster`.

    Raises
    ------
    BrokerUnavailableError
        No Java, or the jars cannot be had.
    BrokerFailedError
        The broker that was to be archived did not start.
    """
    java_program()  # first: without Java nothing is worth fetching
    libs = fetch_jars(cache)
    archive = archive_path(libs)
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir=cache) as beside:
            fresh = Path(beside) / "classes.jsa"
            flags = (f"-XX:ArchiveClassesAtExit={fresh}",)
            cluster = LocalCluster(
                libs, Path(beside) / "node", ClusterOptions(jvm_flags=flags)
            )
            cluster.start()
            if cluster.stop() and fresh.exists():
                fresh.rename(archive)
    return libs
