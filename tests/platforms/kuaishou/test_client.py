"""The read-through client against a real socket."""

import asyncio
import base64
import hashlib
import hmac
import json

import pytest

from streams.platforms.kuaishou.client import (
    FEE_DETAIL,
    ORDER_DETAIL,
    REFUND_DETAIL,
    Answer,
    Failure,
    Limits,
    Unavailable,
)
from streams.platforms.kuaishou.credentials import Credentials
from streams.platforms.kuaishou.standin import Body, Delay, Drop, Fault, Status
from tests.platforms.kuaishou.conftest import Bench
from tests.platforms.kuaishou.samples import ORDER_ID, REFUND_ID, changed, data_of

pytestmark = pytest.mark.asyncio

QUICK = Limits(timeout_ms=150)


def body(**answer: object) -> Body:
    return Body(json.dumps(answer).encode())


async def test_good_answers_are_the_data_of_what_was_asked(bench: Bench) -> None:
    client = bench.client()
    assert await client.order(ORDER_ID) == data_of("open.order.detail")
    assert await client.fee(ORDER_ID) == data_of("open.seller.order.fee.detail")
    detail = await client.refund(REFUND_ID, ORDER_ID)
    assert detail == data_of("open.seller.order.refund.detail")
    assert bench.standin.calls == [
        (ORDER_DETAIL, str(ORDER_ID)),
        (FEE_DETAIL, str(ORDER_ID)),
        (REFUND_DETAIL, str(REFUND_ID)),
    ]


@pytest.mark.parametrize(
    ("fault", "limits"),
    [
        (Status(500), Limits()),
        (Status(503), Limits()),
        (Status(429), Limits()),
        (Drop(), Limits()),
        (Delay(2_000), QUICK),
        (body(result=77), Limits(throttled_results=frozenset({77}))),
    ],
)
async def test_a_passing_failure_is_tried_again(
    bench: Bench, fault: Fault, limits: Limits
) -> None:
    bench.standin.misbehave(ORDER_DETAIL, fault)
    assert await bench.client(limits).order(ORDER_ID) == data_of("open.order.detail")
    assert len(bench.standin.calls) == 2
    # aiohttp itself repeats a GET at once on a connection that was closed.
    assert len(bench.waits_s) == (0 if isinstance(fault, Drop) else 1)


@pytest.mark.parametrize(
    ("fault", "limits", "failure"),
    [
        (Status(500), Limits(), Failure.SERVER_ERROR),
        (Status(429), Limits(), Failure.THROTTLED),
        (Drop(), Limits(), Failure.CONNECTION),
        (Delay(2_000), QUICK, Failure.TIMEOUT),
    ],
)
async def test_a_lasting_failure_ends_after_the_last_try(
    bench: Bench, fault: Fault, limits: Limits, failure: Failure
) -> None:
    bench.standin.misbehave(ORDER_DETAIL, *[fault] * 10)
    assert await bench.client(limits).order(ORDER_ID) == Unavailable(failure)
    assert len(bench.waits_s) == 2
    assert len(bench.standin.calls) == (6 if isinstance(fault, Drop) else 3)


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Status(400), Failure.REFUSED),
        (Status(404), Failure.REFUSED),
        (Status(302), Failure.REFUSED),
        (Status(499), Failure.REFUSED),
        (body(result=300012), Failure.REFUSED),
        (body(result=0), Failure.REFUSED),
        (body(result="1", data={}), Failure.MALFORMED),
        (body(result=True, data={}), Failure.MALFORMED),
        (body(result=1.0, data={}), Failure.MALFORMED),
        (body(data={}), Failure.MALFORMED),
        (body(result=1), Failure.MALFORMED),
        (body(result=1, data=None), Failure.MALFORMED),
        (body(result=1, data=[]), Failure.MALFORMED),
        (Body(b""), Failure.MALFORMED),
        (Body(b"<html>"), Failure.MALFORMED),
        (Body(b'{"result":1,"data":{"a":NaN}}'), Failure.MALFORMED),
        (Body(b'{"result":1,"data":{"a":"\xff"}}'), Failure.MALFORMED),
        (Body(rb'{"result":1,"data":{"a":"\ud83d"}}'), Failure.MALFORMED),
        (Body(b"[1]"), Failure.MALFORMED),
        (body(result=1, data={}), Failure.WRONG_ID),
        (
            body(result=1, data={"orderBaseInfo": {"oid": ORDER_ID + 1}}),
            Failure.WRONG_ID,
        ),
        (
            body(result=1, data={"orderBaseInfo": {"oid": float(ORDER_ID)}}),
            Failure.WRONG_ID,
        ),
        (body(result=1, data={"orderBaseInfo": []}), Failure.WRONG_ID),
    ],
)
async def test_an_answer_that_cannot_be_used_is_not_asked_for_again(
    bench: Bench, fault: Fault, failure: Failure
) -> None:
    bench.standin.misbehave(ORDER_DETAIL, fault)
    assert await bench.client().order(ORDER_ID) == Unavailable(failure)
    assert len(bench.standin.calls) == 1


async def test_a_refund_of_another_order_is_no_answer(bench: Bench) -> None:
    assert await bench.client().refund(REFUND_ID, ORDER_ID + 1) == Unavailable(
        Failure.WRONG_ID
    )
    detail = changed(data_of("open.seller.order.refund.detail"), {"oid": str(ORDER_ID)})
    bench.standin.misbehave(REFUND_DETAIL, body(result=1, data=detail))
    assert await bench.client().refund(REFUND_ID, ORDER_ID) == detail


async def test_fees_of_another_order_are_no_answer(bench: Bench) -> None:
    bench.standin.misbehave(FEE_DETAIL, body(result=1, data={"oid": 5}))
    assert await bench.client().fee(ORDER_ID) == Unavailable(Failure.WRONG_ID)


@pytest.mark.parametrize(("spare", "good"), [(-1, False), (0, True), (1, True)])
async def test_a_body_may_not_be_larger_than_allowed(
    bench: Bench, spare: int, *, good: bool
) -> None:
    whole = body(result=1, data={"oid": ORDER_ID, "pad": "x" * 5_000})
    bench.standin.misbehave(FEE_DETAIL, whole)
    limits = Limits(body_max_bytes=len(whole.content) + spare)
    answer = await bench.client(limits).fee(ORDER_ID)
    assert isinstance(answer, dict) is good


async def test_no_server_is_a_value_too(bench: Bench, no_server_url: str) -> None:
    client = bench.client(url=no_server_url)
    assert await client.order(ORDER_ID) == Unavailable(Failure.CONNECTION)
    assert len(bench.waits_s) == 2


async def test_waits_are_drawn_from_zero_to_a_doubling_bound(bench: Bench) -> None:
    limits = Limits(tries=6, backoff_ms=100, backoff_max_ms=300)
    for _ in range(10):
        bench.standin.misbehave(ORDER_DETAIL, *[Status(500)] * 6)
        await bench.client(limits).order(ORDER_ID)
    rounds = [bench.waits_s[at : at + 5] for at in range(0, 50, 5)]
    for waits in rounds:
        assert all(
            0 <= s <= most
            for s, most in zip(waits, (0.1, 0.2, 0.3, 0.3, 0.3), strict=True)
        )
    assert any(waits[2] > 0.2 for waits in rounds) or any(
        waits[1] > 0.1 for waits in rounds
    )


async def test_no_more_calls_are_open_than_allowed(bench: Bench) -> None:
    client = bench.client(Limits(in_flight_max=3))
    bench.standin.misbehave(ORDER_DETAIL, *[Delay(20)] * 12)
    answers: list[Answer] = await asyncio.gather(
        *(client.order(ORDER_ID) for _ in range(12))
    )
    assert all(isinstance(answer, dict) for answer in answers)
    assert bench.standin.in_flight_most == 3


async def test_every_parameter_is_sent_and_signed() -> None:
    signed = Credentials("ks1", "token", "secret").signed(
        "open.a.b", '{"oid":1}', 1583271919000
    )
    sign = signed.pop("sign")
    text = (
        'access_token=token&appkey=ks1&method=open.a.b&param={"oid":1}&signMethod=HMAC_SHA256'
        "&timestamp=1583271919000&version=1&signSecret=secret"
    )
    digest = hmac.digest(b"secret", text.encode(), hashlib.sha256)
    assert sign == base64.b64encode(digest).decode()
    assert set(signed) == {
        "access_token", "appkey", "method", "param", "signMethod", "timestamp", "version"
    }  # fmt: skip


async def test_secrets_are_in_no_text_form() -> None:
    assert (
        repr(Credentials("ks1", "token-x", "secret-x")) == "Credentials(app_key='ks1')"
    )
