"""A real Apache Kafka for the tests of this folder.

``kafka`` is shared by the whole run (``KAFKA_BOOTSTRAP=host:port`` names an
existing one); ``own_broker`` and ``cluster3`` may be killed and paused, so they
are always started here. Where no broker can run, all of these tests skip, and
the last lines of the run say so in red.
"""

import os
import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from testkit.broker import LocalCluster
from testkit.jars import BrokerUnavailableError, default_cache
from testkit.node import ClusterOptions
from testkit.prepare import prepare
from tests.conftest import skip_reasons

NEEDS_A_BROKER = {"kafka", "libs"}
"""Fixtures of which every test on a real broker uses one, directly or not."""

QUICK_START = ("-XX:TieredStopAtLevel=1",)

NO_BROKER = "no real broker: "

MISSING = pytest.StashKey[str]()
"""Why no broker can run here; absent as long as none was asked for."""


@dataclass(frozen=True)
class Kafka:
    """A running cluster that tests share and must not stop."""

    bootstrap: str
    """``host:port``, more of them joined by commas."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if NEEDS_A_BROKER.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give all skips for want of a broker one place, so that pytest folds them."""
    report = yield
    reason = item.config.stash.get(MISSING, None)
    if reason is not None and report.skipped and "kafka" in report.keywords:
        report.longrepr = (__file__, 0, f"Skipped: {NO_BROKER}{reason}")
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [
        reason.removeprefix(NO_BROKER)
        for reason in skip_reasons(terminalreporter)
        if reason.startswith(NO_BROKER)
    ]
    if reasons:
        terminalreporter.write_line(
            f"{len(reasons)} TESTS ON A REAL BROKER DID NOT RUN: {reasons[0]}",
            red=True,
            bold=True,
        )


@pytest.fixture
def environ() -> dict[str, str]:
    """The environment of this run, for programs that a test starts."""
    return dict(os.environ)


@pytest.fixture(scope="session")
def libs(pytestconfig: pytest.Config) -> Path:
    """Folder of Kafka's jars; skips when there is no Java, or no way to get them."""
    cache = default_cache(os.environ.get("XDG_CACHE_HOME"), Path.home())
    try:
        return prepare(cache)
    except BrokerUnavailableError as error:
        pytestconfig.stash[MISSING] = str(error)
        pytest.skip(f"{NO_BROKER}{error}")


@pytest.fixture(scope="session")
def cluster_of(
    libs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], LocalCluster]:
    """Build, without starting it, a cluster of so many nodes in a fresh folder."""

    def build(nodes: int) -> LocalCluster:
        options = ClusterOptions(nodes=nodes, heap_mb=320, jvm_flags=QUICK_START)
        return LocalCluster(libs, tmp_path_factory.mktemp("kafka"), options)

    return build


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """The broker that all tests share; leave it as it is, use your own topics."""
    given = os.environ.get("KAFKA_BOOTSTRAP")
    if given:
        yield Kafka(given)
        return
    build: Callable[[int], LocalCluster] = request.getfixturevalue("cluster_of")
    with build(1) as cluster:
        yield Kafka(cluster.bootstrap_servers)


@pytest.fixture(scope="session")
def cluster3(cluster_of: Callable[[int], LocalCluster]) -> Iterator[LocalCluster]:
    """Three nodes; a test that takes one down brings it back."""
    with cluster_of(3) as cluster:
        yield cluster


@pytest.fixture
def own_broker(cluster_of: Callable[[int], LocalCluster]) -> Iterator[LocalCluster]:
    """One node for this test alone: kill it, pause it, restart it."""
    with cluster_of(1) as cluster:
        yield cluster


@pytest.fixture
def topics(request: pytest.FixtureRequest) -> str:
    """Prefix for topics and groups that no other test of this run has, with a dot."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:60]
    return f"{name}-{os.urandom(4).hex()}."
