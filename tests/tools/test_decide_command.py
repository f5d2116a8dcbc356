"""``refund decide``: every line is answered, whatever it holds."""

import copy
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.families.fast_refund.decide import judge_again
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy_type import POLICY
from streams.tools.decide import decide_lines
from tests.families.fast_refund.cases import (
    DATA,
    NOW,
    SHIPPED,
    T,
    answers,
    line_of,
    moments,
    put,
)

BASE: dict[str, Any] = line_of({"title": "base"})
ROW: dict[str, Any] = moments(DATA["base_row"])


def changed(**paths: object) -> dict[str, Any]:
    """Change the base line; ``__`` in a name stands for a dot."""
    line = copy.deepcopy(BASE)
    for path, value in paths.items():
        put(line, path.replace("__", "."), value)
    return line


def answer(line: object) -> dict[str, Any]:
    raw = line if isinstance(line, bytes) else json.dumps(line).encode()
    (found,) = answers([raw])
    return found


def test_the_answer_is_the_decision_record_with_the_name_added() -> None:
    found = answer(BASE)
    assert found["name"] == "base"
    assert list(found)[1:] == [
        "decision_id", "family", "refund_id", "refund_version", "order_id", "buyer_id",
        "shop_id", "disposition", "outcome", "reason_codes", "policy", "refund_fen",
        "payout_key", "requested_at_ms", "decided_at_ms", "review_deadline_ms", "seen",
        "policy_hash",
    ]  # fmt: skip


def test_empty_lines_are_passed_over_and_order_is_kept() -> None:
    one, two = changed(name="1"), changed(name="2", order=None)
    raw = [
        b"",
        json.dumps(one).encode() + b"\r\n",
        b" \t\n",
        json.dumps(two).encode(),
        b"\n",
    ]
    assert [found["name"] for found in answers(raw)] == ["1", "2"]


def test_lines_share_no_state() -> None:
    raw = [json.dumps(BASE).encode()] * 3
    first, second, third = decide_lines(raw, SHIPPED)
    assert first == second == third


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense",
        b"{",
        b"\xff\xfe",
        b'{"name":"x"',
        b"[]",
        b"null",
        b"5",
        b'"text"',
        b"\xef\xbb\xbf{}",
        b"NaN",
        b"\x00",
        b"[" * 100_000,
        b'{"request":' * 5_000 + b"1" + b"}" * 5_000,
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_a_line_that_is_no_json_object_has_no_name(raw: bytes) -> None:
    found = answer(raw)
    assert found["name"] is None
    assert found["dead_letter"]


@pytest.mark.clause("E-36")
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("now_ms", "noon"),
        ("now_ms", None),
        ("now_ms", 1.0),
        ("now_ms", True),
        ("request", None),
        ("request", []),
        ("request", "x"),
        ("order", []),
        ("order", "x"),
        ("order", 5),
        ("buyer", []),
        ("buyer", 5),
        ("shop", []),
        ("shop", "x"),
        ("catalog", []),
        ("catalog", {"excluded": "x"}),
        ("catalog", {"excluded": [5]}),
        ("catalog", {"excluded": [{"kind": "custom"}]}),
        ("catalog", {"excluded": [{"id": 5, "kind": "custom"}]}),
        ("catalog", {"excluded": [{"id": "wine", "kind": "custom"}]}),
        ("history", None),
        ("history", 5),
        ("history", {}),
        ("history", "none"),
        ("history", [5]),
        ("history", [{**ROW, "reason_codes": "x"}]),
        ("history", [{**ROW, "reason_codes": ["NO_SUCH_CODE"]}]),
        ("history", [ROW, {**ROW, "state": None}]),
        ("breaker", "shops"),
        ("breaker", 5),
        ("breaker", []),
        ("unavailable", "order_status"),
        ("unavailable", [1]),
        ("policy", 7),
        ("policy", "none"),
        ("policy", []),
        ("policy", {"paid_limit_fen": None}),
        ("policy", {"excluded_roots": {"a": 1}}),
    ],
)
def test_a_wrong_structure_of_the_line_is_a_dead_letter_that_names_the_member(
    member: str, value: object
) -> None:
    found = answer(changed(**{member: value}))
    assert set(found) == {"name", "dead_letter"}
    assert found["name"] == "base"
    assert found["dead_letter"].startswith(member)


@pytest.mark.parametrize(
    ("member", "codes"),
    [
        ("order", ["ORDER_DETAIL_UNKNOWN"]),
        ("buyer", ["BUYER_QUALITY_UNKNOWN"]),
        ("shop", ["FR_ALL_CONDITIONS_MET"]),
        ("catalog", ["CATEGORY_UNKNOWN"]),
        ("lists_as_of_ms", ["LISTS_NOT_READY"]),
        ("order_vetoed", ["LISTS_NOT_READY"]),
        ("breaker", ["FR_ALL_CONDITIONS_MET"]),
        ("policy", ["FR_ALL_CONDITIONS_MET"]),
        ("name", ["FR_ALL_CONDITIONS_MET"]),
    ],
)
def test_an_absent_member_is_null(member: str, codes: list[str]) -> None:
    absent = copy.deepcopy(BASE)
    del absent[member]
    assert answer(absent)["reason_codes"] == codes
    assert answer(changed(**{member: None})) == answer(absent)


def test_a_catalogue_that_says_nothing_of_exclusions_is_not_loaded() -> None:
    assert answer(changed(catalog={"as_of_ms": NOW}))["reason_codes"] == [
        "CATEGORY_UNKNOWN"
    ]


@pytest.mark.parametrize("turn", [1, -1])
def test_of_an_excluded_id_given_twice_both_kinds_count(turn: int) -> None:
    """E-33: the bytes do not tell in which order they were listed."""
    rows = [
        {"id": "category:shirts", "kind": kind}
        for kind in ("custom", "excluded", 5, {"b": 1, "a": 2}, "custom")
    ]
    found = answer(changed(catalog__excluded=rows[::turn]))
    assert found["reason_codes"] == [
        "CATEGORY_CUSTOM",
        "CATEGORY_EXCLUDED",
        "LISTS_NOT_READY",
    ]
    assert found == answer(changed(catalog__excluded=rows))


@pytest.mark.parametrize("name", [7, 1.5, True, "x", "例"])
def test_a_name_that_is_text_number_or_truth_value_is_kept(name: object) -> None:
    assert answer(changed(name=name))["name"] == name


@pytest.mark.parametrize("name", [[1], {"a": 1}, None])
def test_any_other_name_is_null(name: object) -> None:
    assert answer(changed(name=name))["name"] is None


def test_a_shop_with_a_number_no_double_holds_is_still_that_shop() -> None:
    raw = json.dumps(changed(shop__enabled=False, shop__standing="@")).replace(
        '"@"', "1e999"
    )
    codes = answer(raw.encode())["reason_codes"]
    assert "SHOP_EXCLUDED" in codes


READ_AS_SENT = [
    "order.paid_fen", "order.as_of_ms", "order.pay_type", "order.presale_stage",
    "order.delivery_block", "order.risk_code", "order.order_type", "order.total_changed_at_ms",
    "order.back_end_status", "order.lines[0].shipped_count", "order.lines[0].is_custom",
    "shop.standing", "shop.enabled", "order_vetoed", "lists_as_of_ms", "catalog.as_of_ms",
    "buyer.as_of_ms", "buyer.quality[0].value",
]  # fmt: skip


@pytest.mark.parametrize("path", READ_AS_SENT)
def test_a_number_no_double_holds_goes_to_a_person_for_good(path: str) -> None:
    raw = json.dumps(changed(**{path: "@"})).replace('"@"', "1e999").encode()
    (written,) = decide_lines([raw], SHIPPED)
    decision = msgspec.json.decode(written, type=Decision)
    assert decision.outcome == "manual_review"
    again = judge_again(decision, SHIPPED)
    assert msgspec.json.encode(again) == msgspec.json.encode(decision)


def test_an_integer_of_thousands_of_digits_is_an_integer() -> None:
    for digits in (400, 4_300):
        raw = json.dumps(changed(order__paid_fen="@")).replace('"@"', "1" * digits)
        assert answer(raw.encode())["reason_codes"] == ["PAID_AT_OR_OVER_LIMIT"]


@pytest.mark.parametrize("digits", [4_301, 10_000])
def test_an_integer_beyond_reading_is_no_other_number(digits: int) -> None:
    """E-35: not even where what is left would be more than enough."""
    raw = json.dumps(changed(order__refundable_left_fen="@"))
    found = answer(raw.replace('"@"', "1" * digits).encode())
    assert found == {
        "name": "base",
        "dead_letter": "order: no JSON: an integer of more than 4300 digits",
    }


def test_unknown_members_of_a_line_are_refused_by_name_all_at_once() -> None:
    line = {**BASE, "orders": None, "x" * 100: 1, "Policy": {}}
    found = answer(line)
    assert found["name"] == "base"
    assert found["dead_letter"] == (
        f"orders, {'x' * 60}, Policy: not a member of a line; remove it"
    )


def test_of_a_member_given_twice_the_last_counts() -> None:
    raw = json.dumps(BASE)[:-1].encode()
    assert answer(raw + b',"breaker":"shop"}')["reason_codes"] == ["BREAKER_OPEN"]
    off = answer(raw + b',"breaker":"shop","breaker":null}')
    assert off["outcome"] == "auto_approve"


def test_a_cut_name_is_given_back_as_it_was_sent() -> None:
    """E-34: also beside a text that costs nobody the decision."""
    raw = json.dumps({**changed(request__reason="\ud83d"), "name": "so sad \ud83d"})
    found = answer(raw.encode())
    assert (found["name"], found["outcome"]) == ("so sad \ud83d", "auto_approve")
    found = answer(b'{"name":"\\ud83d"}')
    assert (found["name"], found["dead_letter"][:6]) == ("\ud83d", "now_ms")


@pytest.mark.parametrize(
    "member", ["request", "order", "buyer", "shop", "catalog", "history", "policy"]
)
def test_bytes_that_are_no_utf8_are_told_of_the_member_they_stand_in(
    member: str,
) -> None:
    """E-34: and never as a record of the wrong structure."""
    value = json.dumps(BASE[member] or {}).replace("{", '{"note":"@",', 1)
    if member in ("history", "policy"):
        value = '{"note":"@"}'
    raw = json.dumps({**BASE, member: "#"}).replace('"#"', value.replace(",}", "}"))
    found = answer(raw.encode().replace(b"@", b"\xff"))
    assert found["name"] == "base"
    assert found["dead_letter"].startswith(f"{member}: ")
    assert "not UTF-8 at byte" in found["dead_letter"]


def test_policy_keys_may_be_grouped_in_tables() -> None:
    found = answer(
        changed(policy={"any": {"paid_limit_fen": 100}, "service_paused": True})
    )
    assert found["reason_codes"] == ["SERVICE_PAUSED", "PAID_AT_OR_OVER_LIMIT"]
    assert found["policy"] == "FR@2"


def test_a_policy_nested_beyond_reason_is_a_dead_letter() -> None:
    nested: Any = {"paid_limit_fen": 100}
    for _ in range(800):
        nested = {"table": nested}
    raw = msgspec.json.encode(changed(policy=nested))
    assert set(answer(raw)) & {"dead_letter", "reason_codes"}


def test_overrides_stand_on_top_of_a_file_of_any_version() -> None:
    shipped = POLICY.override(SHIPPED, {"version": 9})
    raw = json.dumps(changed(policy={"version": 3, "paid_limit_fen": 100})).encode()
    (found,) = answers([raw], shipped)
    assert found["reason_codes"] == ["PAID_AT_OR_OVER_LIMIT"]
    assert found["policy"] == "FR@3"


def test_overrides_are_not_in_force_before_their_moment() -> None:
    for effective, expected in ((T - 1, "FR@2"), (T, "FR@2"), (T + 1, "FR@1")):
        found = answer(changed(policy={"effective_from_ms": effective}))
        assert found["policy"] == expected


@pytest.mark.parametrize("turn", [1, -1])
def test_the_first_decision_is_the_approval_however_rows_are_ordered(turn: int) -> None:
    row = moments({**DATA["base_row"], "refund_id": "r-1"})
    approved = {**row, "state": "failed", "outcome": "auto_approve", "decided_at_ms": T}
    follow_up = {
        **row,
        "state": "in_review",
        "outcome": "manual_review",
        "decided_at_ms": T + 5,
        "reason_codes": ["REFUND_FAILED"],
    }
    found = answer(changed(history=[approved, follow_up][::turn]))
    assert (found["outcome"], found["decided_at_ms"]) == ("auto_approve", T)


def test_a_decision_printed_again_is_whole_and_saw_nothing() -> None:
    row = {
        **DATA["base_row"],
        "refund_id": "r-1",
        "refund_fen": 500,
        "decided_at_ms": 0,
    }
    found = answer(changed(order=None, history=[{**row, "outcome": "auto_approve"}]))
    assert found["payout_key"] == "pay:r-1"
    assert (found["refund_fen"], found["decided_at_ms"], found["seen"]) == (
        500,
        0,
        None,
    )
    again = {
        **row,
        "outcome": "manual_review",
        "reason_codes": ["PRESALE"],
        "refund_fen": None,
    }
    found = answer(changed(history=[{**again, "decided_at_ms": None}]))
    assert (found["reason_codes"], found["payout_key"]) == (["PRESALE"], None)
    assert (found["refund_fen"], found["decided_at_ms"]) == (19_900, NOW)
    assert found["review_deadline_ms"] == BASE["request"]["expire_at_ms"]


@given(st.binary(max_size=200))
def test_no_bytes_raise(raw: bytes) -> None:
    expected = 1 if raw.strip() else 0
    assert len(list(decide_lines([raw], SHIPPED))) == expected


@given(st.integers(0), st.integers(0, 255), st.booleans())
def test_no_damage_to_a_line_raises(place: int, byte: int, cut: bool) -> None:  # noqa: FBT001
    raw = bytearray(json.dumps(BASE).encode())
    at = place % len(raw)
    raw[at] = byte
    (found,) = decide_lines([bytes(raw[:at] if cut else raw) or b"x"], SHIPPED)
    assert json.loads(found).keys() & {"dead_letter", "disposition"}
