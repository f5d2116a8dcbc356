"""Checks 6 to 8: copies, late messages, everything a person must look at."""

import pytest

from streams.platforms.kuaishou.events import RefundChanged, Suspect
from streams.platforms.kuaishou.memory import RETRY_SPAN_MS, Horizon, Recent
from streams.platforms.kuaishou.names import EVENT_STATUSES, REFUND_STATUSES, Reason
from streams.platforms.kuaishou.reading import Reader
from tests.platforms.kuaishou.samples import (
    ADDED,
    BUYER,
    DROP,
    FEE,
    ORDER_ID,
    PAID,
    REFUND_ADDED,
    REFUND_UPDATED,
    SHIPPED,
    message,
)

T = 1773800100000
OTHER_ORDER = ORDER_ID + 1


def judge(*raws: bytes) -> list[tuple[str, str | None]]:
    reader = Reader()
    verdicts = [reader.classify(raw) for raw in raws]
    return [(verdict.kind.value, verdict.reason) for verdict in verdicts]


def manual(reason: Reason) -> tuple[str, str]:
    return "manual_review", reason


def ignored(reason: Reason) -> tuple[str, str]:
    return "ignored", reason


ACCEPTED = ("accepted", None)


def update(
    status: int, at_ms: int, event_id: str, event_type: int = 0, **info: object
) -> bytes:
    return message(
        REFUND_UPDATED,
        info={"status": status, "eventType": event_type, "updateTime": at_ms, **info},
        eventId=event_id,
    )


def moved(name: str, at_ms: int, event_id: str, **info: object) -> bytes:
    fields: dict[str, object] = {"oid": ORDER_ID, "updateTime": at_ms}
    return message(name, info=fields | info, eventId=event_id)


# Check 7: fields


@pytest.mark.parametrize("value", [DROP, None, True, "30", 30.0, 999, [30]])
def test_an_order_status_must_be_a_listed_integer(value: object) -> None:
    ((kind, reason),) = judge(message(PAID, info={"status": value}))
    assert kind == "manual_review"
    assert reason == (Reason.ENUM_UNKNOWN if value == 999 else Reason.FIELD_INVALID)


@pytest.mark.parametrize("status", [0, 10, 40, 50, 70, 80])
def test_a_paid_message_with_another_status_contradicts_its_tag(status: int) -> None:
    raw = message(PAID, info={"status": status})
    assert judge(raw) == [manual(Reason.STATUS_CONTRADICTS_TAG)]


@pytest.mark.parametrize(
    ("value", "good"),
    [
        (10**12 - 1, False), (10**12, True), (10**13 - 1, True), (10**13, False), (0, False),
        (1773800100, False), (DROP, False), (None, False), (True, False), (-T, False),
        (str(T), False), (float(T), False),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("name", "field"),
    [(PAID, "updateTime"), (ADDED, "createTime"), (FEE, "updateTime"),
     (REFUND_ADDED, "createTime"), (REFUND_UPDATED, "updateTime")],
)  # fmt: skip
def test_a_time_is_an_integer_of_thirteen_digits(
    value: object,
    *,
    good: bool,
    name: str,
    field: str,
) -> None:
    expected = ACCEPTED if good else manual(Reason.TIME_INVALID)
    assert judge(message(name, info={field: value})) == [expected]


@pytest.mark.parametrize(
    ("value", "good"),
    [(-1, False), (0, True), (1, True), (2**70, True), (12900.0, False), ("12900", False),
     (True, False), (None, False), (DROP, False)],
)  # fmt: skip
@pytest.mark.parametrize(
    "field", ["totalFee", "beforeTotalFee", "expressFee", "beforeExpressFee"]
)
def test_money_is_an_integer_of_at_least_zero(
    value: object,
    *,
    good: bool,
    field: str,
) -> None:
    expected = ACCEPTED if good else manual(Reason.MONEY_INVALID)
    assert judge(message(FEE, info={field: value})) == [expected]


@pytest.mark.parametrize("value", [DROP, None, "", 5, ["x"]])
@pytest.mark.parametrize("name", [ADDED, FEE])
def test_the_buyer_must_be_named_where_the_tag_carries_it(
    name: str, value: object
) -> None:
    assert judge(message(name, info={"buyerOpenId": value})) == [
        manual(Reason.BUYER_MISSING)
    ]


@pytest.mark.parametrize("value", [DROP, None, "", 5])
def test_the_open_ids_that_are_not_the_buyers_harm_nothing(value: object) -> None:
    assert judge(message(ADDED, openId=value, info={"openId": value})) == [ACCEPTED]


@pytest.mark.parametrize(
    ("value", "good"),
    [(DROP, True), (None, True), ({"customizedItemType": 7}, True), ({}, False), ([], False),
     ({"customizedItemType": "0"}, False), ({"customizedItemType": True}, False)],
)  # fmt: skip
def test_a_custom_mark_may_be_absent_but_not_unreadable(
    value: object,
    *,
    good: bool,
) -> None:
    expected = ACCEPTED if good else manual(Reason.FIELD_INVALID)
    assert judge(message(ADDED, info={"customizedInfo": value})) == [expected]


@pytest.mark.parametrize("value", [DROP, None, "", 7, True])
def test_a_message_without_its_own_id_goes_to_a_person(value: object) -> None:
    assert judge(message(REFUND_ADDED, eventId=value)) == [
        manual(Reason.EVENT_ID_INVALID)
    ]


@pytest.mark.parametrize("value", [DROP, None, 0, 2**63, True, 1.0, "x"])
def test_a_shop_id_must_be_an_id(value: object) -> None:
    assert judge(message(REFUND_ADDED, userId=value)) == [
        manual(Reason.SHOP_ID_INVALID)
    ]
    assert judge(message(PAID, info={"sellerId": value})) == [
        manual(Reason.SHOP_ID_INVALID)
    ]


def test_a_seller_other_than_the_shop_goes_to_a_person() -> None:
    assert judge(message(PAID, info={"sellerId": 5})) == [
        manual(Reason.SHOP_CONTRADICTS)
    ]
    assert judge(message(PAID, info={"sellerId": "2100000001"})) == [ACCEPTED]


@pytest.mark.parametrize(
    "field", ["bizId", "appKey", "createTime", "msgId", "status", "updateTime"]
)
@pytest.mark.parametrize("value", [DROP, None, "x"])
def test_push_fields_that_nothing_reads_harm_nothing(field: str, value: object) -> None:
    assert judge(message(REFUND_ADDED, **{field: value})) == [ACCEPTED]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [("handlingWay", [1, 3, 4, 5, 10], [0, 2, 11]), ("specialRefundType", [0, 1], [-1, 2]),
     ("status", sorted(REFUND_STATUSES), [1, 13, 24, 61, 80, 99])],
)  # fmt: skip
def test_refund_numbers_must_be_listed(
    field: str, good: list[int], bad: list[int]
) -> None:
    for value in good:
        assert judge(message(REFUND_ADDED, info={field: value})) == [ACCEPTED]
    for value in bad:
        assert judge(message(REFUND_ADDED, info={field: value})) == [
            manual(Reason.ENUM_UNKNOWN)
        ]
    for wrong in (DROP, None, True, "10", 10.0):
        raw = message(REFUND_ADDED, info={field: wrong})
        assert judge(raw) == [manual(Reason.FIELD_INVALID)]


@pytest.mark.parametrize("event_type", [1, 8, 51])
def test_an_event_type_must_be_listed(event_type: int) -> None:
    assert judge(update(10, T, "e", event_type)) == [manual(Reason.ENUM_UNKNOWN)]


def test_a_refund_status_must_not_contradict_its_event_type() -> None:
    for event_type, allowed in EVENT_STATUSES.items():
        for status in REFUND_STATUSES:
            agrees = status in allowed
            expected = (
                ACCEPTED if agrees else manual(Reason.STATUS_CONTRADICTS_EVENT_TYPE)
            )
            assert judge(update(status, T, "e", event_type)) == [expected], (
                event_type,
                status,
            )


def test_a_refund_ends_only_by_an_event_that_ends_it() -> None:
    for status in (60, 70):
        told_by = {
            kind for kind, allowed in EVENT_STATUSES.items() if status in allowed
        }
        assert told_by == {0, status}


# Check 6: copies and late messages


def test_a_copy_by_event_id_is_ignored_even_when_its_content_is_another() -> None:
    copy = update(60, T + 5, "a", 60)
    assert judge(update(10, T, "a"), copy) == [
        ACCEPTED,
        ignored(Reason.EVENT_ID_REPEATED),
    ]


def test_a_copy_by_content_is_ignored_under_any_event_id_and_id_form() -> None:
    copy = update(10, T, "b", refundId="2607700000200001")
    assert judge(update(10, T, "a"), copy) == [
        ACCEPTED,
        ignored(Reason.CONTENT_REPEATED),
    ]


def test_an_older_message_is_ignored_an_equal_or_newer_one_is_not() -> None:
    assert judge(update(10, T, "a"), update(12, T - 1, "b"))[1] == ignored(
        Reason.OLDER_THAN_STORED
    )
    assert judge(update(10, T, "a"), update(12, T, "b"))[1] == ACCEPTED
    assert judge(update(10, T, "a"), update(12, T + 1, "b"))[1] == ACCEPTED


def test_an_older_message_is_ignored_before_its_fields_are_judged() -> None:
    late = update(99, T - 1, "b")
    assert judge(update(10, T, "a"), late)[1] == ignored(Reason.OLDER_THAN_STORED)


def test_refunds_and_orders_do_not_shade_each_other() -> None:
    assert judge(update(10, T, "a"), update(10, T, "b", refundId=5)) == [
        ACCEPTED,
        ACCEPTED,
    ]
    assert judge(moved(PAID, T, "a"), moved(PAID, T, "b", oid=5)) == [
        ACCEPTED,
        ACCEPTED,
    ]


def test_an_addition_and_a_fee_change_of_one_moment_are_two_messages() -> None:
    added = message(ADDED, info={"oid": ORDER_ID, "createTime": T}, eventId="a")
    fee = message(FEE, info={"updateTime": T}, eventId="b")
    again = message(FEE, info={"updateTime": T}, eventId="c")
    assert judge(added, fee, again) == [
        ACCEPTED,
        ACCEPTED,
        ignored(Reason.CONTENT_REPEATED),
    ]


def test_a_refund_message_for_a_person_is_known_afterwards() -> None:
    bad = update(99, T, "a")
    assert judge(bad, bad)[1] == ignored(Reason.EVENT_ID_REPEATED)
    assert judge(bad, update(99, T, "b"))[1] == ignored(Reason.CONTENT_REPEATED)
    seconds = update(10, 1773800100, "a")
    again = update(10, 1773800100, "b")
    assert judge(seconds, again)[1] == ignored(Reason.CONTENT_REPEATED)


def test_an_order_message_for_a_person_stays_out_of_state() -> None:
    bad = moved(PAID, T, "a", status=40)
    assert judge(bad, bad)[1] == manual(Reason.STATUS_CONTRADICTS_TAG)
    assert judge(bad, moved(PAID, T - 1, "a"))[1] == ACCEPTED


# Check 7: against what is stored


@pytest.mark.parametrize("end", [60, 70])
@pytest.mark.parametrize("status", [10, 50, 60, 70])
@pytest.mark.parametrize("later_ms", [0, 1])
def test_an_end_is_not_undone(end: int, status: int, later_ms: int) -> None:
    first, second = update(end, T, "a", end), update(status, T + later_ms, "b")
    expected: tuple[str, str | None] = manual(Reason.REFUND_REOPENED)
    if status == end:
        expected = ACCEPTED if later_ms else ignored(Reason.CONTENT_REPEATED)
    assert judge(first, second) == [ACCEPTED, expected]


def test_after_an_undone_end_the_end_still_stands() -> None:
    undone = (update(60, T, "a", 60), update(50, T + 1, "b", 50))
    assert judge(*undone, update(10, T + 2, "c"))[2] == manual(Reason.REFUND_REOPENED)
    assert judge(*undone, update(60, T + 2, "c", 60))[2] == ACCEPTED


@pytest.mark.parametrize("later_ms", [0, 1])
def test_an_order_does_not_go_back(later_ms: int) -> None:
    back = moved(PAID, T + later_ms, "b")
    assert judge(moved(SHIPPED, T, "a"), back)[1] == manual(Reason.ORDER_WENT_BACK)
    on = moved(SHIPPED, T + later_ms, "b")
    assert judge(moved(PAID, T, "a"), on)[1] == ACCEPTED


def test_a_refund_that_names_another_order_goes_to_a_person() -> None:
    other = update(10, T + 1, "b", orderId=OTHER_ORDER)
    assert judge(update(10, T, "a"), other)[1] == manual(Reason.REFUND_CHANGED_ORDER)


def test_refunds_of_a_marked_order_go_to_a_person_and_others_do_not() -> None:
    reader = Reader()
    reader.classify(moved(PAID, T, "a", status=40))
    verdict = reader.classify(update(10, T, "b"))
    assert (verdict.kind, verdict.reason) == manual(Reason.ORDER_MARKED)
    assert isinstance(verdict.event, Suspect)
    assert isinstance(verdict.event.refund, RefundChanged)
    other = reader.classify(update(10, T, "c", orderId=OTHER_ORDER, refundId=7))
    assert other.kind == "accepted"


def test_a_good_message_does_not_take_the_mark_away() -> None:
    raws = moved(PAID, T, "a", status=40), moved(PAID, T, "b"), update(10, T, "c")
    assert judge(*raws)[1:] == [ACCEPTED, manual(Reason.ORDER_MARKED)]


# Memory


def test_what_events_say_of_an_order_is_remembered() -> None:
    reader = Reader()
    reader.classify(message(ADDED, info={"oid": ORDER_ID, "buyerOpenId": BUYER}))
    reader.classify(message(FEE, info={"updateTime": T}))
    reader.classify(moved(PAID, T + 1, "c"))
    known = reader.order(ORDER_ID)
    assert (known.buyer_id, known.customised_type, known.status) == (BUYER, 0, 30)
    assert (known.at_ms, known.total_changed_at_ms) == (T + 1, T)


def test_horizons_below_the_retry_span_are_refused() -> None:
    Horizon(messages_ms=RETRY_SPAN_MS, entities_ms=RETRY_SPAN_MS)
    for short in (
        {"messages_ms": RETRY_SPAN_MS - 1},
        {"entities_ms": RETRY_SPAN_MS - 1},
    ):
        with pytest.raises(ValueError, match="at least 7500000 ms"):
            Horizon(**short)


@pytest.mark.parametrize(("age_ms", "kept"), [(99, True), (100, True), (101, False)])
def test_an_entry_is_kept_up_to_its_span(age_ms: int, *, kept: bool) -> None:
    recent: Recent[str, int] = Recent(100)
    recent.advance(1_000)
    recent.put("a", 1)
    recent.advance(1_000 + age_ms)
    assert ("a" in recent) is kept
    recent.advance(0)  # time does not go back
    recent.put("b", 2)
    recent.advance(1_000 + age_ms + 100)
    assert "b" in recent


def test_a_touch_keeps_an_entry_and_lookups_do_not() -> None:
    recent: Recent[str, int] = Recent(100)
    recent.put("early", 1)
    recent.advance(1_000)
    assert recent.get("early", 0) == 1
    recent.advance(1_090)
    recent.put("late", 2)
    recent.advance(1_101)
    assert (recent.get("early", 0), recent.get("late", 0), len(recent)) == (0, 2, 1)


def test_copies_are_known_beyond_the_message_horizon_by_what_is_stored() -> None:
    reader = Reader(Horizon(messages_ms=RETRY_SPAN_MS, entities_ms=10 * RETRY_SPAN_MS))
    reader.advance(T)
    reader.classify(update(10, T, "a"))
    reader.advance(T + RETRY_SPAN_MS + 1)
    assert reader.classify(update(10, T, "b")).reason == Reason.CONTENT_REPEATED
    assert reader.classify(update(12, T - 1, "c")).reason == Reason.OLDER_THAN_STORED
    assert reader.remembered == 1


def test_memory_is_bounded_by_the_horizon_not_by_what_messages_claim() -> None:
    reader = Reader(Horizon(messages_ms=RETRY_SPAN_MS, entities_ms=RETRY_SPAN_MS))
    for hour in range(50):
        reader.advance(T + hour * 3_600_000)
        for n in range(4):
            refund = 1 + hour * 4 + n
            at_ms = 9_999_999_999_999 if n == 0 else T
            reader.classify(update(10, at_ms, f"{refund}", refundId=refund))
    assert (
        reader.remembered == 3 * 4 * 3
    )  # three hours of four refunds, three entries each
    reader.advance(T + 60 * 3_600_000)
    assert reader.remembered == 0
