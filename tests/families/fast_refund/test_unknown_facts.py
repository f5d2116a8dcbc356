"""Nothing unknown is approved: every fact that a rule reads, taken away or spoilt."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.tools.decide import decide_lines
from tests.families.fast_refund.cases import SHIPPED, Json, line_of, put
from tests.families.fast_refund.odd_json import ANY_JSON

WEEK_MS: Final = 604_800_000
BASE: Final[dict[str, Any]] = line_of(
    {
        "title": "everything that can be read is there, and nothing speaks against it",
        "change": {
            "request.lines": ["k1", "k2"],
            "order.lines[1]": {
                "sku_id": "k2",
                "category_path": ["food", "tea"],
                "quantity": 2,
                "shipped_count": 0,
                "is_custom": False,
                "is_gift": True,
            },
            "order.back_end_status": None,
            "buyer.quality": [
                {"from_ms": 1, "value": "ordinary"},
                {"from_ms": 2, "value": "quality"},
            ],
            "buyer.limits": [{"kind": "limited", "from_ms": 1, "until_ms": 2}],
            "catalog.excluded": [
                {"id": "category:toys", "kind": "excluded"},
                {"id": "sku:k9", "kind": "excluded"},
            ],
            "unavailable": [],
        },
        "history": [
            {
                "refund_id": "x-1",
                "order_id": "o-8",
                "state": "succeeded",
                "outcome": "auto_approve",
                "decided_at_ms": "T-1000",
            },
            {"state": "rejected", "outcome": "manual_review"},
            {
                "refund_id": "r-1",
                "refund_version": 0,
                "state": "in_review",
                "outcome": "manual_review",
            },
        ],
        "policy": {
            "buyer_count_max": 2,
            "buyer_count_window_ms": WEEK_MS,
            "buyer_amount_quota_fen": 40_000,
            "buyer_amount_window_ms": WEEK_MS,
            "one_auto_approval_per_order": True,
            "payment_age_max_ms": WEEK_MS,
            "waybill_soft_veto": True,
            "line_level_unshipped": True,
        },
    }
)

RECORDED_ONLY: Final = {
    "name",
    "shop.as_of_ms",
    "order.order_version",
    "order.ordered_at_ms",
    "order.freight_fen",
    "order.coupon_shop_fen",
    "order.coupon_platform_fen",
    "order.subsidy_fen",
    "order.lines[0].is_gift",
    "order.lines[1].is_gift",
    "history[0].reason_codes",
    "history[1].decided_at_ms",
    "history[1].refund_fen",
    "history[2].decided_at_ms",
    "history[2].refund_fen",
}
"""No rule reads them, so nothing in them keeps an order from approval."""

NONE_IS_AN_ANSWER: Final = {
    "breaker": "closed",
    "unavailable": "every look-up answered",
    "policy": "the shipped file",
    "shop": "no row = covered (FR-1.2a)",
    "shop.enabled": "on unless the operator says otherwise (R-09)",
    "shop.standing": "good (E-22)",
    "request.event_id": "E-10",
    "request.reason": "E-10",
    "request.expire_at_ms": "E-10",
    "request.lines": "all of them",
    "request.buyer_id": "taken from the snapshot (E-12)",
    "request.shop_id": "taken from the snapshot (E-12)",
    "order.buyer_id": "the request names it (E-12)",
    "order.shop_id": "the request names it (E-12)",
    "order.back_end_status": "not read directly (E-8)",
    "order.total_changed_at_ms": "never changed",
    "order.pay_type": "E-6",
    "order.presale_stage": "E-6",
    "order.delivery_block": "E-6",
    "order.risk_code": "E-6",
    "order.order_type": "E-6",
    "order.waybill_printed_at_ms": "not happened (E-24)",
    "order.waybill_entered_at_ms": "not happened (E-24)",
    "order.picked_up_at_ms": "not happened (E-24)",
    "order.shipped_at_ms": "not happened (E-24)",
    "buyer.limits[0].from_ms": "the limit is over, whenever it began",
    "catalog.excluded[0].kind": "it touches no line of the order (E-33)",
    "catalog.excluded[1].kind": "it touches no line of the order (E-33)",
    "history[0].refund_version": "then the row is a decision of its own (E-36)",
    "history[0].outcome": "not approved by this service",
    "history[0].decided_at_ms": "it counts as if it were in the window (E-26)",
    "history[1].refund_version": "of another refund no rule reads it",
    "history[1].outcome": "its state says what became of it",
    "history[2].outcome": "its version says that it is an earlier one",
}
"""Facts that mean something when they are missing or null, and why."""

ANOTHER_IS_AN_ANSWER: Final = {
    "buyer.limits[0].from_ms",
    "catalog.excluded[0].kind",
    "catalog.excluded[1].kind",
    "history[0].decided_at_ms",
}
"""Of the wrong type they mean what they mean without a value."""

NAMES: Final = {
    "request.action",
    "request.refund_kind",
    "order.currency",
    "order.order_status",
    "order.presale_stage",
    "buyer.quality[0].value",
    "buyer.quality[1].value",
    "buyer.limits[0].kind",
    "shop.standing",
    "breaker",
    "history[1].state",
    "history[2].state",
}
"""Texts from a closed list: any other is unknown."""

LISTS: Final = (
    "buyer.quality",
    "buyer.limits",
    "catalog.excluded",
    "history",
    "order.lines",
    "request.lines",
)
"""Lists whose order says nothing, and whose entries may be repeated."""


def paths(value: Json, path: str = "") -> Iterator[str]:
    """Yield the path of every member, containers before what they hold."""
    if path:
        yield path
    if (
        path == "policy"
    ):  # its keys are not facts; tests/families/fast_refund/test_policy.py
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, f"{path}.{key}" if path else key)
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from paths(item, f"{path}[{place}]")


PATHS: Final = [*paths(BASE), "history[0].reason_codes"]
READ: Final = [path for path in PATHS if path not in RECORDED_ONLY]
NEEDED: Final = [path for path in READ if path not in NONE_IS_AN_ANSWER]
ELEMENTS: Final = [path for path in PATHS if path.endswith("]")]
"""Entries of lists: without one the list is another list, and nothing is missing."""


def value_at(path: str) -> Json:
    owner: Any = BASE
    for step in path.replace("[", ".").replace("]", "").split("."):
        owner = owner[int(step)] if step.isdigit() else owner.get(step)
    return owner


def with_value(path: str, value: object) -> dict[str, Any]:
    line = copy.deepcopy(BASE)
    put(line, path, value)
    return line


def without(*gone: str) -> dict[str, Any]:
    line = copy.deepcopy(BASE)
    for path in gone:
        put(line, path, "@gone@")
    return dict(_pruned(line))


def _pruned(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if item != "@gone@"}
    if isinstance(value, list):
        return [_pruned(item) for item in value if item != "@gone@"]
    return value


def answer(line: dict[str, Any] | bytes) -> dict[str, Any]:
    raw = line if isinstance(line, bytes) else json.dumps(line).encode()
    (found,) = decide_lines([raw], SHIPPED)
    return dict(json.loads(found))


def approved(line: dict[str, Any] | bytes) -> bool:
    return bool(answer(line).get("outcome") == "auto_approve")


def test_the_base_is_approved() -> None:
    assert approved(BASE)


def test_the_lists_of_this_test_name_facts_of_the_base() -> None:
    assert (RECORDED_ONLY | set(NONE_IS_AN_ANSWER) | ANOTHER_IS_AN_ANSWER) <= set(PATHS)


@pytest.mark.parametrize("path", NEEDED)
def test_a_fact_that_is_missing_or_null_is_never_approved(path: str) -> None:
    if path not in ELEMENTS:
        assert not approved(without(path))
    assert not approved(with_value(path, None))


@pytest.mark.parametrize("path", sorted(NONE_IS_AN_ANSWER))
def test_a_fact_whose_absence_is_an_answer_is_approved_without(path: str) -> None:
    assert approved(without(path))
    assert approved(with_value(path, None))


@pytest.mark.parametrize("path", sorted(RECORDED_ONLY - {"history[0].reason_codes"}))
def test_a_fact_that_is_only_recorded_changes_nothing(path: str) -> None:
    assert approved(with_value(path, {"any": ["thing"]}))
    assert approved(without(path))


SPOILT: Final[tuple[object, ...]] = (
    *(True, False, 1.5, 0, "x", "", [], [1], {}, {"a": 1}, -(10**30), 2**63, 2**64),
)


def wrong(path: str, value: object) -> bool:
    """Whether a value has another JSON type than the base has there."""
    was = value_at(path)
    if was is None and path == "breaker":
        return True
    if was is None:  # nothing there in the base: anything but an integer is wrong
        return type(value) is not int
    return type(value) is not type(was)


@pytest.mark.parametrize(
    "path", [path for path in READ if path not in ANOTHER_IS_AN_ANSWER]
)
def test_a_fact_of_the_wrong_type_is_never_approved(path: str) -> None:
    for value in SPOILT:
        if wrong(path, value):
            assert not approved(with_value(path, value)), value


@pytest.mark.parametrize("path", sorted(NAMES))
def test_a_name_outside_its_closed_list_is_never_approved(path: str) -> None:
    for name in ("x", "Paid", "quality ", "\u200bgood"):
        assert not approved(with_value(path, name))


# --- the same in every mixture, in the bytes of the line -----------------------------

CUT: Final = '"cut \\ud83d"'
NO_UTF8: Final = '"\xff"'
TOO_LONG: Final = "9" * 4_301
TEXTS: Final = {"request.reason", "request.event_id", "name"}
"""Texts that nobody reads, wherever they are cut."""


def raw(line: dict[str, Any], texts: dict[str, str]) -> bytes:
    """Encode a line with JSON text put at some paths, one character a byte."""
    line = copy.deepcopy(line)
    for place, path in enumerate(texts):
        put(line, path, f"@{place}@")
    value = json.dumps(line).encode()
    for place, text in enumerate(texts.values()):
        value = value.replace(b'"@%d@"' % place, text.encode("latin-1"))
    return value


@pytest.mark.clause("E-34")
@pytest.mark.parametrize("path", [path for path in PATHS if path not in TEXTS])
def test_a_text_that_is_cut_is_never_taken_for_a_fact(path: str) -> None:
    """E-34."""
    found = approved(raw(BASE, {path: CUT}))
    assert found is (path in RECORDED_ONLY | ANOTHER_IS_AN_ANSWER) or (
        path == "history[0].reason_codes" and not found
    )


@pytest.mark.parametrize("path", sorted(TEXTS))
def test_a_cut_text_that_nobody_reads_costs_nobody_the_decision(path: str) -> None:
    """E-34."""
    assert approved(raw(BASE, {path: CUT}))


@pytest.mark.parametrize("text", [NO_UTF8, TOO_LONG], ids=["no UTF-8", "too long"])
@pytest.mark.parametrize("path", PATHS)
def test_what_cannot_be_read_is_a_dead_letter_wherever_it_stands(
    path: str, text: str
) -> None:
    """E-34, E-35: also where nobody reads it."""
    assert set(answer(raw(BASE, {path: text}))) == {"name", "dead_letter"}


UNKNOWN: Final = st.one_of(
    st.just("null"),
    st.sampled_from([CUT, NO_UTF8, TOO_LONG, "1e999", "-" + "9" * 4_300]),
    st.sampled_from([json.dumps(value) for value in SPOILT]),
)


def is_unknown(path: str, text: str) -> bool:
    """Whether nobody can know from a text what the fact at a path is."""
    if text in (NO_UTF8, TOO_LONG):
        return True
    if path in RECORDED_ONLY | TEXTS | ANOTHER_IS_AN_ANSWER:
        return False
    if text == "null":
        return path in NEEDED
    if text == '"x"' and path in NAMES:
        return True
    return text == CUT or wrong(path, json.loads(text))


MUTED: Final = {
    "history[0].outcome": ("history[0].refund_fen",),
    "history[0].decided_at_ms": ("history[0].refund_fen",),
    "history[1].order_id": ("history[1].state",),
    "history[2].refund_id": ("history[2].order_id",),
    "buyer.limits[0].from_ms": ("buyer.limits[0].until_ms",),
    "shop.shop_id": ("shop.enabled", "shop.standing"),
}
"""Facts that can be changed so that another is not read any more."""


@st.composite
def spoilt_lines(draw: st.DrawFn) -> tuple[bytes, bool]:
    """Draw a line with some facts spoilt, lists turned, and entries repeated.

    And whether something in it is unknown where a condition or a veto reads.
    """
    line = copy.deepcopy(BASE)
    leaves = [path for path in PATHS if not isinstance(value_at(path), (dict, list))]
    texts = draw(st.dictionaries(st.sampled_from(leaves), UNKNOWN, max_size=3))
    gone = draw(st.sets(st.sampled_from(leaves), max_size=2)) - set(texts)
    muted = {other for path in (*texts, *gone) for other in MUTED.get(path, ())}
    texts = {path: text for path, text in texts.items() if path not in muted}
    gone = {path for path in gone if path not in muted and path not in ELEMENTS}
    unknown = any(is_unknown(path, text) for path, text in texts.items())
    unknown = unknown or any(path in NEEDED for path in gone)
    for place, path in enumerate(texts):
        put(line, path, f"@{place}@")
    for path in gone:
        put(line, path, "@gone@")
    line = turned(_pruned(line), draw(st.randoms(use_true_random=False)))
    value = json.dumps(line).encode()
    for place, text in enumerate(texts.values()):
        value = value.replace(b'"@%d@"' % place, text.encode("latin-1"))
    return value, unknown


def turned(line: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Put lists into another order, and repeat some of their entries."""
    for path in LISTS:
        member, _, name = path.partition(".")
        owner: Any = line.get(member) if name else line
        entries = owner.get(name or member) if isinstance(owner, dict) else None
        if isinstance(entries, list) and entries:
            entries += chance.choices(entries, k=chance.randint(0, 2))
            chance.shuffle(entries)
    return line


@settings(max_examples=300)
@given(spoilt_lines())
def test_nothing_unknown_that_a_condition_or_veto_reads_is_ever_approved(
    case: tuple[bytes, bool],
) -> None:
    value, unknown = case
    found = answer(value)
    assert found.keys() & {"dead_letter", "disposition"}
    if unknown:
        assert found.get("outcome") != "auto_approve"


@given(st.randoms(use_true_random=False))
def test_turned_lists_and_repeated_entries_say_the_same(chance: random.Random) -> None:
    line = turned(copy.deepcopy(BASE), chance)
    line["order"]["lines"] = BASE["order"]["lines"]
    line["request"]["lines"] = BASE["request"]["lines"]
    assert answer(line) == answer(BASE)


EDGES: Final = tuple(
    edge + step
    for edge in (1, 30_000, 2**53, 2**63, 2**64, 10**4_299, 10**4_300 - 2)
    for step in (-1, 0, 1)
)


@pytest.mark.clause("E-35")
@settings(max_examples=300)
@given(st.sampled_from(EDGES), st.sampled_from(EDGES), st.sampled_from(EDGES))
def test_amounts_of_any_size_are_compared_exactly(
    asked_fen: int, left_fen: int, paid_fen: int
) -> None:
    """E-27, E-35: no integer ever becomes another one."""
    line = line_of({"title": "amounts"})
    line["request"]["refund_fen"] = asked_fen
    line["order"] |= {"refundable_left_fen": left_fen, "paid_fen": paid_fen}
    expected = 0 < asked_fen <= left_fen and 0 < paid_fen < SHIPPED.paid_limit_fen
    assert approved(line) is expected


@settings(max_examples=500)
@given(st.sampled_from(PATHS), ANY_JSON)
def test_any_json_in_any_fact_is_answered_and_never_approved_by_mistake(
    path: str, value: object
) -> None:
    text = json.dumps(with_value(path, value)).replace("Infinity", "1e999").encode()
    found = answer(text)
    assert found.keys() & {"dead_letter", "disposition"}
    if (
        path in READ
        and path not in ANOTHER_IS_AN_ANSWER
        and value is not None
        and wrong(path, value)
    ):
        assert found.get("outcome") != "auto_approve"


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(PATHS), ANY_JSON, max_size=5))
def test_any_json_in_many_facts_is_answered(values: dict[str, Any]) -> None:
    line = copy.deepcopy(BASE)
    for path, value in values.items():
        try:
            put(line, path, value)
        except (KeyError, IndexError, TypeError):
            continue
    assert answer(line).keys() & {"dead_letter", "disposition"}
