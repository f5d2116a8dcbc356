"""Quotes that are cut: short, never approved, and judged alike from the record alone."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.families.fast_refund.codec import decode_buyer, decode_request, decode_shop
from streams.families.fast_refund.cut import QUOTED_MAX_BYTES, cut
from streams.families.fast_refund.decide import decide, judge_again
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.model import Decision, Facts, Order, Request, Seen
from streams.families.fast_refund.orders import OrderReader
from streams.families.fast_refund.seen import see
from testkit import samples
from testkit.samples import NOW
from tests.families.fast_refund.world import SHIPPED, shared_tables

LONG = "x" * 5_000
FEW, MANY = QUOTED_MAX_BYTES // 8, 2_000
TEXTS = ("order_status", "currency", "pay_type", "risk_code", "shop_id", "buyer_id")


def facts_of(
    order: dict[str, Any], *, quality: str = "quality", standing: str = "good"
) -> Facts:
    found = OrderReader().read(samples.order(**order))
    assert isinstance(found, Order)
    shared = shared_tables()
    buyer = decode_buyer(samples.buyer(quality=[{"from_ms": 1, "value": quality}]))
    shop = decode_shop(samples.shop(standing=standing))
    return Facts(found, NOW, buyer, NOW, shop, shared.catalog, NOW)  # type: ignore[arg-type]  # both are readable


def judged(facts: Facts, **ask: object) -> tuple[Request, Decision]:
    request = decode_request(samples.request(**ask))
    assert isinstance(request, Request)
    return request, decide(request, see(request, facts, SHIPPED, NOW), SHIPPED, NOW)


def shortened(facts: Facts, **ask: object) -> Decision:
    request, whole = judged(facts, **ask)
    assert whole.seen is not None
    return decide(*cut(request, whole.seen), SHIPPED, NOW)


def seen_of(decision: Decision) -> Seen:
    assert decision.seen is not None
    return decision.seen


def test_a_quote_without_a_long_field_stays_as_it_is() -> None:
    request, whole = judged(facts_of({}))
    assert cut(request, seen_of(whole)) == (request, whole.seen)
    assert "cut" not in msgspec.json.decode(encode_decision(whole))["seen"]


def test_an_order_of_many_lines_is_left_out_and_named_and_goes_to_a_person() -> None:
    found = shortened(facts_of({"lines": [samples.LINE] * MANY}))
    assert found.reason_codes == ("ORDER_DETAIL_UNKNOWN",)
    seen = seen_of(found)
    assert seen.cut == ("shipped_counts", "quantities", "paths", "customs", "skus")
    assert (seen.paths, seen.skus, seen.paid_fen) == ((), (), None)
    assert found.review_deadline_ms == samples.REQUEST["expire_at_ms"]


def test_without_its_order_a_quote_says_what_one_of_an_unknown_order_says() -> None:
    """Every field that an order fills goes with it, those to come included."""
    filled = {
        "lines": [samples.LINE | {"sku_id": None}] * MANY,
        "order_type": 2,
        "back_end_status": "paid",
        "total_changed_at_ms": NOW,
        "presale_stage": "final_paid",
        "delivery_block": 1,
        "risk_code": 7,
        "waybill_printed_at_ms": 1,
        "waybill_entered_at_ms": 1,
        "picked_up_at_ms": 1,
        "shipped_at_ms": 1,
        "buyer_id": "another",
        "shop_id": "another",
    }
    facts = facts_of(filled)
    request, whole = judged(facts)
    _, found = cut(request, seen_of(whole))
    unknown = see(
        request,
        msgspec.structs.replace(facts, order=None, order_as_of_ms=None),
        SHIPPED,
        NOW,
    )
    other = [
        name
        for name in Seen.__struct_fields__
        if getattr(found, name) != getattr(unknown, name)
    ]
    assert other == ["cut"]


def test_a_request_of_many_lines_is_invalid_and_keeps_the_order() -> None:
    found = shortened(facts_of({}), lines=["k-1"] * MANY)
    assert found.reason_codes == ("REQUEST_INVALID",)
    seen = seen_of(found)
    assert (seen.cut, seen.request_faults) == (("asked_skus",), ("lines",))
    assert (seen.asked_skus, seen.order_status) == (None, "paid")


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"quality": LONG}, "quality"), ({"standing": LONG}, "shop_standing")],
)
def test_any_other_fact_that_is_long_goes_to_a_person_too(
    changes: dict[str, str], name: str
) -> None:
    found = shortened(facts_of({}, **changes))
    assert found.outcome == "manual_review"
    assert "ORDER_DETAIL_UNKNOWN" in found.reason_codes
    assert name in (seen_of(found).cut or ())


@pytest.mark.parametrize("over", [0, 1])
def test_a_field_as_long_as_allowed_is_quoted_and_a_longer_one_cut(over: int) -> None:
    text = "x" * (QUOTED_MAX_BYTES - 2 + over)  # beside two quotation marks
    found = shortened(facts_of({"currency": text}))
    assert seen_of(found).cut == (("currency",) if over else None)


def test_a_withdrawal_stays_one() -> None:
    found = shortened(facts_of({"lines": [samples.LINE] * MANY}), action="withdraw")
    assert (found.disposition, found.reason_codes) == (
        "superseded",
        ("REQUEST_WITHDRAWN",),
    )


LINES = st.integers(0, 3) | st.sampled_from([FEW, MANY])


@given(
    LINES,
    LINES,
    st.dictionaries(st.sampled_from(TEXTS), st.sampled_from([LONG, "x", 7, [LONG]])),
    st.sampled_from(["quality", LONG]),
    st.sampled_from(["good", LONG]),
    st.sampled_from(["open", LONG]),
)
def test_what_is_cut_is_short_never_approved_and_judged_alike_from_its_record(
    lines: int,
    asked: int,
    texts: dict[str, Any],
    quality: str,
    standing: str,
    action: str,
) -> None:
    facts = facts_of(
        {"lines": [samples.LINE] * lines} | texts, quality=quality, standing=standing
    )
    found = shortened(facts, lines=["k-1"] * asked, action=action)
    value = encode_decision(found)
    if seen_of(found).cut:
        assert found.outcome != "auto_approve"
        assert len(value) < 60 * QUOTED_MAX_BYTES
    assert encode_decision(judge_again(decode_decision(value), SHIPPED)) == value
