"""What a worker's counters show before anything has happened."""

import json
import logging
from pathlib import Path
from typing import get_args

import pytest
from prometheus_client import CollectorRegistry

from streams.families.fast_refund.reasons import REASONS
from streams.metrics import TABLE, Metrics, table
from streams.platforms.kuaishou.envelope import Closed, open_envelope
from streams.platforms.kuaishou.names import DEAD_LETTER_REASONS, Kind
from streams.rate_limit import RateLimitedLog
from streams.records.dead_letters import ERRORS, PolicyRefused
from streams.settings import load
from streams.worker.family_counters import FamilyCounters
from streams.worker.series import series
from tests.families.made import modules

ALL = load({}, None, {"worker.roles": "decide,watch,ingest"})


def started(agents: str) -> Metrics:
    metrics = Metrics(CollectorRegistry(), lambda: 0)
    metrics.declare(series(load({}, None, {"worker.roles": agents})))
    return metrics


def rows(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return every series of every counter."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in metrics.collect()
        if family.type == "counter"
        for sample in family.samples
    }


def test_every_counter_of_the_table_exists_at_0_from_the_start() -> None:
    found = rows(started("decide,watch,ingest"))
    assert {name for name, _ in found} == {
        spec.name for spec in TABLE if spec.kind == "counter"
    }
    assert set(found.values()) == {0}


def test_each_label_of_a_declared_series_has_a_value() -> None:
    for spec, labels in series(ALL).items():
        for row in labels:
            assert len(row) == len(spec.labels), spec.name
            assert all(row), spec.name


def test_a_worker_declares_only_what_its_agents_can_count() -> None:
    names = {name for name, _ in rows(started("ingest"))}
    assert "refund_dead_letters_total" in names
    assert "refund_decisions_total" not in names
    deciding = rows(started("decide"))
    assert "refund_notices_total" not in {name for name, _ in deciding}
    topics = {
        labels[0] for name, labels in deciding if name == "refund_dead_letters_total"
    }
    assert "refund.requests" in topics
    assert "refund.orders" in topics  # facts that cannot be read, without watch too
    assert ALL.topics.events not in topics


def test_a_second_family_counts_its_own_topics_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = modules(tmp_path, monkeypatch).family("counted_family", "CF")
    found = series(load({}, None, {"worker.families": f"fast_refund,{name}"}))
    for spec in (table.RECORDS, table.REBALANCES, table.SKIPPED):
        assert ("refund.cf-days",) in found[spec]
        assert ("refund.requests",) in found[spec]
    assert ("refund.cf-shops",) in found[table.FACTS_LOADED]
    assert len(set(found[table.FACTS_LOADED])) == len(list(found[table.FACTS_LOADED]))


def test_every_reason_code_has_its_series_under_the_outcome_it_leads_to() -> None:
    found = rows(started("decide"))
    for code, reason in REASONS.items():
        assert found["refund_reasons_total", ("FR", code)] == 0
        if reason.outcome is not None:
            assert found["refund_decisions_total", ("FR", reason.outcome, code)] == 0


def test_counting_what_the_closed_lists_allow_gives_no_new_series() -> None:
    metrics = started("decide,watch,ingest")
    before = set(rows(metrics))
    limited = RateLimitedLog(logging.getLogger(__name__), lambda: 0)
    counters = FamilyCounters(metrics, ("FR", "refund.requests"), lambda: 0, limited)
    for code, reason in REASONS.items():
        counters.decided({(reason.disposition, reason.outcome, (code,)): 1})
    for stage, topic in (
        ("decode", "refund.requests"),
        ("ingest", "platform.kuaishou.events"),
        ("fact", "refund.policies"),
    ):
        metrics.add_each(table.DEAD_LETTERS, dict.fromkeys(ERRORS[stage], 1), topic)
    counters.acknowledged("refund.requests", [1])
    for spec in (table.SKIPPED, table.MISROUTED, table.DELETED):
        metrics.add(spec, 1, "refund.requests")
    metrics.add(table.FACTS_LOADED, 1, "refund.orders")
    assert set(rows(metrics)) == before


def test_no_topic_but_the_policies_has_refused_policies() -> None:
    refused = [row for row in series(ALL)[table.DEAD_LETTERS] if "policy" in row[1]]
    assert refused == [("refund.policies", error) for error in get_args(PolicyRefused)]


_PUSH = {"event": "kwaishop_order_paySuccess", "eventId": "e", "info": "{}"}
_REFUND = _PUSH | {"event": "kwaishop_aftersales_addRefund", "info": '{"orderId":1}'}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff", "not_utf8"),
        (b"{", "not_json"),
        (b"[" * 100_000, "too_deep"),
        (b"[]", "not_object"),
        (b'{"a":"\\ud800"}', "lone_surrogate"),
        (b"{}", "tag_missing"),
        (json.dumps(_PUSH | {"info": 1}).encode(), "info_not_text"),
        (json.dumps(_PUSH | {"info": "1"}).encode(), "info_not_object"),
        (json.dumps(_PUSH).encode(), "order_id_invalid"),
        (json.dumps(_REFUND).encode(), "refund_id_invalid"),
    ],
)
def test_each_error_of_an_event_is_in_the_closed_list(raw: bytes, reason: str) -> None:
    assert open_envelope(raw) == Closed(Kind.DEAD_LETTER, reason)  # type: ignore[arg-type]
    assert reason in DEAD_LETTER_REASONS


def test_the_list_of_events_errors_is_the_platforms_own() -> None:
    assert ERRORS["ingest"] == tuple(str(reason) for reason in DEAD_LETTER_REASONS)
