"""Mapped records read by the contract and judged by the rules: only the whole sample passes."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from streams.families.fast_refund import policy_type
from streams.families.fast_refund.codec import Outcome, decode_outcome, decode_request
from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.model import (
    Buyer,
    Catalog,
    Decision,
    Facts,
    Order,
    Quality,
    Request,
)
from streams.families.fast_refund.orders import decode_order
from streams.families.fast_refund.seen import see
from streams.platforms.kuaishou.client import Answer, Failure, Unavailable
from streams.platforms.kuaishou.mapping import Answers, emissions
from streams.platforms.kuaishou.memory import Known
from streams.platforms.kuaishou.reading import Reader
from tests.platforms.kuaishou.samples import (
    BUYER,
    CATEGORIES,
    DROP,
    PAID,
    REFUND_ADDED,
    REFUND_UPDATED,
    changed,
    data_of,
    message,
)

T = 1773800100000
POLICY = policy_type.POLICY.parse(
    tomllib.loads(
        (Path(__file__).parents[3] / "config" / "policy.toml").read_text("utf-8")
    )
)
GONE = Unavailable(Failure.TIMEOUT)


def answers(
    *,
    gone: str = "",
    base: dict[str, object] | None = None,
    refund: dict[str, object] | None = None,
) -> Answers:
    order = data_of("open.order.detail")
    order["orderBaseInfo"] = changed(order["orderBaseInfo"], base or {})
    told: dict[str, Answer] = {
        "order": order,
        "fee": data_of("open.seller.order.fee.detail"),
        "refund": changed(data_of("open.seller.order.refund.detail"), refund or {}),
    }
    told |= dict.fromkeys(gone.split(), GONE)
    return Answers(T + 900, told["order"], told["fee"], told["refund"])


def records(raw: bytes, told: Answers, known: Known | None = None) -> list[object]:
    readers: dict[str, Any] = {
        "orders": decode_order,
        "requests": decode_request,
        "outcomes": decode_outcome,
    }
    found = emissions(raw, Reader().classify(raw), known or Known(), told, CATEGORIES)
    return [readers[one.topic](one.value) for one in found]


def judged(raw: bytes, told: Answers, known: Known | None = None) -> Decision:
    *facts, request = records(raw, told, known)
    assert isinstance(request, Request)
    order = facts[0] if facts else None
    assert order is None or isinstance(order, Order)
    assert request.faults is None
    seen = see(
        request,
        Facts(
            order=order,
            order_as_of_ms=T + 900,
            buyer=Buyer(BUYER, (Quality(1, "quality"),), (), T + 900),
            buyer_as_of_ms=T + 900,
            catalog=Catalog({}, T + 900),
            lists_as_of_ms=T + 900,
        ),
        POLICY,
        T + 1_000,
    )
    return decide(request, seen, POLICY, T + 1_000)


def test_the_sample_refund_is_approved() -> None:
    assert judged(message(REFUND_ADDED), answers()).outcome == "auto_approve"


@pytest.mark.parametrize(
    "gone",
    [
        "order",
        "fee",
        "refund",
        "order fee",
        "order refund",
        "fee refund",
        "order fee refund",
    ],
)
def test_a_refund_about_which_something_could_not_be_read_goes_to_a_person(
    gone: str,
) -> None:
    decision = judged(message(REFUND_ADDED), answers(gone=gone))
    assert decision.outcome == "manual_review"
    assert "DEPENDENCY_UNAVAILABLE" in decision.reason_codes


@pytest.mark.parametrize(
    "base",
    [
        {"payType": 88}, {"payType": 0}, {"payType": DROP}, {"coType": 5}, {"coType": 8},
        {"coType": DROP}, {"preSale": 1}, {"preSale": DROP}, {"riskCode": 10001},
        {"riskCode": DROP}, {"riskCode": 7}, {"disableDeliveryReasonCode": [1]},
        {"disableDeliveryReasonCode": DROP}, {"status": 40}, {"status": 33}, {"status": DROP},
        {"totalFee": 31400}, {"totalFee": DROP}, {"tradeInPayAfterPromoAmount": 5},
        {"updateTime": DROP}, {"updateTime": T // 1_000}, {"allActivityType": [6]},
        {"buyerOpenId": "another"},
    ],
)  # fmt: skip
def test_an_order_with_one_doubt_goes_to_a_person(base: dict[str, object]) -> None:
    assert judged(message(REFUND_ADDED), answers(base=base)).outcome == "manual_review"


@pytest.mark.parametrize(
    ("total_fen", "outcome"), [(31399, "auto_approve"), (31400, "manual_review")]
)
def test_the_largest_reading_must_be_below_the_limit(
    total_fen: int, outcome: str
) -> None:
    told = answers(base={"totalFee": total_fen})
    assert judged(message(REFUND_ADDED), told).outcome == outcome


@pytest.mark.parametrize(
    "refund",
    [{"negotiateStatus": 2}, {"receiptStatus": 2}, {"refundType": 2}, {"status": 20},
     {"refundFee": 12501}, {"refundFee": DROP}, {"sellerId": 5}, {"specialRefundType": 1},
     {"updateTime": DROP}, {"buyerOpenId": "another"}],
)  # fmt: skip
def test_a_refund_with_one_doubt_goes_to_a_person(refund: dict[str, object]) -> None:
    assert (
        judged(message(REFUND_ADDED), answers(refund=refund)).outcome == "manual_review"
    )


@pytest.mark.parametrize(
    "info", [{"status": 99}, {"handlingWay": 0}, {"createTime": 5}]
)
def test_a_message_for_a_person_gets_to_a_person(info: dict[str, object]) -> None:
    assert (
        judged(message(REFUND_ADDED, info=info), answers()).outcome == "manual_review"
    )


def test_a_pushed_shipped_against_a_read_paid_is_a_conflict() -> None:
    decision = judged(message(REFUND_ADDED), answers(), Known(status=40))
    assert decision.reason_codes == ("ORDER_STATUS_CONFLICT",)


def test_a_closed_refund_is_withdrawn() -> None:
    raw = message(REFUND_UPDATED, info={"status": 70, "eventType": 70})
    decision = judged(raw, answers(refund={"status": 70, "updateTime": 1773800109000}))
    assert decision.reason_codes == ("REQUEST_WITHDRAWN",)


def test_outcomes_and_vetoes_read_by_the_contract() -> None:
    paid = records(message(REFUND_UPDATED), answers(gone="refund"))[-1]
    assert isinstance(paid, Outcome)
    assert paid.kind == "payout_succeeded"
    (veto,) = records(message(PAID, info={"status": 40}), answers())
    assert isinstance(veto, Outcome)
    assert veto.veto is True
