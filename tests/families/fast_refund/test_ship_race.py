import pytest

from streams.families.fast_refund.ship_race import (
    LOSS_RECORDED,
    RACE_DETECTED,
    SHIP_AFTER_REFUND,
    TEXTS,
    Race,
    have_left,
    judge_race,
)
from tests.families.fast_refund.base import NOW, changed_order

WATCH = 30
DAY = 86_400_000


def race(trace: object = None, **changes: object) -> Race | None:
    return judge_race(NOW, changed_order(changes), WATCH, trace)


@pytest.mark.clause("FR-1.6a")
@pytest.mark.parametrize(
    ("at_ms", "kind", "gap_ms"),
    [
        (NOW - 1, "race_detected", 1),
        (NOW, "race_detected", 0),
        (NOW + 1, "ship_after_refund", 1),
    ],
)
@pytest.mark.parametrize("name", ["picked_up_at_ms", "shipped_at_ms"])
def test_goods_left_before_or_after_the_decision(
    name: str, at_ms: int, kind: str, gap_ms: int
) -> None:
    basis = name.removesuffix("_at_ms")
    assert race(**{name: at_ms}) == Race(kind, gap_ms, basis, at_ms)


def test_the_earliest_time_counts_and_its_basis_is_kept() -> None:
    assert race(NOW - 5, picked_up_at_ms=NOW + 1, shipped_at_ms=NOW) == Race(
        "race_detected", 5, "first_trace", NOW - 5
    )
    assert race(NOW, picked_up_at_ms=NOW, shipped_at_ms=NOW) == Race(
        "race_detected", 0, "picked_up", NOW
    )


def test_a_waybill_that_came_late_changes_nothing() -> None:
    found = race(picked_up_at_ms=NOW - 7, waybill_entered_at_ms=NOW + 9)
    assert found == Race("race_detected", 7, "picked_up", NOW - 7)
    assert found is not None
    assert found.loss_bearer == "merchant"


def test_a_waybill_alone_hands_nothing_over() -> None:
    assert race(waybill_printed_at_ms=NOW - 1, waybill_entered_at_ms=NOW - 1) is None


@pytest.mark.parametrize("at_ms", [None, 0, -1, "1", 1.0, True])
def test_what_is_no_moment_did_not_happen(at_ms: object) -> None:
    assert race(at_ms, picked_up_at_ms=at_ms, shipped_at_ms=at_ms) is None


@pytest.mark.clause("FR-1.6a")
@pytest.mark.parametrize("status", ["shipped", "signed", "success"])
def test_shipped_without_any_time_is_a_race_on_an_unknown_basis(status: str) -> None:
    unknown = Race("race_detected", None, "unknown", None)
    assert race(order_status=status) == unknown
    assert race(order_status="paid", back_end_status=status) == unknown
    assert race(order_status=status, back_end_status="paid") is None


@pytest.mark.parametrize("status", ["paid", "shipped", None])
@pytest.mark.parametrize("at_ms", [None, 0, "1", 1, NOW])
@pytest.mark.parametrize("name", ["picked_up_at_ms", "shipped_at_ms"])
def test_goods_that_are_not_known_to_have_left_are_in_no_race(
    name: str, at_ms: object, status: str | None
) -> None:
    changes = {name: at_ms, "order_status": status}
    left = have_left(changed_order(changes))
    assert left == (race(**changes) is not None)
    assert left == (status == "shipped" or (type(at_ms) is int and at_ms > 0))


def test_an_approval_is_watched_for_thirty_days() -> None:
    last = NOW + WATCH * DAY
    for at_ms, watched in ((last - 1, True), (last, True), (last + 1, False)):
        assert (race(shipped_at_ms=at_ms) is not None) == watched


def test_goods_that_left_later_are_no_loss_of_the_merchant() -> None:
    found = race(picked_up_at_ms=NOW + 1)
    assert found is not None
    assert found.loss_bearer is None


@pytest.mark.clause("FR-1.6b")
def test_every_notice_has_its_words_and_reminds_of_the_waybill() -> None:
    assert set(TEXTS) == {RACE_DETECTED, SHIP_AFTER_REFUND, LOSS_RECORDED}
    for kind in (RACE_DETECTED, SHIP_AFTER_REFUND):
        zh, en = TEXTS[kind]
        assert "请及时录入物流单号" in zh
        assert "promptly" in en
