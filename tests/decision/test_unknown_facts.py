"""Nothing unknown is approved: every fact of the base, taken away or spoilt."""

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.tools.decide import decide_lines
from tests.decision.cases import SHIPPED, Json, line_of, put
from tests.decision.odd_json import ANY_JSON

BASE: Final[dict[str, Any]] = line_of({"title": "base"})

RECORDED_ONLY: Final = {
    "name",
    "policy",
    "shop.as_of_ms",
    "order.order_version",
    "order.ordered_at_ms",
    "order.freight_fen",
    "order.coupon_shop_fen",
    "order.coupon_platform_fen",
    "order.subsidy_fen",
    "order.lines[0].is_gift",
    # Read by options only, which are off (section 3).
    "order.paid_at_ms",
    "order.waybill_printed_at_ms",
    "order.waybill_entered_at_ms",
    "order.picked_up_at_ms",
    "order.shipped_at_ms",
}
"""No rule reads them, so nothing in them keeps an order from approval."""

NONE_IS_AN_ANSWER: Final = {
    "history": "no earlier request",
    "breaker": "closed",
    "shop": "no row = covered (FR-1.2a)",
    "shop.shop_id": "the row of nobody is no row (E-12)",
    "shop.enabled": "on unless the operator says otherwise (R-09)",
    "shop.standing": "good (E-22)",
    "buyer.limits": "no limit",
    "request.event_id": "E-10",
    "request.reason": "E-10",
    "request.expire_at_ms": "E-10",
    "request.buyer_id": "taken from the snapshot (E-12)",
    "request.shop_id": "taken from the snapshot (E-12)",
    "order.buyer_id": "the request names it (E-12)",
    "order.shop_id": "the request names it (E-12)",
    "order.total_changed_at_ms": "never changed",
    "order.pay_type": "E-6",
    "order.presale_stage": "E-6",
    "order.delivery_block": "E-6",
    "order.risk_code": "E-6",
    "order.order_type": "E-6",
    "order.lines[0].sku_id": "no rule says that a line without one is unknown",
}
"""Facts that mean something when they are missing or null, and why."""

ANOTHER_IS_NO_ROW: Final = {"shop.shop_id", "order.lines[0].sku_id"}
"""Of the wrong type they are merely other ids (E-12)."""


def paths(value: Json, path: str = "") -> Iterator[str]:
    """Yield the path of every member, containers before what they hold."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, item in value.items():
            yield from paths(item, f"{path}.{key}" if path else key)
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from paths(item, f"{path}[{place}]")


PATHS: Final = list(paths(BASE))
READ: Final = [path for path in PATHS if path not in RECORDED_ONLY]
NEEDED: Final = [path for path in READ if path not in NONE_IS_AN_ANSWER]


def value_at(path: str) -> Json:
    owner: Any = BASE
    for step in path.replace("[", ".").replace("]", "").split("."):
        owner = owner[int(step)] if step.isdigit() else owner[step]
    return owner


def with_value(path: str, value: object) -> dict[str, Any]:
    line = copy.deepcopy(BASE)
    put(line, path, value)
    return line


def without(path: str) -> dict[str, Any]:
    line = with_value(path, "@gone@")
    return dict(_pruned(line))


def _pruned(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _pruned(item) for key, item in value.items() if item != "@gone@"}
    if isinstance(value, list):
        return [_pruned(item) for item in value if item != "@gone@"]
    return value


def approved(line: dict[str, Any]) -> bool:
    (found,) = decide_lines([json.dumps(line).encode()], SHIPPED)
    return bool(json.loads(found).get("outcome") == "auto_approve")


def test_the_base_is_approved() -> None:
    assert approved(BASE)


def test_the_lists_of_this_test_name_facts_of_the_base() -> None:
    assert (RECORDED_ONLY | set(NONE_IS_AN_ANSWER) | ANOTHER_IS_NO_ROW) <= set(PATHS)


@pytest.mark.parametrize("path", NEEDED)
def test_a_fact_that_is_missing_or_null_is_never_approved(path: str) -> None:
    if "category_path[" not in path:  # a shorter path is a path
        assert not approved(without(path))
    assert not approved(with_value(path, None))


@pytest.mark.parametrize("path", sorted(NONE_IS_AN_ANSWER))
def test_a_fact_whose_absence_is_an_answer_is_approved_without(path: str) -> None:
    assert approved(without(path))
    assert approved(with_value(path, None))


@pytest.mark.parametrize("path", sorted(RECORDED_ONLY))
def test_a_fact_that_is_only_recorded_changes_nothing(path: str) -> None:
    if path != "policy":
        assert approved(with_value(path, {"any": ["thing"]}))
    assert approved(without(path))


SPOILT: Final[tuple[object, ...]] = (True, 1.5, "x", [], [1], {}, {"a": 1}, -(10**30))


def wrong(path: str, value: object) -> bool:
    """Whether a value has another JSON type than the base has there."""
    was = value_at(path)
    if was is None:  # nothing there in the base: anything but an integer is wrong
        return type(value) is not int
    if value == [] and isinstance(was, dict) and not was:
        return False
    return type(value) is not type(was)


@pytest.mark.parametrize(
    "path", [path for path in READ if path not in ANOTHER_IS_NO_ROW]
)
def test_a_fact_of_the_wrong_type_is_never_approved(path: str) -> None:
    for value in SPOILT:
        if wrong(path, value):
            assert not approved(with_value(path, value)), value


@settings(max_examples=500)
@given(st.sampled_from(PATHS), ANY_JSON)
def test_any_json_in_any_fact_is_answered_and_never_approved_by_mistake(
    path: str, value: object
) -> None:
    raw = json.dumps(with_value(path, value)).replace("Infinity", "1e999").encode()
    (answer,) = decide_lines([raw], SHIPPED)
    found = json.loads(answer)
    assert found.keys() & {"dead_letter", "disposition"}
    if (
        path in READ
        and path not in ANOTHER_IS_NO_ROW
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
    (answer,) = decide_lines([json.dumps(line).encode()], SHIPPED)
    assert json.loads(answer).keys() & {"dead_letter", "disposition"}
