"""Bytes to records: anything can be read or refused, and both speeds agree."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.families.fast_refund import codec
from streams.families.fast_refund.codec import (
    decode_buyer,
    decode_catalog_entry,
    decode_outcome,
    decode_request,
    decode_shop,
)
from streams.families.fast_refund.decision_codec import recover
from streams.families.fast_refund.model import Buyer, Limit, Quality, Request, Shop
from streams.families.fast_refund.orders import decode_order
from streams.records.json_values import Unreadable, decode_object, decode_watermark
from streams.records.notices import recover_notice
from testkit import samples
from testkit.samples import BUYER, DROP, NOW

NO_VALUE = [
    decode_request,
    decode_order,
    decode_buyer,
    decode_shop,
    decode_catalog_entry,
    decode_outcome,
    decode_watermark,
]
ANYTHING: list[Callable[[bytes], object]] = [
    *NO_VALUE,
    decode_object,
    recover,
    recover_notice,
]

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
INTEGERS = st.none() | st.integers(-(2**70), 2**70)
TEXTS = st.none() | st.text(max_size=8)
REQUESTS = st.fixed_dictionaries(
    {"refund_id": st.text(min_size=1, max_size=8)},
    optional={
        "refund_version": INTEGERS,
        "special_refund_type": INTEGERS,
        "refund_fen": INTEGERS,
        "requested_at_ms": INTEGERS,
        "expire_at_ms": INTEGERS,
        "action": TEXTS,
        "order_id": TEXTS,
        "buyer_id": TEXTS,
        "shop_id": TEXTS,
        "refund_kind": TEXTS,
        "event_id": TEXTS,
        "reason": TEXTS,
        "lines": st.none() | st.lists(st.text(max_size=4), max_size=3),
        "unavailable": st.none() | st.lists(st.text(max_size=4), max_size=3),
        "future": VALUES,
    },
)
FIELDS = tuple(
    field.name for field in msgspec.structs.fields(Request) if field.name != "faults"
)


def encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize("decode", ANYTHING, ids=lambda one: str(one.__name__))
@given(value=st.binary(max_size=60) | VALUES.map(encoded))
@example(value=b"")
@example(value=b"\xff")
@example(value=b"null")
@example(value=b"\xef\xbb\xbf{}")
@example(value=b'{"refund_id":"\\ud800"}')
@example(value=b'{"refund_id":"r","refund_version":1e999}')
@example(value=b'{"refund_id":"r","refund_fen":' + b"9" * 5000 + b"}")
@example(value=b'{"watermark_ms":' + b"9" * 5000 + b"}")
@example(value=b'{"refund_id":NaN}')
def test_any_bytes_are_read_or_refused_and_never_raise(
    decode: Callable[[bytes], object], value: bytes
) -> None:
    found = decode(value)
    if isinstance(found, Unreadable):
        assert found.error in {"not_json", "not_object", "no_id"}
        assert len(found.message) <= 200


@pytest.mark.parametrize("decode", ANYTHING, ids=lambda one: str(one.__name__))
@pytest.mark.parametrize("begin", [b"[", b'{"a":', b'{"refund_id":"r","x":', b'{"x":'])
def test_nesting_without_end_is_refused(
    decode: Callable[[bytes], object], begin: bytes
) -> None:
    found = decode(begin + b"[" * 100_000)
    refused = found is None or isinstance(found, Unreadable)
    assert refused  # not the value: it would fill the screen


@given(
    changes=st.dictionaries(
        st.sampled_from((*FIELDS, "faults", "zzz")), VALUES, max_size=6
    )
)
def test_a_request_with_any_values_is_read_field_by_field(
    changes: dict[str, Any],
) -> None:
    sent = {**samples.REQUEST, **changes}
    found = decode_request(encoded(sent))
    if not isinstance(sent["refund_id"], str) or not sent["refund_id"]:
        assert isinstance(found, Unreadable)
        assert found.error == "no_id"
        return
    assert isinstance(found, Request)
    for name in FIELDS:
        value, read = sent.get(name), getattr(found, name)
        if name in (found.faults or ()):
            assert read is None
            assert value is not None
        elif name == "refund_kind" and type(value) is int:
            assert read is None  # E-9: a platform number, no format error
        elif isinstance(value, list):
            assert read == tuple(value)
        else:
            assert read == value
            assert type(read) is type(value)


@given(sent=REQUESTS)
@example(sent={"refund_id": "r", "refund_fen": -(2**63) - 1})
@example(sent={"refund_id": "r", "refund_fen": 2**64})
def test_both_speeds_agree_on_a_well_formed_request(sent: dict[str, Any]) -> None:
    value = encoded(sent)
    fast = decode_request(value)
    slow = codec._faulty_request(value)  # noqa: SLF001 - the two paths are to agree
    assert fast == slow
    assert isinstance(fast, Request)
    assert fast.faults is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("refund_version", "1"),
        ("refund_version", 1.0),
        ("refund_version", True),
        ("refund_fen", "199.00"),
        ("refund_fen", 199.0),
        ("refund_fen", 1e2),
        ("requested_at_ms", "2026-03-18"),
        ("special_refund_type", False),
        ("action", 1),
        ("order_id", 26),
        ("buyer_id", ["b"]),
        ("shop_id", {}),
        ("refund_kind", 10.0),
        ("refund_kind", True),
        ("reason", 11),
        ("event_id", 1),
        ("lines", "k-1"),
        ("lines", ["k-1", 5]),
        ("unavailable", {"order": True}),
    ],
)
def test_a_wrong_json_type_is_named_and_its_field_is_none(
    field: str, value: object
) -> None:
    found = decode_request(samples.request(**{field: value}))
    assert isinstance(found, Request)
    assert found.faults == (field,)
    assert getattr(found, field) is None
    assert found.refund_id == "r-1"
    others = [name for name in FIELDS if name != field]
    good = decode_request(samples.request())
    assert [getattr(found, name) for name in others] == [
        getattr(good, name) for name in others
    ]


@pytest.mark.parametrize("value", [10, 1, 0, -5, 10**25])
def test_a_platform_number_as_the_kind_is_unknown_but_no_format_error(
    value: int,
) -> None:
    found = decode_request(samples.request(refund_kind=value))
    assert isinstance(found, Request)
    assert (found.refund_kind, found.faults) == (None, None)


def test_null_and_absent_fields_are_no_format_error() -> None:
    for value in (None, DROP):
        changes = dict.fromkeys((name for name in FIELDS if name != "refund_id"), value)
        found = decode_request(samples.request(**changes))
        assert found == Request(refund_id="r-1")


def test_faults_are_ours_to_say_not_the_senders() -> None:
    for value in ([], ["refund_fen"], "x", 5, [1]):
        assert decode_request(samples.request(faults=value)) == decode_request(
            samples.request()
        )


@pytest.mark.parametrize("refund_id", ["", None, 5, True, ["r"], DROP])
def test_without_a_usable_refund_id_a_request_is_a_dead_letter(
    refund_id: object,
) -> None:
    found = decode_request(samples.request(refund_id=refund_id))
    assert isinstance(found, Unreadable)
    assert found.error == "no_id"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"", "not_json"),
        (b"nonsense", "not_json"),
        (b'{"refund_id":"r-1"', "not_json"),
        (b'{"refund_id":"r-1"} trailing', "not_json"),
        (b'{"refund_id":"\xff"}', "not_json"),
        (b"[]", "not_object"),
        (b'"r-1"', "not_object"),
        (b"null", "not_object"),
        (b"5", "not_object"),
        (b"9" * 4300, "not_object"),
        (b"9" * 4301, "not_json"),
        (b"{}", "no_id"),
    ],
)
def test_what_is_no_request_says_why(value: bytes, error: str) -> None:
    found = decode_request(value)
    assert isinstance(found, Unreadable)
    assert found.error == error


def test_a_missing_value_has_an_error_of_its_own() -> None:
    for decode in NO_VALUE:
        found = decode(None)
        assert isinstance(found, Unreadable)
        assert found.error == "null_value"


# -- buyers ------------------------------------------------------------------------


def test_a_buyer_is_read_with_history_and_limits() -> None:
    limit = {"kind": "limited", "from_ms": 1, "until_ms": 2}
    quality = [{"from_ms": samples.T - 1_000_000, "value": "quality"}]
    found = decode_buyer(samples.buyer(quality=quality, limits=[limit]))
    assert found == Buyer(
        BUYER,
        (Quality(samples.T - 1_000_000, "quality"),),
        (Limit("limited", 1, 2),),
        NOW,
    )


def test_parts_of_a_buyer_that_cannot_be_read_become_values_no_rule_accepts() -> None:
    found = decode_buyer(samples.buyer(quality=[5, {"value": "quality"}], limits=["x"]))
    assert found == Buyer(BUYER, (Quality(), Quality(None, "quality")), (Limit(),), NOW)
    limits = [{"kind": "limited", "from_ms": 1, "until_ms": 2}, 5]
    found = decode_buyer(samples.buyer(limits=limits))
    assert isinstance(found, Buyer)
    assert found.limits == (Limit("limited", 1, 2), Limit())
    found = decode_buyer(samples.buyer(quality="quality", limits={"kind": "limited"}))
    assert found == Buyer(BUYER, (), None, NOW)


@pytest.mark.clause("E-30")
def test_an_empty_list_of_limits_is_told_apart_from_none() -> None:
    """E-30: only a list says that a buyer is not limited."""
    for value in (None, DROP, 7, "none", {}):
        for quality in (DROP, "read the slow way"):
            found = decode_buyer(samples.buyer(limits=value, quality=quality))
            assert found == Buyer(BUYER, (), None, NOW)
    found = decode_buyer(samples.buyer(limits=[], quality=None))
    assert found == Buyer(BUYER, (), (), NOW)


@pytest.mark.parametrize("buyer_id", ["", 5, None, DROP])
def test_a_buyer_without_an_id_is_unreadable_on_both_paths(buyer_id: object) -> None:
    for changes in ({}, {"quality": "wrong"}):
        found = decode_buyer(samples.buyer(buyer_id=buyer_id, **changes))
        assert isinstance(found, Unreadable)
        assert found.error == "no_id"
    assert isinstance(decode_buyer(b"["), Unreadable)


# -- shops, catalogue, outcomes, watermarks ------------------------------------------


def test_a_shop_keeps_the_values_that_were_sent() -> None:
    assert decode_shop(samples.shop()) == Shop(
        "s-1", enabled=True, standing="good", as_of_ms=NOW
    )
    odd = decode_shop(samples.shop(enabled="no", standing=7, as_of_ms=1.5))
    assert odd == Shop("s-1", "no", 7, 1.5)
    for shop_id in ("", 5, DROP):
        found = decode_shop(samples.shop(shop_id=shop_id))
        assert isinstance(found, Unreadable)
        assert found.error == "no_id"


def test_a_shop_with_a_number_beyond_a_double_is_read_all_the_same() -> None:
    found = decode_shop(b'{"shop_id":"s-1","enabled":false,"as_of_ms":1e999}')
    assert isinstance(found, Shop)
    assert found.enabled is False
    assert isinstance(decode_shop(b'{"shop_id":"s-1","as_of_ms":1e999'), Unreadable)


def test_a_catalogue_entry_needs_a_text_as_its_id() -> None:
    found = decode_catalog_entry(samples.category())
    assert not isinstance(found, Unreadable)
    assert (found.id, found.excluded, found.kind) == (
        "category:virtual",
        True,
        "virtual",
    )
    for entry_id in ("", 5, None, DROP):
        assert isinstance(
            decode_catalog_entry(samples.category(id=entry_id)), Unreadable
        )


def test_an_outcome_names_a_refund_or_vetoes_an_order() -> None:
    found = decode_outcome(samples.outcome("payout_failed"))
    assert not isinstance(found, Unreadable)
    assert (found.refund_id, found.kind) == ("r-1", "payout_failed")
    found = decode_outcome(samples.veto())
    assert not isinstance(found, Unreadable)
    assert (found.order_id, found.veto) == ("o-1", True)
    for value in (
        samples.outcome("payout_failed", refund_id=""),
        samples.encoded({"order_id": "o-1"}),
        samples.encoded({"refund_id": "r-1", "veto": True}),
        b"5",
        b"{",
    ):
        assert isinstance(decode_outcome(value), Unreadable)


def test_an_outcome_with_a_number_beyond_a_double_is_read_all_the_same() -> None:
    found = decode_outcome(b'{"refund_id":"r-1","kind":"payout_failed","at_ms":1e999}')
    assert not isinstance(found, Unreadable)
    assert found.kind == "payout_failed"


def test_a_watermark_is_an_integer() -> None:
    found = decode_watermark(samples.watermark(5))
    assert not isinstance(found, Unreadable)
    assert found.watermark_ms == 5
    for value in (5.0, "5", True, None, DROP):
        assert isinstance(decode_watermark(samples.watermark(value)), Unreadable)


# -- any object --------------------------------------------------------------------


@given(value=st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_any_json_object_is_read_as_it_is(value: dict[str, object]) -> None:
    assert decode_object(encoded(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        b'{"n":1e999,"x":NaN}',
        b'{"n":1e999,"x":Infinity}',
        b'{"n":1e999}x',
        b'{"n":1e999,"s":"\xff"}',
    ],
)
def test_numbers_beyond_a_double_open_no_door_for_what_is_no_json(value: bytes) -> None:
    found = decode_object(value)
    assert isinstance(found, Unreadable)
    assert found.error == "not_json"


def test_numbers_beyond_a_double_keep_their_kind() -> None:
    found = decode_object(b'{"c":1e999,"d":-1e999,"e":7}')
    assert isinstance(found, dict)
    assert (type(found["c"]), type(found["d"])) == (float, float)
    assert found["e"] == 7


@pytest.mark.parametrize("over", [0, 1])
def test_a_row_with_an_id_as_long_as_allowed_is_one_and_a_longer_one_names_nobody(
    over: int,
) -> None:
    found = decode_shop(samples.shop(shop_id="s" * (1_024 + over)))
    assert isinstance(found, Unreadable) == bool(over)
