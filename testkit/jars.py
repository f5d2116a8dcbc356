"""Apache Kafka's own jars, fetched once into a cache folder.

A broker for tests and benchmarks needs a Java runtime and these jars, no
container engine and no Kafka installation. Maven fetches them; many processes
may ask at once, one fetches and the others wait.
"""

import fcntl
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from streams.errors import UsageError

KAFKA_VERSION = "4.3.1"
"""The broker the tests run against; 4.4.0 did not resolve completely."""

LOG4J_VERSION = "2.25.1"
JAVA_MAJOR_MIN = 17
"""Kafka 4 brokers are compiled for Java 17."""

FETCH_TIMEOUT_S = 600
"""About 55 MB; the first fetch also brings Maven's own plugins."""

_ARTIFACTS = (
    ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
    ("org.apache.kafka", "kafka-tools", KAFKA_VERSION),  # command-line classes
    ("org.apache.logging.log4j", "log4j-core", LOG4J_VERSION),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J_VERSION),
)


class BrokerUnavailableError(UsageError):
    """No local broker can run here: Java, Maven or the jars are missing."""


def default_cache(cache_home: str | None, home: Path) -> Path:
    """Where the jars of this version belong.

    Parameters
    ----------
    cache_home
        ``XDG_CACHE_HOME`` as the caller read it; ``None`` or empty means
        ``.cache`` in ``home``.
    home
        The user's home folder.
    """
    root = Path(cache_home) if cache_home else home / ".cache"
    return root / "refund-streams" / f"kafka-{KAFKA_VERSION}"


def java_program() -> str:
    """Path of a Java runtime that is new enough; blocks for its start.

    Raises
    ------
    BrokerUnavailableError
        No ``java`` on the path, or one older than Java 17.
    """
    java = shutil.which("java")
    if java is None:
        raise BrokerUnavailableError(
            ["no java on the path; Java 17 or newer is needed"]
        )
    answer = subprocess.run(
        [java, "-version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    found = re.search(r'version "(\d+)', answer.stderr + answer.stdout)
    if found is None or int(found[1]) < JAVA_MAJOR_MIN:
        raise BrokerUnavailableError([f"{java} is not Java {JAVA_MAJOR_MIN} or newer"])
    return java


def fetch_jars(cache: Path) -> Path:
    """Folder with every jar a broker needs; blocks while they are fetched.

    Raises
    ------
    BrokerUnavailableError
        Jars are missing and Maven is missing too, or it failed.
    """
    libs = cache / "libs"
    make_once(libs, lambda target: _fetch(cache, target))
    return libs


def make_once(folder: Path, make: Callable[[Path], None]) -> None:
    """Make a folder, unless it is there; blocks while another process makes it.

    Complete or absent: ``make`` fills a folder beside it, which is then renamed into
    place, under a lock that other processes wait for.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():  # another process made it meanwhile
            return
        with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
            target = Path(beside) / folder.name
            make(target)
            target.rename(folder)


def run_maven(pom: Path, goals: Sequence[str], purpose: str) -> None:
    """Run Maven on a project; blocks, with downloads.

    Parameters
    ----------
    purpose
        What it does, for the message: "fetch the jars".

    Raises
    ------
    BrokerUnavailableError
        There is no Maven, it failed, or it took longer than ``FETCH_TIMEOUT_S``.
    """
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerUnavailableError([f"no mvn on the path to {purpose}"])
    try:
        answer = subprocess.run(
            [maven, "-q", "-B", "-f", str(pom), *goals],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BrokerUnavailableError(
            [f"mvn did not {purpose} in {FETCH_TIMEOUT_S} s"]
        ) from None
    if answer.returncode != 0:
        lines = (answer.stdout + answer.stderr).strip().splitlines()
        why = lines[0] if lines else f"exit code {answer.returncode}"
        raise BrokerUnavailableError([f"mvn could not {purpose}: {why}"])


def _fetch(cache: Path, target: Path) -> None:
    pom = cache / "pom.xml"
    pom.write_text(_pom(), encoding="utf-8")
    goals = ("dependency:copy-dependencies", f"-DoutputDirectory={target}")
    run_maven(pom, goals, "fetch the jars")


def _pom() -> str:
    wanted = "\n".join(
        f"    <dependency><groupId>{group}</groupId><artifactId>{name}</artifactId>"
        f"<version>{version}</version></dependency>"
        for group, name, version in _ARTIFACTS
    )
    return f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>refund-streams</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
{wanted}
  </dependencies>
</project>
"""
