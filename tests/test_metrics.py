import ast
from bisect import bisect_left
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.metrics import (
    BUCKETS_MS,
    TABLE,
    Histogram,
    Metrics,
    Spec,
    metrics_page,
    table,
)
from streams.settings import load
from streams.worker.series import series
from tests.house.code import modules, named

ROOT = Path(__file__).parents[1]
NOW_MS = 1_773_800_100_000


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), lambda: NOW_MS)


def scraped(metrics: Metrics) -> dict[str, float]:
    text = generate_latest(metrics.registry).decode()
    return {
        sample.name
        + ",".join(
            f"{{{k}={v}}}" for k, v in sorted(sample.labels.items())
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_counted_adds_up_by_its_labels(metrics: Metrics) -> None:
    metrics.add(table.RECORDS, 7, "refund.requests")
    metrics.add(table.RECORDS, 1, "refund.requests")
    metrics.add(table.REPEATED, 5, "FR")
    metrics.add_each(table.DEAD_LETTERS, {"not_json": 2, "too_deep": 1}, "events")
    metrics.add_each(table.NOTICES, {"race_detected": 1}, "FR")
    found = scraped(metrics)
    assert found["refund_records_total{topic=refund.requests}"] == 8
    assert found["refund_repeated_requests_total{family=FR}"] == 5
    assert found["refund_dead_letters_total{error=not_json},{topic=events}"] == 2
    assert found["refund_dead_letters_total{error=too_deep},{topic=events}"] == 1
    assert found["refund_notices_total{family=FR},{kind=race_detected}"] == 1
    assert metrics.value(table.NOTICES, "FR", "loss_recorded") == 0


def test_a_gauge_that_is_replaced_forgets_what_is_gone(metrics: Metrics) -> None:
    metrics.replace(table.TABLE_ROWS, {("FR", "orders"): 10})
    metrics.replace(table.TABLE_ROWS, {("FR", "buyers"): 3})
    found = scraped(metrics)
    assert "refund_table_rows{family=FR},{table=orders}" not in found
    assert found["refund_table_rows{family=FR},{table=buyers}"] == 3


def test_a_part_of_a_gauge_is_replaced_by_its_first_labels(metrics: Metrics) -> None:
    metrics.replace(table.LAG_RECORDS, {("a", "0"): 5, ("a", "1"): 1}, "a")
    metrics.replace(table.LAG_RECORDS, {("events", "0"): 7}, "events")
    metrics.replace(table.LAG_RECORDS, {("a", "1"): 2}, "a")
    found = scraped(metrics)
    assert "refund_lag_records{partition=0},{topic=a}" not in found
    assert found["refund_lag_records{partition=1},{topic=a}"] == 2
    assert found["refund_lag_records{partition=0},{topic=events}"] == 7


def test_a_gauge_that_is_put_stays_what_it_is_for_other_labels(
    metrics: Metrics,
) -> None:
    metrics.put(table.PARTITIONS, 2, "events")
    metrics.put(table.PARTITIONS, 0, "refund.requests")
    metrics.put(table.PARTITIONS, 4, "refund.requests")
    metrics.put(table.BUILD, 1, "0.1.0", "3.11.7")
    found = scraped(metrics)
    assert found["refund_partitions{topic=events}"] == 2
    assert found["refund_partitions{topic=refund.requests}"] == 4
    assert found["refund_build_info{python=3.11.7},{version=0.1.0}"] == 1


def test_ages_are_those_of_the_scrape() -> None:
    now = [NOW_MS]
    metrics = Metrics(CollectorRegistry(), lambda: now[0])
    metrics.date(table.COMMIT_AGE, NOW_MS - 100, "events")
    metrics.date(table.COMMIT_AGE, NOW_MS - 200, "refund.requests")
    marks: dict[tuple[str, ...], int | None] = {
        ("refund.orders",): NOW_MS - 1_000,
        ("refund.shops",): None,
        ("refund.catalog",): -(10**4_299),
    }
    metrics.date_all(table.WATERMARK_AGE, marks)
    now[0] += 500
    found = scraped(metrics)
    assert found["refund_commit_age_seconds{topic=events}"] == 0.6
    assert found["refund_commit_age_seconds{topic=refund.requests}"] == 0.7
    assert found["refund_watermark_age_seconds{topic=refund.orders}"] == 1.5
    assert found["refund_watermark_age_seconds{topic=refund.shops}"] == float("inf")
    assert found["refund_watermark_age_seconds{topic=refund.catalog}"] == float("inf")
    metrics.date_all(table.WATERMARK_AGE, {("refund.shops",): NOW_MS})
    assert "refund_watermark_age_seconds{topic=refund.orders}" not in scraped(metrics)


def test_what_is_asked_for_is_asked_at_the_scrape(metrics: Metrics) -> None:
    assert scraped(metrics)["refund_ready"] == 0
    metrics.ask(table.READY, lambda: True)
    assert scraped(metrics)["refund_ready"] == 1


@pytest.mark.parametrize("count", [1, 200])
def test_an_age_of_thousands_of_digits_is_counted_and_does_not_end_the_page(
    count: int,
) -> None:
    """A request may be dated by any integer; the sum once was no float any more."""
    histogram = Histogram()
    histogram.observe_many([10**4_299, -(10**4_299)] * count)
    buckets, total = histogram.read()
    assert [below for _, below in buckets[-2:]] == [count, 2 * count]
    assert total < 1e14 * count


@pytest.mark.parametrize("count", [1, 63, 64, 200])
def test_a_value_counts_in_the_bucket_whose_bound_it_does_not_exceed(
    count: int,
) -> None:
    for value, bucket in ((50, "0.05"), (51, "0.08"), (49, "0.05")):
        histogram = Histogram()
        histogram.observe_many([value] * count)
        buckets, total = histogram.read()
        first = next(name for name, below in buckets if below)
        assert first == bucket
        assert buckets[-1][0] == "+Inf"
        assert buckets[-1][1] == count
        assert total == pytest.approx(value * count / 1000)


@given(st.lists(st.integers(-5, 4_000_000), max_size=150))
def test_many_values_count_as_each_of_them_would(values: list[int]) -> None:
    histogram = Histogram()
    histogram.observe_many(values)
    buckets, total = histogram.read()
    clipped = [max(0, value) for value in values]
    expected = [0] * (len(BUCKETS_MS) + 1)
    for value in clipped:
        expected[bisect_left(BUCKETS_MS, value)] += 1
    assert [below for _, below in buckets] == [
        sum(expected[: index + 1]) for index in range(len(expected))
    ]
    assert total == sum(clipped) / 1000


def test_histograms_are_scraped_as_prometheus_wants_them(metrics: Metrics) -> None:
    metrics.observe(table.REQUEST_AGE, [1, 7, 7], "FR")
    metrics.observe(table.LATENCY, range(100), "FR")
    found = scraped(metrics)
    assert found["refund_request_age_seconds_bucket{family=FR},{le=0.008}"] == 3
    assert found["refund_request_age_seconds_count{family=FR}"] == 3
    assert found["refund_request_age_seconds_sum{family=FR}"] == 0.015
    assert found["refund_decision_latency_seconds_count{family=FR}"] == 100


def test_a_registry_takes_the_metrics_once(metrics: Metrics) -> None:
    with pytest.raises(ValueError, match="Duplicated"):
        Metrics(metrics.registry, lambda: 0)


def test_every_metric_of_the_table_is_scraped_and_no_other(metrics: Metrics) -> None:
    text = generate_latest(metrics.registry).decode()
    types = [
        line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE")
    ]
    assert types == [[spec.name, spec.kind] for spec in TABLE]


def test_every_metric_of_the_module_is_in_the_table() -> None:
    specs = [value for value in vars(table).values() if isinstance(value, Spec)]
    assert list(TABLE) == specs


def test_a_metric_is_added_by_its_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    row = Spec("refund_new_total", "counter", "records", ("topic",), "New.", ("read",))
    aged = Spec("refund_new_age_seconds", "gauge", "seconds", (), "New.")
    monkeypatch.setattr(table, "TABLE", (*TABLE, row, aged))
    metrics = Metrics(CollectorRegistry(), lambda: NOW_MS)
    metrics.declare(series(load({}, None, {})))
    metrics.add(row, 2, "events")
    metrics.date(aged, NOW_MS - 3_000)
    found = scraped(metrics)
    assert found["refund_new_total{topic=refund.requests}"] == 0
    assert found["refund_new_total{topic=events}"] == 2
    assert found["refund_new_age_seconds"] == 3
    assert "| `refund_new_total` | counter | records | `topic` | New. |" in (
        metrics_page()
    )


COMPUTED = {"streams/worker/series.py"}
"""Says the values of labels that have a closed list of their own."""


def test_a_metric_is_named_where_it_is_counted_and_nowhere_else() -> None:
    names = {name for name, value in vars(table).items() if isinstance(value, Spec)}
    used: dict[str, set[str]] = {name: set() for name in names}
    for module in modules("streams"):
        for node in ast.walk(module.tree):
            match node:
                case ast.Attribute(attr=name) if named(node.value) == "table":
                    if name in names:
                        used[name].add(module.file)
                case _:
                    pass
    assert {name for name, files in used.items() if len(files - COMPUTED) != 1} == set()


def test_names_follow_the_conventions() -> None:
    for spec in TABLE:
        assert spec.name.startswith("refund_")
        assert spec.name.endswith("_total") is (spec.kind == "counter")
        assert not {"refund_id", "buyer_id", "order_id", "shop_id"} & set(spec.labels)
        assert spec.meaning.endswith(".")


def test_the_page_of_metrics_is_up_to_date() -> None:
    assert (ROOT / "docs/metrics.md").read_text("utf-8") == metrics_page()
