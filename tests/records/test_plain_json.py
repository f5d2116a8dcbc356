"""What is read although it is odd, and what is not (E-32, E-34, E-35)."""

from collections.abc import Callable

import msgspec
import pytest

from streams.families.fast_refund.codec import (
    decode_buyer,
    decode_catalog_entry,
    decode_outcome,
    decode_request,
    decode_shop,
)
from streams.families.fast_refund.decision_codec import (
    decode_decision,
    encode_decision,
    recover,
)
from streams.families.fast_refund.model import Buyer, Order, Quality, Request
from streams.families.fast_refund.orders import decode_order
from streams.records.json_values import Unreadable, decode_watermark
from testkit import samples
from testkit.samples import BUYER, LINE
from tests.families.fast_refund.base import judge

SENT: dict[str, Callable[..., bytes]] = {
    "request": samples.request,
    "order": samples.order,
    "buyer": samples.buyer,
    "shop": samples.shop,
    "catalog": samples.category,
    "outcome": lambda **changes: samples.outcome("payout_failed", **changes),
    "watermark": lambda **changes: samples.encoded({"watermark_ms": 5, **changes}),
}
READERS: dict[str, Callable[[bytes], object]] = {
    "request": decode_request,
    "order": decode_order,
    "buyer": decode_buyer,
    "shop": decode_shop,
    "catalog": decode_catalog_entry,
    "outcome": decode_outcome,
    "watermark": decode_watermark,
}


def with_text(record: str, text: bytes) -> bytes:
    """Put bytes in the place of a text that nobody reads."""
    return SENT[record](note="@").replace(b'"@"', text)


@pytest.mark.clause("E-34")
@pytest.mark.parametrize("record", SENT)
@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\xbd", b"\xc0\x80", b"\xe6\x9d"])
def test_bytes_that_are_no_utf8_make_a_record_unreadable_wherever_they_are(
    record: str, bad: bytes
) -> None:
    for value in (
        with_text(record, b'"' + bad + b'"'),
        with_text(record, b'{"' + bad + b'":1}'),
        SENT[record](note="@").replace(b'"note"', b'"' + bad + b'"'),
    ):
        found = READERS[record](value)
        assert isinstance(found, Unreadable)
        assert (found.error, found.message[:9]) == ("not_json", "not UTF-8")


@pytest.mark.clause("E-34")
@pytest.mark.parametrize("record", SENT)
@pytest.mark.parametrize(
    "text",
    [
        '"\\ud83d"',
        '"cut \\ude00 off"',
        '{"\\ud83d": ["\\udfff"]}',
        f'"{"x" * 10_000}"',
        f'"{"7" * 10_000}"',
        '"例"',
        "1e999",
        "-" + "9" * 4_300,
    ],
    ids=lambda text: text[:20],
)
def test_a_text_that_nobody_reads_costs_nobody_the_decision(
    record: str, text: str
) -> None:
    found = READERS[record](with_text(record, text.encode()))
    assert found == READERS[record](SENT[record]())
    assert not isinstance(found, Unreadable)


@pytest.mark.clause("E-35")
@pytest.mark.parametrize("record", SENT)
@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_beyond_reading_makes_a_record_unreadable_wherever_it_is(
    record: str, sign: str
) -> None:
    for value in (
        "9" * 4_301,
        "[" + sign + "1" * 9_999 + "]",
        '{"a":' + "1" * 4_301 + "}",
    ):
        found = READERS[record](with_text(record, value.encode()))
        assert isinstance(found, Unreadable)
        assert "4300 digits" in found.message


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("digits", [19, 20, 4_299, 4_300])
def test_an_integer_is_read_to_its_last_digit(sign: str, digits: int) -> None:
    number = int(sign + "7" * digits)
    for name in ("refund_fen", "refund_version", "requested_at_ms", "expire_at_ms"):
        asked = decode_request(samples.request(**{name: number}))
        assert isinstance(asked, Request)
        assert (getattr(asked, name), asked.faults) == (number, None)
    order = decode_order(samples.order(paid_fen=number))
    assert isinstance(order, Order)
    assert order.paid_fen == number
    buyer = decode_buyer(samples.buyer(quality=[{"from_ms": number, "value": "x"}]))
    assert isinstance(buyer, Buyer)
    assert buyer.quality == (Quality(number, "x"),)


@pytest.mark.parametrize("name", ["reason", "event_id"])
def test_a_cut_emoji_in_a_text_of_a_request_is_read(name: str) -> None:
    found = decode_request(samples.request(**{name: "so sad \ud83d"}))
    assert isinstance(found, Request)
    assert found.faults is None
    assert getattr(found, name) == "so sad \ufffd"
    assert found.buyer_id == BUYER


@pytest.mark.parametrize("name", ["order_id", "buyer_id", "shop_id"])
def test_a_cut_id_of_a_request_is_unreadable(name: str) -> None:
    found = decode_request(samples.request(**{name: "cut \udc00"}))
    assert isinstance(found, Request)
    assert (getattr(found, name), found.faults) == (None, (name,))
    found = decode_request(samples.request(lines=["k-1", "cut \udc00"]))
    assert isinstance(found, Request)
    assert (found.lines, found.faults) == (None, ("lines",))


@pytest.mark.parametrize("name", ["action", "refund_kind"])
def test_a_cut_name_of_a_request_is_another_name(name: str) -> None:
    found = decode_request(samples.request(**{name: "open\ud83d"}))
    assert isinstance(found, Request)
    assert (getattr(found, name), found.faults) == ("open\ufffd", None)


@pytest.mark.parametrize("record", ["request", "order", "buyer", "shop", "catalog"])
def test_a_record_whose_own_id_is_cut_has_no_id(record: str) -> None:
    name = {"request": "refund_id", "catalog": "id"}.get(record, f"{record}_id")
    found = READERS[record](SENT[record](**{name: "sku:r\ud83d"}))
    assert isinstance(found, Unreadable)
    assert found.error == "no_id"


def test_a_cut_text_in_a_fact_is_nothing_that_a_rule_accepts() -> None:
    cut = "paid\ud83d"
    order = decode_order(
        samples.order(
            order_status=cut,
            buyer_id=cut,
            pay_type=cut,
            lines=[{**LINE, "sku_id": cut, "category_path": ["a", cut]}],
        )
    )
    mark = {"unreadable": "paid\ufffd"}
    assert isinstance(order, Order)
    assert (order.order_status, order.buyer_id, order.pay_type) == (mark, mark, mark)
    assert order.goods.skus == (mark,)
    assert order.goods.paths == (("a", mark),)


@pytest.mark.clause("E-32")
@pytest.mark.parametrize(
    "entry", ["virtual", "category:", "sku:", "Category:a", ":a", "x:a"]
)
def test_a_catalogue_id_that_names_neither_category_nor_article_is_no_id(
    entry: str,
) -> None:
    found = decode_catalog_entry(samples.category(id=entry))
    assert found == Unreadable("no_id", "id is neither category:ID nor sku:ID")
    for good in ("category:a:b", "sku:x", "sku: "):
        assert not isinstance(
            decode_catalog_entry(samples.category(id=good)), Unreadable
        )


def test_a_decision_with_the_longest_integers_is_read_back() -> None:
    longest = 10**4_300 - 1
    decision = judge()
    assert decision.seen is not None
    for number in (longest, -longest):
        written = encode_decision(
            msgspec.structs.replace(
                decision,
                refund_version=number,
                seen=msgspec.structs.replace(decision.seen, paid_fen=number),
            )
        )
        found = recover(written)
        assert found is not None
        assert found.entry.version == number
        again = decode_decision(written)
        assert again.refund_version == number
        assert encode_decision(again) == written
