"""The alerts, run by Prometheus' own tool on what a worker really serves."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from prometheus_client import CollectorRegistry, ProcessCollector

from streams.metrics import TABLE, Metrics, table
from streams.settings import load
from streams.worker.series import series

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
CASES = ROOT / "deploy/prometheus/alerts_test.yml"
PAGE = ROOT / "docs/operations.md"

NOW_MS: Final = 1_773_800_100_000
MINUTES: Final = 70
FACTS: Final = ("refund.orders", "refund.buyers", "refund.shops")

LAG: Final = (table.LAG_RECORDS, table.LAG_SECONDS)

Samples = dict[str, float]
"""Series in Prometheus' notation -> value."""


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


NAMES: Final = [rule["alert"] for rule in rules()]


def run(promtool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [promtool, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def fires_nothing(eval_time: str) -> list[dict[str, object]]:
    return [
        {"eval_time": eval_time, "alertname": name, "exp_alerts": []} for name in NAMES
    ]


def idle_worker() -> Metrics:
    """Return the metrics of a worker in order to which nobody has written anything."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    metrics = Metrics(registry, lambda: NOW_MS)
    settings = load({}, None, {"worker.roles": "decide,watch,ingest"})
    metrics.declare(series(settings))
    metrics.ask(table.READY, lambda: True)
    metrics.put(table.BUILD, 1, "1", "3.13")
    for topic in ("refund.requests", "platform.kuaishou.events"):
        metrics.add(table.REBALANCES, 1, topic)
        metrics.put(table.PARTITIONS, 8, topic)
        metrics.date(table.COMMIT_AGE, NOW_MS, topic)
        for spec in LAG:
            metrics.replace(spec, {(topic, str(n)): 0 for n in range(8)}, topic)
    for topic in FACTS:
        metrics.date(table.WATERMARK_AGE, NOW_MS - 2_000, topic)
    metrics.put(table.TABLE_ROWS, 0, "FR", "orders")
    metrics.put(table.POLICY, 1, "FR", "FR@1", "in_force")
    metrics.put(table.POLICY_PAUSED, 0, "FR")
    metrics.put(table.BREAKERS_OPEN, 0, "FR", "global")
    metrics.put(table.BREAKERS_OPEN, 0, "FR", "shop")
    for role in ("decide", "watch", "ingest"):
        metrics.put(table.AGENTS_UP, 1, role)
    return metrics


def spare() -> Metrics:
    """Return the metrics of a worker in order that has no partitions."""
    metrics = idle_worker()
    for topic in ("refund.requests", "platform.kuaishou.events"):
        metrics.put(table.PARTITIONS, 0, topic)
        for spec in LAG:
            metrics.replace(spec, {}, topic)
    metrics.date_all(table.WATERMARK_AGE, {("refund.shops",): NOW_MS - 2_000})
    return metrics


def samples(metrics: Metrics, instance: str) -> Samples:
    """Return what Prometheus has after scraping a worker."""
    found: Samples = {f'up{{instance="{instance}",job="refund-worker"}}': 1}
    for family in metrics.registry.collect():
        for one in family.samples:
            labels = {**one.labels, "instance": instance, "job": "refund-worker"}
            told = ",".join(f'{key}="{value}"' for key, value in labels.items())
            found[f"{one.name}{{{told}}}"] = one.value
    return found


def case(*phases: tuple[Samples, int]) -> list[dict[str, str]]:
    """Return series that have the values of each phase for some minutes, one after the other."""
    names = dict.fromkeys(name for values, _ in phases for name in values)
    return [
        {
            "series": name,
            "values": " ".join(
                f"{values[name]:.9g}x{minutes - 1}"
                if name in values
                else f"_x{minutes}"
                for values, minutes in phases
            ),
        }
        for name in names
    ]


def verdict(
    promtool: str,
    folder: Path,
    series_given: list[dict[str, str]],
    expected: list[dict[str, object]],
) -> subprocess.CompletedProcess[str]:
    """Let promtool judge one case."""
    file = folder / "case.yml"
    test = {"interval": "1m", "input_series": series_given, "alert_rule_test": expected}
    file.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(ALERTS)],
                "evaluation_interval": "1m",
                "tests": [test],
            }
        )
    )
    return run(promtool, "test", "rules", str(file))


def test_each_alert_fires_when_it_should(tool: Callable[[str], str]) -> None:
    done = run(tool("promtool"), "test", "rules", str(CASES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires() -> None:
    cases = yaml.safe_load(CASES.read_text("utf-8"))["tests"]
    firing = {
        one["alertname"]
        for case in cases
        for one in case["alert_rule_test"]
        if one["exp_alerts"]
    }
    assert firing == set(NAMES)


def test_nothing_fires_on_an_idle_system_with_a_spare(
    tool: Callable[[str], str], tmp_path: Path
) -> None:
    now = samples(idle_worker(), "w1") | samples(spare(), "w2")
    expected = fires_nothing("5m") + fires_nothing(f"{MINUTES}m")
    done = verdict(tool("promtool"), tmp_path, case((now, MINUTES + 1)), expected)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_fires_when_an_idle_system_is_deployed_one_worker_at_a_time(
    tool: Callable[[str], str], tmp_path: Path
) -> None:
    both = samples(idle_worker(), "w1") | samples(idle_worker(), "w2")
    one = samples(idle_worker(), "w1")
    phases = case((both, 20), (one, 1), (both, 20))
    expected = [row for at in ("19m", "21m", "23m", "35m") for row in fires_nothing(at)]
    done = verdict(tool("promtool"), tmp_path, phases, expected)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("count", "alert", "labels"),
    [
        (
            lambda metrics: metrics.add(
                table.DEAD_LETTERS, 1, "refund.requests", "not_json"
            ),
            "RefundDeadLetters",
            {"topic": "refund.requests", "error": "not_json"},
        ),
        (
            lambda metrics: metrics.add(
                table.DEAD_LETTERS, 1, "refund.policies", "policy_refused"
            ),
            "RefundDeadLetters",
            {"topic": "refund.policies", "error": "policy_refused"},
        ),
        (
            lambda metrics: metrics.add(
                table.DEAD_LETTERS, 1, "platform.kuaishou.events", "tag_missing"
            ),
            "RefundDeadLetters",
            {"topic": "platform.kuaishou.events", "error": "tag_missing"},
        ),
        (
            lambda metrics: metrics.add(table.MISROUTED, 1, "refund.requests"),
            "RefundMisrouted",
            {"topic": "refund.requests"},
        ),
        (
            lambda metrics: metrics.add(table.DELETED, 1, "refund.requests"),
            "RefundDeletedUnread",
            {"topic": "refund.requests"},
        ),
        (
            lambda metrics: metrics.add(table.DELETED, 1, "platform.kuaishou.events"),
            "RefundDeletedUnread",
            {"topic": "platform.kuaishou.events"},
        ),
        (
            lambda metrics: metrics.add(table.DOUBTED, 1, "FR"),
            "RefundFastPathDoubted",
            {},
        ),
    ],
)
def test_the_first_event_in_the_life_of_a_worker_fires(
    count: Callable[[Metrics], None],
    alert: str,
    labels: dict[str, str],
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    metrics = idle_worker()
    before = samples(metrics, "w1")
    count(metrics)
    phases = case((before, 30), (samples(metrics, "w1"), 5))
    done = verdict(
        tool("promtool"),
        tmp_path,
        phases,
        [
            {"eval_time": "29m", "alertname": alert, "exp_alerts": []},
            {
                "eval_time": "32m",
                "alertname": alert,
                "exp_alerts": [expected(alert, labels)],
            },
        ],
    )
    assert done.returncode == 0, done.stdout + done.stderr


def expected(alert: str, labels: dict[str, str]) -> dict[str, object]:
    """Return how promtool wants an alert: labels, and the text filled in."""
    (rule,) = [rule for rule in rules() if rule["alert"] == alert]
    text = re.sub(
        r"\{\{ \$labels\.(\w+) \}\}",
        lambda found: labels[found.group(1)],
        rule["annotations"]["summary"],
    )
    return {
        "exp_labels": {**rule["labels"], **labels},
        "exp_annotations": {"summary": text},
    }


def selectors(text: str) -> Iterator[tuple[str, set[str]]]:
    """Yield the metrics that a query names, and the labels it selects them by."""
    for name, inside in re.findall(r"\b((?:refund|process)_\w+)(?:\{([^}]*)\})?", text):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))


def unknown(queries: list[str]) -> list[str]:
    """Return what queries name and no worker serves."""
    known = {spec.name: set(spec.labels) for spec in TABLE}
    known |= {
        sample.name: set()
        for family in ProcessCollector(registry=None).collect()
        for sample in family.samples
    }
    wrong = []
    for query in queries:
        for name, labels in selectors(query):
            base = re.sub(r"_(bucket|count|sum)$", "", name)
            allowed = known.get(name, known.get(base))
            if allowed is None or labels - {*allowed, "job", "instance", "le"}:
                wrong.append(f"{name} {sorted(labels)}")
    return wrong


def test_alerts_ask_only_for_metrics_and_labels_of_the_table() -> None:
    assert unknown([rule["expr"] for rule in rules()]) == []


def test_each_alert_says_how_bad_it_is_and_what_is_wrong() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning"}, rule["alert"]
        assert rule["annotations"]["summary"].endswith((".", "why.")), rule["alert"]


def test_the_operations_page_says_what_to_do_about_each_alert() -> None:
    rows = re.findall(r"^\| `(Refund\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == NAMES
