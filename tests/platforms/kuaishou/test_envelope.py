"""Checks 1 to 5: what can be read and routed at all."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.platforms.kuaishou.names import Kind, Reason
from streams.platforms.kuaishou.reading import Reader
from tests.platforms.kuaishou.samples import (
    DROP,
    PAID,
    REFUND_ADDED,
    load,
    message,
    minified,
)


def judged(raw: bytes) -> tuple[str, str | None]:
    verdict = Reader().classify(raw)
    return verdict.kind.value, verdict.reason


def dead(reason: Reason) -> tuple[str, str]:
    return "dead_letter", reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xff", Reason.NOT_UTF8),
        (b'{"test":true,"a":"\xed\xa0\xbd"}', Reason.NOT_UTF8),
        (b'{"test":true,"a":"\xc0\xaf"}', Reason.NOT_UTF8),
        (b"", Reason.NOT_JSON),
        (b"\xef\xbb\xbf{}", Reason.NOT_JSON),
        (b'{"test":true} {}', Reason.NOT_JSON),
        (b'{"test":true,"a":NaN}', Reason.NOT_JSON),
        (b'{"test":true,"a":1e400,"b":Infinity}', Reason.NOT_JSON),
        (b'{"test":true,"a":01}', Reason.NOT_JSON),
        (b'{"test":true,}', Reason.NOT_JSON),
        (b"null", Reason.NOT_OBJECT),
        (b"[{}]", Reason.NOT_OBJECT),
        (b'"{}"', Reason.NOT_OBJECT),
        (b"[" * 100_000 + b"]" * 100_000, Reason.TOO_DEEP),
        (b'{"a":1e400,"b":' + b"[" * 9_000 + b"]" * 9_000 + b"}", Reason.TOO_DEEP),
    ],
)
def test_a_value_that_is_no_utf8_json_object_is_a_dead_letter(
    raw: bytes, reason: Reason
) -> None:
    assert judged(raw) == dead(reason)


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"test":true,"a":"\ud83d"}',
        rb'{"test":true,"a":"\uDE42 and more text"}',
        rb'{"test":true,"a":"\ud83d\u0041 and more"}',
        rb'{"test":true,"a":["\ud83d\ud83d and more"]}',
        rb'{"test":true,"\ud83d":1}',
        rb'{"test":true,"a":"\ud83d","a":1}',
        rb'{"test":true,"n":1e400,"a":"\ud83d"}',
        rb'{"test":true,"n":1e400,"a":"\ud83d","a":1}',
    ],
)
def test_a_lone_surrogate_is_a_dead_letter_even_in_a_heartbeat(raw: bytes) -> None:
    assert judged(raw) == dead(Reason.LONE_SURROGATE)


@pytest.mark.parametrize(
    "where", [{"test": True}, {"event": "kwaishop_item_other"}, {}]
)
@pytest.mark.parametrize(
    "info", [r'{"a":"\ud83d"}', r'["\ude42 text"]', r'{"\ud83d":{}}']
)
def test_a_lone_surrogate_inside_info_is_a_dead_letter_whatever_else_holds(
    where: dict[str, object], info: str
) -> None:
    whole = {**load(f"{PAID}.json"), **where, "info": info}
    assert judged(minified(whole)) == dead(Reason.LONE_SURROGATE)


def test_an_info_that_is_no_json_holds_no_escapes() -> None:
    assert judged(minified({"test": True, "info": r'{"a":"\ud83d"'}))[0] == "ignored"


def test_a_whole_surrogate_pair_is_ordinary_text() -> None:
    whole = load(f"{PAID}.json")
    whole["note"] = "🙂"
    whole["info"] = whole["info"][:-1] + r',"n":"\ud83d\ude42"}'
    assert judged(json.dumps(whole).encode()) == ("accepted", None)


@pytest.mark.parametrize("test", [False, 1, "true", None, [True], 1.0])
def test_only_json_true_makes_a_heartbeat(test: object) -> None:
    assert judged(message(PAID, test=test)) == ("accepted", None)


@pytest.mark.parametrize("event", [DROP, 5, None])
@pytest.mark.parametrize("info", ["not json", None, {"oid": 1}])
def test_a_heartbeat_is_ignored_whatever_else_it_holds(
    event: object, info: object
) -> None:
    whole = {**load(f"{PAID}.json"), "test": True, "info": info}
    if event is DROP:
        del whole["event"]
    else:
        whole["event"] = event
    assert judged(minified(whole)) == ("ignored", Reason.HEARTBEAT)


@pytest.mark.parametrize("event", [DROP, None, 5, True, ["kwaishop_order_paySuccess"]])
def test_a_tag_that_is_no_string_is_a_dead_letter(event: object) -> None:
    assert judged(message(PAID, event=event)) == dead(Reason.TAG_MISSING)


@pytest.mark.parametrize("event", ["", "kwaishop_order_PAYSUCCESS", "kwaishop_item_x"])
def test_a_tag_we_do_not_read_is_ignored_even_with_a_broken_info(event: str) -> None:
    whole = {**load(f"{PAID}.json"), "event": event, "info": "{"}
    assert judged(minified(whole)) == ("ignored", Reason.TAG_NOT_CONSUMED)


GOOD = '{"oid":2607700000100001,"sellerId":2100000001,"status":30,"updateTime":1773799221000}'


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (json.loads(GOOD), Reason.INFO_NOT_TEXT),
        (None, Reason.INFO_NOT_TEXT),
        (json.dumps(GOOD), Reason.INFO_NOT_OBJECT),
        (GOOD + GOOD, Reason.INFO_NOT_OBJECT),
        (f"[{GOOD}]", Reason.INFO_NOT_OBJECT),
        (GOOD[:-1], Reason.INFO_NOT_OBJECT),
        ("", Reason.INFO_NOT_OBJECT),
        ("\ufeff" + GOOD, Reason.INFO_NOT_OBJECT),
        (GOOD[:-1] + ',"a":' + "[" * 9_000 + "]" * 9_000 + "}", Reason.INFO_NOT_OBJECT),
    ],
)
def test_info_is_a_string_with_exactly_one_object(info: object, reason: Reason) -> None:
    assert judged(minified({**load(f"{PAID}.json"), "info": info})) == dead(reason)


def test_space_around_the_object_in_info_does_no_harm() -> None:
    whole = {**load(f"{PAID}.json"), "info": f" \n{GOOD}\t"}
    assert judged(minified(whole)) == ("accepted", None)


BAD_IDS = [
    DROP, None, True, False, 0, -1, 2**63, 2.0, 2607700000100001.0, [1], {"a": 1},
    "", "0", "000", "-1", "+1", " 1", "1 ", "1_0", "1.0", "1e3", "٣", "²", "9223372036854775808",
    "9" * 5_000, "x",
]  # fmt: skip
GOOD_IDS = [1, 2**63 - 1, "1", "007", "9223372036854775807", "0" * 5_000 + "7"]


@pytest.mark.parametrize("value", BAD_IDS)
@pytest.mark.parametrize(
    ("name", "field", "reason"),
    [
        (PAID, "oid", Reason.ORDER_ID_INVALID),
        (REFUND_ADDED, "orderId", Reason.ORDER_ID_INVALID),
        (REFUND_ADDED, "refundId", Reason.REFUND_ID_INVALID),
    ],
)
def test_a_message_without_its_ids_is_a_dead_letter(
    value: object, name: str, field: str, reason: Reason
) -> None:
    assert judged(message(name, info={field: value})) == dead(reason)


@pytest.mark.parametrize("value", GOOD_IDS)
@pytest.mark.parametrize(("name", "field"), [(PAID, "oid"), (REFUND_ADDED, "refundId")])
def test_an_id_is_an_integer_or_digits_up_to_63_bits(
    value: object, name: str, field: str
) -> None:
    assert judged(message(name, info={field: value})) == ("accepted", None)


@pytest.mark.parametrize(
    "number", ["1e400", "-1e999", "9" * 30, "9" * 5_000, "1." + "9" * 5_000]
)
def test_a_number_of_any_size_in_an_unknown_field_does_no_harm(number: str) -> None:
    raw = message(PAID).decode()
    assert judged((raw[:-1] + f',"extra":{number}}}').encode()) == ("accepted", None)
    whole = load(f"{PAID}.json")
    whole["info"] = whole["info"][:-1] + f',"extra":{number}}}'
    assert judged(minified(whole)) == ("accepted", None)


def test_of_a_repeated_key_the_last_counts() -> None:
    raw = message(PAID).decode()
    assert (
        judged(('{"test":true,' + raw[1:-1] + ',"test":false}').encode())[0]
        == "accepted"
    )
    assert judged((raw[:-1] + ',"test":false,"test":true}').encode())[0] == "ignored"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
names = st.sampled_from(["test", "event", "info", "eventId", "userId"])


@given(st.binary())
def test_any_bytes_end_in_exactly_one_class(raw: bytes) -> None:
    assert Reader().classify(raw).kind in Kind


@given(st.dictionaries(names, json_values))
def test_any_object_ends_in_exactly_one_class(value: dict[str, object]) -> None:
    assert Reader().classify(json.dumps(value).encode()).kind in Kind


info_names = st.sampled_from(
    ["oid", "orderId", "refundId", "sellerId", "status", "eventType", "handlingWay",
     "specialRefundType", "updateTime", "createTime", "buyerOpenId", "totalFee", "customizedInfo"]
)  # fmt: skip


@given(
    st.sampled_from(
        [PAID, REFUND_ADDED, "kwaishop_order_addOrder", "kwaishop_order_totalFeeChange"]
    ),
    st.dictionaries(info_names, json_values, min_size=1),
    st.integers(1, 2),
)
def test_a_message_with_any_fields_changed_ends_in_one_class_twice(
    name: str,
    info: dict[str, object],
    times: int,
) -> None:
    reader = Reader()
    whole = load(f"{name}.json")
    whole["info"] = json.dumps({**json.loads(whole["info"]), **info})
    raw = json.dumps(whole).encode()
    kinds = [reader.classify(raw).kind for _ in range(times)]
    assert set(kinds) <= set(Kind)
    assert kinds.count(Kind.ACCEPTED) <= 1


def test_a_deep_stack_of_callers_does_not_change_what_is_read() -> None:
    def deep(left: int) -> tuple[str, str | None]:
        return judged(message(PAID)) if left == 0 else deep(left - 1)

    assert deep(sys.getrecursionlimit() // 2) == ("accepted", None)
