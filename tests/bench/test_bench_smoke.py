import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.engine_table import ENGINE_TABLE
from bench.report import BEGIN, END, write_page
from bench.results import COLUMNS, Results, from_json
from bench.running import EngineRun
from bench.tools import PEERS_PYTHON
from testkit.broker import LocalCluster
from testkit.jars import BrokerUnavailableError, default_cache
from testkit.node import ClusterOptions
from testkit.prepare import prepare

ROOT = Path(__file__).parents[2]
OURS = [
    "ours",
    "ours-per-core",
    "ours-small",
    "ours-small-per-core",
    "aiokafka",
    "confluent",
    "faust-take",
    "faust",
]
"""Engines that run on what the tests have anyway."""


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    given = os.environ.get("KAFKA_BOOTSTRAP")  # noqa: TID251 - a test run is a process edge
    if given:
        yield given
        return
    home = os.environ.get("XDG_CACHE_HOME")  # noqa: TID251
    try:
        libs = prepare(default_cache(home, Path.home()))
    except BrokerUnavailableError as error:
        pytest.skip(f"no real broker: {error}")
    options = ClusterOptions(heap_mb=320, jvm_flags=("-XX:TieredStopAtLevel=1",))
    with LocalCluster(libs, tmp_path_factory.mktemp("kafka"), options) as cluster:
        yield cluster.bootstrap_servers


def _quick(bootstrap: str, engines: list[str], folder: Path) -> tuple[Results, str]:
    file = folder / "runs.json"
    command = [sys.executable, "-m", "bench", "--quick", "--bootstrap", bootstrap]
    command += ["--engines", ",".join(engines), "--lateness-max-ms", "60000"]
    command += ["--json", str(file)]
    answer = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    # A missing or repeated output, before the restart, ends the bench with 1.
    assert answer.returncode == 0, answer.stderr
    return from_json(json.loads(file.read_text("utf-8"))), answer.stdout


@pytest.mark.kafka
def test_a_quick_run_measures_every_engine_and_misses_no_output(
    bootstrap: str, tmp_path: Path
) -> None:
    results, printed = _quick(bootstrap, OURS, tmp_path)
    assert [one.engine for one in results.runs] == OURS
    for one in results.runs:
        assert f"│ {ENGINE_TABLE[one.engine].label} " in printed
        _is_complete(one)
    ours = results.runs[0]
    assert ours.start_facts_s is not None
    assert ours.restart is not None
    assert ours.restart.repeats == 0
    _writes_a_page_and_keeps_what_is_by_hand(results, tmp_path / "page.md")


def _is_complete(one: EngineRun) -> None:
    for column in COLUMNS:
        value = column.value(one)
        assert value is not None, (one.engine, column.title)
        assert value > 0, (one.engine, column.title)
    for found in one.latencies:
        assert found.p50_ms is not None, one.engine
        assert found.p50_ms > 0, one.engine
        assert found.approved_share == 1.0, one.engine
    assert one.restart is not None
    assert one.restart.missing == 0, one.engine


def _writes_a_page_and_keeps_what_is_by_hand(results: Results, file: Path) -> None:
    file.write_text(f"old\n{BEGIN}\nby hand: this stays\n{END}\nold\n")
    write_page(results, file)
    text = file.read_text()
    inside = text.partition(BEGIN)[2].partition(END)[0]
    assert inside.strip() == "by hand: this stays"
    assert all(f"| {ENGINE_TABLE[one.engine].label} |" in text for one in results.runs)
    drawn = sorted(file.parent.glob("page-*.svg"))
    assert len(drawn) == 3
    for plot in drawn:
        assert f"({plot.name})" in text
        ET.parse(plot)  # noqa: S314 - our own


@pytest.mark.kafka
def test_an_exactly_once_peer_and_one_with_joins_answer_every_request(
    bootstrap: str, tmp_path: Path
) -> None:
    home = os.environ.get("XDG_CACHE_HOME")  # noqa: TID251
    if not (default_cache(home, Path.home()) / "peers").is_dir():
        pytest.skip("the Kafka Streams peers are not built; `make bench` builds them")
    results, _ = _quick(bootstrap, ["kstreams-eos", "kstreams-full"], tmp_path)
    for one in results.runs:
        _is_complete(one)


@pytest.mark.kafka
def test_the_peers_with_libraries_of_their_own_answer_every_request(
    bootstrap: str, tmp_path: Path
) -> None:
    if not (ROOT / PEERS_PYTHON).exists():
        pytest.skip(f"no {PEERS_PYTHON}; `make bench` makes it")
    results, _ = _quick(bootstrap, ["quix", "faststream"], tmp_path)
    for one in results.runs:
        _is_complete(one)
