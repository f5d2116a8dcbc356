import inspect
from bisect import bisect_left
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.metrics import BUCKETS_MS, TABLE, Histogram, Metrics, metrics_page, table
from streams.metrics.collector import Metrics as Collector

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


def test_decisions_are_counted_once_by_their_leading_reason(metrics: Metrics) -> None:
    approved = ("decided", "auto_approve", ("FR_ALL_CONDITIONS_MET",))
    manual = ("decided", "manual_review", ("ORDER_SHIPPED", "BUYER_NOT_QUALITY"))
    metrics.decided({approved: 3, manual: 1})
    metrics.decided({("superseded", None, ("SUPERSEDED_BY_VERSION",)): 2})
    found = scraped(metrics)
    by_outcome = "refund_decisions_total{outcome=%s},{reason=%s}"
    assert found[by_outcome % ("auto_approve", "FR_ALL_CONDITIONS_MET")] == 3
    assert found[by_outcome % ("manual_review", "ORDER_SHIPPED")] == 1
    assert by_outcome % ("manual_review", "BUYER_NOT_QUALITY") not in found
    assert found["refund_reasons_total{reason=BUYER_NOT_QUALITY}"] == 1
    assert found["refund_reasons_total{reason=SUPERSEDED_BY_VERSION}"] == 2
    assert found["refund_dispositions_total{disposition=superseded}"] == 2
    assert found["refund_auto_share"] == 0.75
    assert found["refund_manual_review_count_total"] == 1


def test_a_slice_counts_its_records(metrics: Metrics) -> None:
    metrics.slice_done("refund.requests", 7)
    metrics.slice_done("refund.requests", 1)
    metrics.dead_lettered("refund.requests", {"not_json": 2})
    metrics.skipped("refund.requests", 4)
    metrics.unfit("refund.requests", 6)
    metrics.unanswered("refund.requests", 7)
    metrics.misrouted("refund.orders", 1)
    metrics.repeated(5)
    metrics.doubted(1)
    found = scraped(metrics)
    assert found["refund_plain_doubted_total"] == 1
    assert found["refund_records_total{topic=refund.requests}"] == 8
    assert found["refund_slices_total{topic=refund.requests}"] == 2
    letters = "refund_dead_letters_total{error=not_json},{topic=refund.requests}"
    assert found[letters] == 2
    assert found["refund_skipped_offsets_total{topic=refund.requests}"] == 4
    assert found["refund_unanswered_offsets_total{topic=refund.requests}"] == 7
    assert found["refund_unfit_answers_total{topic=refund.requests}"] == 6
    assert found["refund_misrouted_total{topic=refund.orders}"] == 1
    assert found["refund_repeated_requests_total"] == 5


def test_lag_of_partitions_that_left_is_forgotten(metrics: Metrics) -> None:
    metrics.lag("refund.requests", {0: (5, 1_500), 1: (0, -3)})
    metrics.lag("events", {0: (7, 0)})
    name = "refund_lag_{}{{partition={}}},{{topic=refund.requests}}"
    assert scraped(metrics)[name.format("records", 0)] == 5
    assert scraped(metrics)[name.format("seconds", 0)] == 1.5
    assert scraped(metrics)[name.format("seconds", 1)] == 0
    metrics.lag("refund.requests", {1: (2, 10)})
    assert name.format("records", 0) not in scraped(metrics)
    assert scraped(metrics)["refund_lag_records{partition=0},{topic=events}"] == 7


def test_ages_are_those_of_the_scrape() -> None:
    now = [NOW_MS]
    metrics = Metrics(CollectorRegistry(), lambda: now[0])
    metrics.committed("events", NOW_MS - 100)
    metrics.committed("refund.requests", NOW_MS - 200)
    marks: dict[str, int | None] = {
        "refund.orders": NOW_MS - 1_000,
        "refund.shops": None,
    }
    metrics.watermarks({**marks, "refund.catalog": -(10**4_299)})
    now[0] += 500
    found = scraped(metrics)
    assert found["refund_commit_age_seconds{topic=events}"] == 0.6
    assert found["refund_commit_age_seconds{topic=refund.requests}"] == 0.7
    assert found["refund_watermark_age_seconds{topic=refund.orders}"] == 1.5
    assert found["refund_watermark_age_seconds{topic=refund.shops}"] == float("inf")
    assert found["refund_watermark_age_seconds{topic=refund.catalog}"] == float("inf")


def test_readiness_is_asked_at_the_scrape(metrics: Metrics) -> None:
    assert scraped(metrics)["refund_ready"] == 0
    metrics.ready = lambda: True
    assert scraped(metrics)["refund_ready"] == 1


def test_state_is_replaced_as_a_whole(metrics: Metrics) -> None:
    metrics.assigned("events", 1, 2)
    metrics.assigned("refund.requests", 1, 0)
    metrics.assigned("refund.requests", 0, 4)
    metrics.assigned("events", 0, 0)
    metrics.deleted("refund.requests", 2)
    metrics.deleted("refund.requests", 3)
    metrics.facts_loaded({"refund.orders": 10})
    metrics.table_rows({"orders": 10})
    metrics.table_rows({"buyers": 3})
    metrics.noticed({"race_detected": 1})
    metrics.breakers_open({"global": 1, "shop": 2})
    metrics.agents({"decide": True, "watch": False})
    metrics.agents({"ingest": True})
    metrics.tasks(12)
    metrics.build("0.1.0", "3.11.7")
    metrics.policies([("FR@1", "in_force")])
    metrics.policies([("none", "in_force"), ("FR@2", "waiting")])
    metrics.policy_paused(1)
    metrics.policy_disagreed({"decided": 2})
    found = scraped(metrics)
    assert found["refund_rebalances_total{topic=events}"] == 1
    assert found["refund_deleted_unread_total{topic=refund.requests}"] == 5
    assert found["refund_partitions{topic=events}"] == 0
    assert found["refund_partitions{topic=refund.requests}"] == 4
    assert found["refund_facts_loaded_total{topic=refund.orders}"] == 10
    assert "refund_table_rows{table=orders}" not in found
    assert found["refund_table_rows{table=buyers}"] == 3
    assert found["refund_notices_total{kind=race_detected}"] == 1
    assert found["refund_breakers_open{scope=shop}"] == 2
    assert found["refund_agent_up{agent=watch}"] == 0
    assert found["refund_agent_up{agent=ingest}"] == 1
    assert found["refund_tasks"] == 12
    assert found["refund_build_info{python=3.11.7},{version=0.1.0}"] == 1
    assert found["refund_policy_info{policy=none},{state=in_force}"] == 1
    assert found["refund_policy_info{policy=FR@2},{state=waiting}"] == 1
    assert not any("FR@1" in name for name in found)
    assert found["refund_policy_paused"] == 1
    assert found["refund_policy_disagreements_total{kind=decided}"] == 2
    assert metrics.value(table.NOTICES, "loss_recorded") == 0


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
    metrics.request_age.observe_many([1, 7, 7])
    metrics.latency.observe_many(range(100))
    found = scraped(metrics)
    assert found["refund_request_age_seconds_bucket{le=0.008}"] == 3
    assert found["refund_request_age_seconds_count"] == 3
    assert found["refund_request_age_seconds_sum"] == 0.015
    assert found["refund_decision_latency_seconds_count"] == 100


def test_a_registry_takes_the_metrics_once(metrics: Metrics) -> None:
    with pytest.raises(ValueError, match="Duplicated"):
        Metrics(metrics.registry, lambda: 0)


def test_every_metric_of_the_table_is_scraped_and_no_other(metrics: Metrics) -> None:
    text = generate_latest(metrics.registry).decode()
    types = [
        line.split()[2:] for line in text.splitlines() if line.startswith("# TYPE")
    ]
    assert types == [[spec.name, spec.kind] for spec in TABLE]


def test_every_metric_of_the_table_is_filled_by_a_method() -> None:
    source = inspect.getsource(Collector)
    names = {name for name, value in vars(table).items() if value in TABLE}
    assert {name for name in names if f"table.{name}" not in source} == set()
    assert len(names) == len(TABLE)


def test_names_follow_the_conventions() -> None:
    for spec in TABLE:
        assert spec.name.startswith("refund_")
        assert spec.name.endswith("_total") is (spec.kind == "counter")
        assert not {"refund_id", "buyer_id", "order_id", "shop_id"} & set(spec.labels)
        assert spec.meaning.endswith(".")


def test_the_page_of_metrics_is_up_to_date() -> None:
    assert (ROOT / "docs/metrics.md").read_text("utf-8") == metrics_page()
