"""The Kafka Streams peers: compiled once by Maven into the cache of Kafka's jars."""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Final

from testkit.jars import default_cache, java_program, make_once, run_maven

PROJECT: Final = Path(__file__).parent / "java"


def built(cache_home: str | None) -> Path:
    """Return the folder of the peers' jar and all it needs; blocks while it is built.

    Named after its sources, so that a change of them is a folder of its own.

    Raises
    ------
    BrokerUnavailableError
        No Java 17, no Maven, or the build failed.
    """
    java_program()
    cache = default_cache(cache_home, Path.home()) / "peers"
    folder = cache / _fingerprint(PROJECT)
    make_once(folder, _build)
    return folder


def _build(target: Path) -> None:
    with tempfile.TemporaryDirectory() as beside:
        project = Path(beside) / "java"
        shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("target"))
        goals = ("package", "dependency:copy-dependencies", "-DincludeScope=runtime")
        run_maven(
            project / "pom.xml",
            (*goals, f"-DoutputDirectory={target}"),
            "build the Kafka Streams peers (bench/java)",
        )
        for jar in (project / "target").glob("*.jar"):
            shutil.copy(jar, target)


def _fingerprint(project: Path) -> str:
    found = hashlib.sha256()
    files = [file for file in project.rglob("*") if file.is_file()]
    for file in sorted(files):
        if "target" not in file.relative_to(project).parts:
            found.update(str(file.relative_to(project)).encode())
            found.update(file.read_bytes())
    return found.hexdigest()[:16]
