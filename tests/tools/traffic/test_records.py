"""Well-formed records are read without a fault; what differs is what was named."""

import pytest

from streams.families.fast_refund import codec
from streams.families.fast_refund.model import Buyer, Order, Request, Shop
from streams.families.fast_refund.orders import decode_order
from streams.tools.traffic import records

NOW = 1_800_000_000_000
ITEM = records.Item("o-1", "b-1", 0, "s-1")
ASK = records.Ask("r-1", ITEM)


def request(fields: records.Fields) -> Request:
    found = codec.decode_request(records.encoded(fields))
    assert isinstance(found, Request)
    assert found.faults is None
    return found


def test_a_request_is_read_without_a_fault_and_asks_for_the_whole_order() -> None:
    found = request(records.request(ASK, NOW))
    assert (found.refund_id, found.order_id, found.buyer_id) == ("r-1", "o-1", "b-1")
    assert (found.refund_fen, found.requested_at_ms) == (records.PAID_FEN, NOW)


def test_an_edit_and_a_withdrawal_are_second_versions() -> None:
    edit = request(records.edit(ASK, NOW))
    gone = request(records.withdrawal(ASK, NOW))
    assert (edit.action, edit.refund_version) == ("edit", 2)
    assert edit.refund_fen == records.PAID_FEN // 2
    assert (gone.action, gone.refund_version) == ("withdraw", 2)


@pytest.mark.parametrize(
    ("fields", "status", "shipped"),
    [
        (records.order(ITEM, NOW), "paid", 0),
        (records.shipped_order(ITEM, NOW), "shipped", 1),
    ],
)
def test_an_order_is_read_without_a_fault(
    fields: records.Fields, status: str, shipped: int
) -> None:
    found = decode_order(records.encoded(fields))
    assert isinstance(found, Order)
    assert (found.order_status, found.paid_fen) == (status, records.PAID_FEN)
    assert found.goods is not None
    assert found.goods.shipped_counts == (shipped,)


@pytest.mark.parametrize(
    ("kind", "values", "limits"),
    [
        ("quality", ["quality"], 0),
        ("ordinary", ["ordinary"], 0),
        ("revoked", ["quality", "revoked_abuse"], 0),
        ("limited", ["quality"], 1),
    ],
)
def test_a_kind_of_buyer_is_a_history_and_limits(
    kind: str, values: list[str], limits: int
) -> None:
    found = codec.decode_buyer(records.encoded(records.buyer("b-1", NOW, kind)))
    assert isinstance(found, Buyer)
    assert [one.value for one in found.quality] == values
    assert len(found.limits or ()) == limits


def test_a_shop_is_enabled_unless_it_is_said_to_be_excluded() -> None:
    for enabled in (True, False):
        fields = records.shop("s-1", NOW, enabled=enabled)
        found = codec.decode_shop(records.encoded(fields))
        assert isinstance(found, Shop)
        assert (found.enabled, found.standing) == (enabled, "good")


def test_a_named_field_replaces_the_usual_one() -> None:
    found = records.order(ITEM, NOW, paid_fen=7, lines=[])
    assert (found["paid_fen"], found["lines"]) == (7, [])
    assert found.keys() == records.order(ITEM, NOW).keys()


@pytest.mark.parametrize("value", records.UNREADABLE)
def test_an_unreadable_value_is_no_request(value: bytes | None) -> None:
    assert not isinstance(codec.decode_request(value), Request)
