import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.report import BEGIN, END, page
from bench.results import COLUMNS, Results, from_json, rows
from streams.kafka.broker import LocalCluster, prepare
from streams.kafka.jars import BrokerUnavailableError, default_cache
from streams.kafka.node import ClusterOptions

ROOT = Path(__file__).parents[2]
LABELS = ["ours", "plain Faust", "bare aiokafka"]


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


@pytest.mark.kafka
def test_a_quick_run_measures_every_engine_and_misses_no_output(
    bootstrap: str, tmp_path: Path
) -> None:
    file = tmp_path / "runs.json"
    command = [sys.executable, "-m", "bench", "--quick", "--bootstrap", bootstrap]
    command += ["--lateness-max-ms", "60000", "--json", str(file)]
    answer = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    # A missing or repeated output, in either kind of run, ends the bench with 1.
    assert answer.returncode == 0, answer.stderr
    results = from_json(json.loads(file.read_text("utf-8")))
    _is_complete(results, answer.stdout)
    _writes_a_page_and_keeps_what_is_by_hand(results)


def _is_complete(results: Results, printed: str) -> None:
    assert [row[0] for row in rows(results)] == LABELS
    assert [one.work for one in results.runs] == ["full", "small", "small"]
    for label in LABELS:
        assert any(label in line and "│" in line for line in printed.splitlines())
    for one in results.runs:
        for column in COLUMNS:
            value = column.value(one)
            assert value is not None, (one.label, column.title)
            assert value > 0, (one.label, column.title)
        assert one.approved_share == 1.0


def _writes_a_page_and_keeps_what_is_by_hand(results: Results) -> None:
    text = page(results, "by hand: this stays")
    inside = text.partition(BEGIN)[2].partition(END)[0]
    assert inside.strip() == "by hand: this stays"
    assert all(f"| {label} |" in text for label in LABELS)
