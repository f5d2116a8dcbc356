"""Snapshots: every value is kept as it was sent, however much is shared."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.families.fast_refund import orders
from streams.families.fast_refund.model import Goods, Order, RareFields
from streams.families.fast_refund.orders import OrderReader, decode_order
from streams.records.json_values import Unreadable
from testkit import samples
from testkit.samples import DROP, LINE

ODD = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.0, 1.0, -1.0, 2.5])
    | st.sampled_from(["", "0", "1", "none", "paid", "clothing", "shirts"])
    | st.sampled_from([[], ["none"], {}])
)
VALUES = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2)
    ),
    max_leaves=4,
)
LINE_FIELDS = ("sku_id", "category_path", "quantity", "shipped_count", "is_custom")
LINES = st.lists(
    st.dictionaries(st.sampled_from(LINE_FIELDS), VALUES, max_size=5) | ODD, max_size=3
)
PLAIN_FIELDS = (
    "order_version",
    "buyer_id",
    "shop_id",
    "currency",
    "order_type",
    "order_status",
    "paid_fen",
    "refundable_left_fen",
    "as_of_ms",
    "paid_at_ms",
    "total_changed_at_ms",
    "back_end_status",
    "pay_type",
    "presale_stage",
    "delivery_block",
    "risk_code",
    "waybill_printed_at_ms",
    "waybill_entered_at_ms",
    "picked_up_at_ms",
    "shipped_at_ms",
)
ORDERS = st.fixed_dictionaries(
    {"order_id": st.sampled_from(["o-1", "o-2"])},
    optional={**dict.fromkeys(PLAIN_FIELDS, ODD), "lines": LINES | VALUES},
)


def column(lines: list[object], name: str) -> tuple[object, ...]:
    return tuple(line.get(name) if isinstance(line, dict) else None for line in lines)


def naive(sent: dict[str, Any]) -> Order:
    """Read an order in the plainest way, sharing nothing."""
    given_lines = sent.get("lines")
    lines = given_lines if isinstance(given_lines, list) else []
    paths = tuple(
        tuple(path) if isinstance(path, list) else path
        for path in column(lines, "category_path")
    )
    plain = {name: sent.get(name) for name in PLAIN_FIELDS}
    # E-6: in these, what says "none" is read as null.
    for name in ("order_type", "delivery_block", "risk_code"):
        if type(plain[name]) is int and plain[name] == 0:
            plain[name] = None
    if plain["presale_stage"] == "none":
        plain["presale_stage"] = None
    rare_fields = {name: plain.pop(name) for name in RareFields.__struct_fields__}
    return Order(
        order_id=sent["order_id"],
        rare_fields=RareFields(**rare_fields),
        goods=Goods(
            skus=column(lines, "sku_id"),
            paths=paths,
            quantities=column(lines, "quantity"),
            shipped_counts=column(lines, "shipped_count"),
            customs=column(lines, "is_custom"),
        ),
        **plain,
    )


def same(one: object, other: object) -> bool:
    """Equal and of the same types all the way down: True is not 1, 1 is not 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, (Order, Goods, RareFields)):
        fields = one.__struct_fields__
        return all(same(getattr(one, f), getattr(other, f)) for f in fields)
    return one == other


@given(st.lists(ORDERS, min_size=1, max_size=8))
@settings(max_examples=300)
def test_one_reader_reads_many_orders_as_a_plain_one_reads_each(
    sent: list[dict[str, Any]],
) -> None:
    reader = OrderReader()
    for one in sent:
        found = reader.read(json.dumps(one).encode())
        assert isinstance(found, Order)
        assert same(found, naive(one))


USUAL = st.dictionaries(
    st.sampled_from((*PLAIN_FIELDS, "lines", "order_id")),
    ODD | st.sampled_from(["CNY", "USD", "shipped", "lost", 2**53, 2**70, 199.0]),
    max_size=2,
)
"""What one or two fields of an ordinary order are changed to."""


@given(st.lists(USUAL, min_size=1, max_size=6), st.permutations(range(25)))
@settings(max_examples=500)
def test_an_order_that_is_nearly_usual_is_read_as_a_plain_one_reads_it(
    changes: list[dict[str, Any]], turns: list[int]
) -> None:
    reader = OrderReader()
    reader.read(samples.order())  # its lines are known from here on
    for change in changes:
        sent = json.loads(samples.order()) | change
        names = list(sent)
        shuffled = {names[at % len(names)]: None for at in turns} | sent
        found = reader.read(json.dumps(shuffled).encode())
        if type(sent["order_id"]) is not str or not sent["order_id"]:
            assert isinstance(found, Unreadable)
        else:
            assert same(found, naive(sent))


def test_a_usual_order_with_known_lines_is_read_the_fast_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = OrderReader()
    first = reader.read(samples.order())
    monkeypatch.setattr(reader, "_read_any", None)
    assert same(reader.read(samples.order()), first)
    gone = json.loads(samples.order()) | {"order_status": "shipped", "shipped_at_ms": 5}
    assert same(reader.read(json.dumps(gone).encode()), naive(gone))


@pytest.mark.parametrize(
    "text",
    [
        b'{"order_id":"o-1","risk_code":5,"risk_code":0}',
        b'{"order_id":"o-1","risk_code":0,"risk_code":5}',
    ],
)
def test_of_a_field_sent_twice_the_last_one_counts(text: bytes) -> None:
    usual = json.loads(samples.order())
    rest = {
        name: usual[name] for name in usual if name not in ("order_id", "risk_code")
    }
    whole = text[:-1] + b"," + json.dumps(rest).encode()[1:]
    found = decode_order(whole)
    assert same(found, naive(json.loads(whole)))


@pytest.mark.parametrize("field", ["order_type", "delivery_block", "risk_code"])
@pytest.mark.parametrize("value", [0, 0.0, False, "0", 1, None, [], "none"])
def test_only_the_number_0_says_none_where_a_code_is_sent(
    field: str, value: object
) -> None:
    found = decode_order(samples.order(**{field: value}))
    none = type(value) is int and value == 0
    assert isinstance(found, Order)
    assert same(getattr(found.rare_fields, field), None if none else value)


@pytest.mark.parametrize("value", [None, "none", 0, "", "deposit_paid", ["none"]])
def test_only_the_name_none_says_that_there_is_no_presale(value: object) -> None:
    found = decode_order(samples.order(presale_stage=value))
    assert isinstance(found, Order)
    assert same(found.rare_fields.presale_stage, None if value == "none" else value)


@pytest.mark.parametrize("field", ["quantity", "shipped_count", "is_custom", "sku_id"])
def test_values_that_are_equal_but_of_another_type_are_never_shared(field: str) -> None:
    reader = OrderReader()
    for value in (1, True, 1.0, "1", 0, False, 0.0, None, 1):
        sent = {"order_id": "o-1", "lines": [{**LINE, field: value}]}
        assert same(reader.read(json.dumps(sent).encode()), naive(sent))


def test_path_names_that_are_equal_but_of_another_type_are_never_shared() -> None:
    reader = OrderReader()
    paths: tuple[list[object], ...] = (
        ["a", 1],
        ["a", True],
        ["a", 1.0],
        ["a", "1"],
        ["a", [1]],
        [{}],
        [],
    )
    for path in paths:
        sent = {"order_id": "o-1", "lines": [{**LINE, "category_path": path}]}
        assert same(reader.read(json.dumps(sent).encode()), naive(sent))


def test_a_path_and_what_follows_it_are_never_mixed_up() -> None:
    """The key of a shared line joins sku, path and counts: lengths must keep it apart."""
    reader = OrderReader()
    for sku, path in (("a", ["b", "c"]), ("a", ["b"]), ("a", ["c", "b"]), ("b", ["a"])):
        sent = {
            "order_id": "o-1",
            "lines": [{**LINE, "sku_id": sku, "category_path": path}],
        }
        assert same(reader.read(json.dumps(sent).encode()), naive(sent))


def test_equal_parts_of_orders_are_one_object() -> None:
    reader = OrderReader()
    one = reader.read(samples.order(order_id="o-1"))
    other = reader.read(samples.order(order_id="o-2"))
    assert isinstance(one, Order)
    assert isinstance(other, Order)
    for field in ("shop_id", "currency", "order_status", "goods"):
        assert getattr(one, field) is getattr(other, field)
    assert one.paid_fen is one.refundable_left_fen


def test_beyond_the_bound_new_values_are_simply_not_shared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(orders, "_SHARED_MAX", 1)
    reader = OrderReader()
    for number in (1, 2, 3, 2):
        sent = {
            **samples.ORDER,
            "shop_id": f"s-{number}",
            "lines": [{**LINE, "sku_id": f"k-{number}"}],
        }
        assert same(reader.read(json.dumps(sent).encode()), naive(sent))


@pytest.mark.parametrize("lines", [None, [], "one", 5, {"sku_id": "k"}, DROP])
def test_an_order_without_a_list_of_lines_has_none(lines: object) -> None:
    found = decode_order(samples.order(lines=lines))
    assert isinstance(found, Order)
    assert found.goods.skus == ()


def test_a_line_that_is_no_object_is_a_line_of_which_nothing_is_known() -> None:
    found = decode_order(samples.order(lines=[LINE, 5, None]))
    assert isinstance(found, Order)
    assert found.goods.skus == ("k-1", None, None)
    assert found.goods.paths == (("clothing", "shirts"), None, None)


@pytest.mark.parametrize("lines", [[LINE], "wrong"])
@pytest.mark.parametrize("order_id", ["", None, 5, True, DROP])
def test_without_a_usable_order_id_a_snapshot_is_unreadable(
    order_id: object, lines: object
) -> None:
    found = decode_order(samples.order(order_id=order_id, lines=lines))
    assert isinstance(found, Unreadable)
    assert found.error == "no_id"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, "null_value"),
        (b"", "not_json"),
        (b"nonsense", "not_json"),
        (b'{"order_id":"\xff"}', "not_json"),
        (b"[]", "not_object"),
        (b"null", "not_object"),
    ],
)
def test_what_is_no_snapshot_says_why(value: bytes | None, error: str) -> None:
    found = decode_order(value)
    assert isinstance(found, Unreadable)
    assert found.error == error


def test_numbers_of_any_size_are_kept() -> None:
    found = decode_order(
        b'{"order_id":"o-1","paid_fen":%s,"as_of_ms":1e999}' % (b"9" * 40)
    )
    assert isinstance(found, Order)
    assert found.paid_fen == int("9" * 40)
    assert type(found.as_of_ms) is float
