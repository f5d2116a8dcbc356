"""The fast path writes what the full path writes, or nothing."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.families.fast_refund import fast_rules as plain_module
from streams.families.fast_refund import rules
from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.decision_codec import encode_decision
from streams.families.fast_refund.fast_record import Written
from streams.families.fast_refund.fast_rules import (
    FAR,
    FastRules,
    Moment,
    PolicyConstants,
    fast_rules_at,
    usable,
)
from streams.families.fast_refund.freshness import fresh
from streams.families.fast_refund.model import (
    NO_GOODS,
    Buyer,
    Catalog,
    Facts,
    Goods,
    Limit,
    Order,
    Quality,
    RareFields,
    Request,
    Shop,
)
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.seen import see
from tests.families.fast_refund.base import (
    BUYER,
    NOW,
    ORDER,
    REQUEST,
    SHIPPED,
    SHOP,
    T,
    policy,
)
from tests.mutants import without_a_condition

CATALOG: Final = Catalog(
    {
        "category:virtual": ("virtual",),
        "category:custom": ("custom",),
        "category:wine": ("excluded",),
        "sku:k-no": ("excluded",),
    },
    NOW,
    {"virtual", "custom", "wine", "k-no"},
)
MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
SKEW_MS: Final = SHIPPED.future_skew_ms


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Everything both ways are given."""

    request: Request = REQUEST
    order: Order = ORDER
    buyer: Buyer = BUYER
    shop: Shop | None = SHOP
    catalog: Catalog | None = CATALOG
    lists_ms: int | None = NOW
    orders_ms: int | None = None
    buyers_ms: int | None = None
    policy: Policy = SHIPPED
    pause: object = None


def short(case: Case) -> Written | None:
    if not usable(case.policy):
        return None
    moment = Moment(
        NOW, case.catalog, case.lists_ms, case.orders_ms, case.buyers_ms, case.pause
    )
    plain = plain_module.fast_rules_at(PolicyConstants(case.policy), moment)
    if plain is None:
        return None
    approval = plain.approve(case.request, case.order, case.buyer, case.shop)
    if approval is None:
        return None
    written = approval.written_with(plain.text)
    assert approval.written() == written  # as it is written again for a repetition
    return written


def long(case: Case) -> Written:
    facts = Facts(
        case.order,
        fresh(case.order.as_of_ms, case.orders_ms),
        case.buyer,
        fresh(case.buyer.as_of_ms, case.buyers_ms),
        case.shop,
        case.catalog,
        case.lists_ms,
        pause=case.pause,
    )
    seen = see(case.request, facts, case.policy, NOW)
    decision = decide(case.request, seen, case.policy, NOW)
    return decision.decision_id, encode_decision(decision)


def agree(case: Case) -> None:
    """Hold the fast path against the long one."""
    found = short(case)
    assert found is None or found == long(case)


def changed(changes: Mapping[str, Any]) -> Case:
    """Change fields by their path, such as ``order.paid_fen`` or ``order.goods.skus``."""
    case = Case()
    for path, value in changes.items():
        case = _with(case, path.split("."), value)
    return case


def _with(owner: Any, path: list[str], value: object) -> Any:  # noqa: ANN401 - any struct
    name, *rest = path
    part = getattr(owner, name)
    if rest and part is None:  # another change took it away
        return owner
    found = _with(part, rest, value) if rest else value
    return msgspec.structs.replace(owner, **{name: found})


STILL_PLAIN: Final[tuple[tuple[str, object], ...]] = (
    ("request.action", "edit"),
    ("request.refund_version", 0),
    ("request.refund_version", FAR - 1),
    ("request.refund_fen", 1),
    ("request.requested_at_ms", NOW + SKEW_MS),
    ("request.lines", ()),
    ("request.expire_at_ms", None),
    ("request.reason", "\\"),
    ("order.paid_fen", 29_999),
    ("order.paid_at_ms", None),
    ("order.paid_at_ms", 0),
    ("order.pay_type", None),
    ("order.pay_type", 0),
    ("order.order_version", 0),
    ("order.order_version", FAR - 1),
    ("order.as_of_ms", NOW - MINUTE_MS),
    ("order.as_of_ms", NOW + SKEW_MS),
    ("order.goods.quantities", (3,)),
    ("order.goods.skus", ('款式 1 \n"',)),
    ("order.goods.paths", (("服装", 'a"b\\'),)),
    (
        "order.goods",
        Goods(("a", "b"), (("x",), ("y", "z")), (1, 2), (0, 0), (False, False)),
    ),
    ("buyer.as_of_ms", NOW - DAY_MS),
    ("buyer.as_of_ms", NOW + SKEW_MS),
    ("buyer.quality", (Quality(1, "ordinary"), Quality(T, "quality"))),
    ("buyer.quality", (Quality(1, "revoked_abuse"), Quality(1, "quality"))),
    ("buyer.quality", tuple(Quality(at, "quality") for at in (3, 1, 2, 3))),
    ("shop", None),
    ("shop.enabled", None),
    ("shop.standing", None),
    ("shop.standing", "watch"),
    ("shop.as_of_ms", None),
    ("shop.as_of_ms", "odd"),
    ("lists_ms", NOW - MINUTE_MS),
    ("lists_ms", NOW + SKEW_MS),
    ("catalog.as_of_ms", NOW - DAY_MS),
    ("catalog.as_of_ms", NOW + SKEW_MS),
    ("orders_ms", NOW - 5),
    ("orders_ms", NOW + 5),
    ("buyers_ms", NOW + 5),
    ("policy", policy(quality_pin="decided_at")),
    ("policy", policy(whole_order_only=True)),
    ("policy", policy(one_auto_approval_per_order=True)),
)
"""Each by itself leaves the request plain: every bound from within."""

UNUSUAL: Final[tuple[tuple[str, object], ...]] = (
    *(("request." + name, None) for name in (
        "refund_version", "action", "order_id", "buyer_id", "shop_id", "refund_kind",
        "special_refund_type", "refund_fen", "requested_at_ms",
    )),
    *(("request." + name, "") for name in ("order_id", "buyer_id", "shop_id")),
    *(("request." + name, "other") for name in ("buyer_id", "shop_id", "action")),
    *(("request." + name, 'odd"\\\n') for name in ("refund_id", "buyer_id", "shop_id")),
    ("request.action", "withdraw"),
    ("request.refund_kind", "exchange"),
    ("request.special_refund_type", 1),
    ("request.special_refund_type", 7),
    ("request.refund_version", -1),
    ("request.refund_version", FAR),
    ("request.refund_fen", 0),
    ("request.refund_fen", -1),
    ("request.refund_fen", 19_901),
    ("request.requested_at_ms", -1),
    ("request.requested_at_ms", NOW + SKEW_MS + 1),
    ("request.requested_at_ms", T - 2_000_000),
    ("request.faults", ("reason",)),
    ("request.unavailable", ("order_status",)),
    ("request.unavailable", ("weather",)),
    ("request.lines", ("k-1",)),
    *((f"order.{name}", value) for name in (
        "order_status", "paid_fen", "refundable_left_fen", "order_version", "as_of_ms",
        "currency", "buyer_id", "shop_id", "pay_type", "paid_at_ms",
        *(f"rare_fields.{field}" for field in RareFields.__struct_fields__),
    ) for value in (True, False, 1.0, "odd", 3, -1, FAR, 10**40)),
    *((f"order.{name}", None) for name in (
        "order_status", "paid_fen", "refundable_left_fen", "order_version", "as_of_ms",
        "currency", "buyer_id", "shop_id",
    )),
    ("order.order_status", "shipped"),
    ("order.rare_fields.back_end_status", "paid"),
    ("order.rare_fields.back_end_status", "shipped"),
    ("order.paid_fen", 30_000),
    ("order.paid_fen", 0),
    ("order.refundable_left_fen", 19_899),
    ("order.refundable_left_fen", 19_901),
    ("order.pay_type", 88),
    ("order.as_of_ms", NOW - MINUTE_MS - 1),
    ("order.as_of_ms", NOW + SKEW_MS + 1),
    ("order.rare_fields.total_changed_at_ms", T + 1),
    ("order.rare_fields.total_changed_at_ms", T - 1),
    ("order.goods", NO_GOODS),
    *((f"order.goods.{name}", (value,)) for name in (
        "quantities", "shipped_counts", "customs", "paths",
    ) for value in (None, True, False, 0, 1, -1, 0.0, 1.0, "0", 10**40, (), (1,), ("custom",))),
    ("order.goods.paths", (("virtual", "codes"),)),
    ("order.goods.paths", (("food", "wine"),)),
    ("order.goods.skus", ("k-no",)),
    *(("order.goods.skus", (sku,)) for sku in (
        None, "", 5, 1.0, True, ["k-1"], ["k-no"], {"unreadable": "k-no"},
    )),
    (
        "order.goods",
        Goods(("a", None), (("x",), ("y",)), (1, 1), (0, 0), (False, False)),
    ),
    ("buyer.quality", ()),
    ("buyer.quality", (Quality(1, "ordinary"),)),
    ("buyer.quality", (Quality(1, None),)),
    ("buyer.quality", (Quality(None, "quality"),)),
    ("buyer.quality", (Quality(value="quality", from_ms=True),)),
    ("buyer.quality", (Quality(T + 1, "quality"),)),
    ("buyer.quality", (Quality(NOW + 1, "quality"),)),
    ("buyer.quality", (Quality(1, "quality"), Quality(T + 1, "revoked_abuse"))),
    ("buyer.limits", (Limit("limited", 1, 2),)),
    ("buyer.limits", (Limit("cancelled", 1),)),
    ("buyer.limits", None),
    *(("buyer.quality", entries) for entries in (
        (Quality(T + 1, "revoked_abuse"), Quality(1, "quality")),
        (Quality(9, "revoked_abuse"), Quality(1, "quality")),
        (Quality(NOW + 1, "ordinary"), Quality(1, "quality")),
        (Quality(9, "quality"), Quality(1, "ordinary"), Quality(5, "quality")),
        (Quality(9, "ordinary"), Quality(1, "ordinary"), Quality(5, "quality")),
        (Quality(None, "ordinary"), Quality(1, "quality")),
        (Quality("1", "ordinary"), Quality(1, "quality")),
        (Quality(value="ordinary", from_ms=True), Quality(1, "quality")),
        (Quality(1.0, "ordinary"), Quality(1, "quality")),
        (Quality(1, None), Quality(2, "quality")),
        (Quality(1, "vip"), Quality(2, "quality")),
        (Quality(1, ["quality"]), Quality(2, "quality")),
        (Quality(5, "quality"), Quality(5, "ordinary")),
    )),
    *(("buyer.buyer_id", value) for value in (None, "", 5, {"unreadable": "b-1"})),
    ("buyer.buyer_id", "b-1"),
    *(("buyer.as_of_ms", value) for value in (None, True, 1.0, "odd", NOW - DAY_MS - 1)),
    ("buyer.as_of_ms", NOW + SKEW_MS + 1),
    *(("shop.enabled", value) for value in (False, 1, "on")),
    *(("shop.standing", value) for value in ("restricted", "excluded", "odd", 1, True)),
    ("shop.shop_id", "other"),
    *(("shop.shop_id", value) for value in (None, "", 5, {"unreadable": "s-1"})),
    ("catalog", None),
    ("catalog.names", None),
    ("catalog.articles", set[str]()),
    ("catalog.articles", {"sku:k-no"}),
    *(("catalog.as_of_ms", value) for value in (None, True, 1.0, NOW - DAY_MS - 1)),
    ("catalog.as_of_ms", NOW + SKEW_MS + 1),
    ("lists_ms", None),
    ("lists_ms", NOW - MINUTE_MS - 1),
    ("lists_ms", NOW + SKEW_MS + 1),
    ("orders_ms", NOW + SKEW_MS + 1),
    ("buyers_ms", NOW + SKEW_MS + 1),
    ("policy", policy(service_paused=True)),
    ("pause", NOW),
    ("pause", 0),
    ("pause", "unreadable"),
    ("policy", policy(waybill_soft_veto=True)),
    ("policy", policy(payment_age_max_ms=1)),
    ("policy", policy(buyer_amount_quota_fen=1, buyer_amount_window_ms=1)),
    ("policy", policy(buyer_count_max=1, buyer_count_window_ms=1)),
    ("policy", policy(breaker_shop_max_count=1, breaker_window_ms=1)),
    ("policy", policy(paid_limit_fen=19_900)),
    ("policy", policy(paid_limit_fen=19_901)),
    ("policy", policy(excluded_roots=("clothing",))),
    ("policy", policy(in_scope_kinds=("exchange",))),
    ("policy", policy(standing_gate_min_level="watch")),
    ("policy", policy(future_skew_ms=0)),
    ("policy", policy(order_status_max_age_ms=0)),
    ("policy", policy(paid_amount_max_age_ms=0)),
    ("policy", policy(version=7)),
)  # fmt: skip
"""Each may speak against an approval, or make the record look different."""


def shown(change: tuple[str, object]) -> str:
    return f"{change[0]}={change[1]!r}"[:60]


def test_a_plain_request_is_approved_in_the_very_bytes_of_the_full_path() -> None:
    found = short(Case())
    assert found is not None
    assert found == long(Case())
    assert b'"outcome":"auto_approve"' in found[1]


@pytest.mark.parametrize("change", STILL_PLAIN, ids=shown)
def test_every_bound_is_plain_from_within(change: tuple[str, object]) -> None:
    case = changed(dict([change]))
    found = short(case)
    assert found is not None
    assert found == long(case)


@pytest.mark.clause("E-31")
@pytest.mark.parametrize("change", UNUSUAL, ids=shown)
def test_what_is_unusual_is_left_to_the_full_path_or_written_the_same(
    change: tuple[str, object],
) -> None:
    agree(changed(dict([change])))


MUST_BE_ASKED_AT_LENGTH: Final = (
    ("order.goods.skus", (None,)),
    ("buyer.limits", None),
    ("buyer.quality", (Quality(T, "revoked_abuse"), Quality(1, "quality"))),
    ("buyer.quality", (Quality(None, "ordinary"), Quality(1, "quality"))),
    ("shop.shop_id", None),
    ("shop.enabled", False),
)


@pytest.mark.clause("E-29")
@pytest.mark.parametrize("change", MUST_BE_ASKED_AT_LENGTH, ids=shown)
def test_what_the_rulings_send_to_a_person_is_no_plain_request(
    change: tuple[str, object],
) -> None:
    """E-29 to E-32: here and in the rules, each for itself."""
    case = changed(dict([change]))
    assert short(case) is None
    assert b'"outcome":"manual_review"' in long(case)[1]


@settings(max_examples=1_000)
@given(
    st.lists(
        st.one_of(st.sampled_from(STILL_PLAIN), st.sampled_from(UNUSUAL)), max_size=4
    )
)
def test_no_mixture_makes_the_two_ways_differ(
    changes: list[tuple[str, object]],
) -> None:
    agree(changed(dict(changes)))


@given(st.lists(st.sampled_from(STILL_PLAIN), max_size=6))
def test_plain_in_many_ways_is_written_the_same(
    changes: list[tuple[str, object]],
) -> None:
    agree(changed(dict(changes)))


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1), st.text())
def test_any_text_is_written_the_same(
    refund_id: str, order_id: str, buyer_id: str, sku: str
) -> None:
    """Ids are written without a look at each character, or not at all."""
    try:
        f"{refund_id}{order_id}{buyer_id}{sku}".encode()
    except UnicodeEncodeError:
        return  # no JSON text holds half a surrogate pair
    ids = {
        "request.refund_id": refund_id,
        "request.order_id": order_id,
        "order.order_id": order_id,
        "request.buyer_id": buyer_id,
        "order.buyer_id": buyer_id,
        "buyer.buyer_id": buyer_id,
        "order.goods.skus": (sku,),
    }
    agree(changed(ids))


OPTIONS: Final[tuple[Mapping[str, object], ...]] = (
    {"buyer_count_max": 1, "buyer_count_window_ms": 1},
    {"buyer_amount_quota_fen": 1, "buyer_amount_window_ms": 1},
    {"breaker_global_max_count": 1, "breaker_window_ms": 1},
    {"payment_age_min_ms": 1},
    {"waybill_soft_veto": True},
    {"service_paused": True},
    {"paid_limit_fen": FAR + 1},
)
"""Each asks for more than a plain request shows."""


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_policy_that_asks_for_more_has_no_fast_path(
    options: Mapping[str, object],
) -> None:
    assert usable(SHIPPED)
    assert not usable(policy(**options))


MIXED: Final[tuple[Mapping[str, object], ...]] = (
    {"order.order_id": "o-2"},
    {"request.order_id": "", "order.order_id": ""},
    {"request.buyer_id": "", "order.buyer_id": "", "buyer.buyer_id": ""},
    {"request.shop_id": "", "order.shop_id": "", "shop.shop_id": ""},
    {"request.refund_fen": 1, "policy": policy(whole_order_only=True)},
    {
        "request.requested_at_ms": NOW + 500,
        "buyer.quality": (Quality(NOW + 200, "quality"),),
    },
    *({"request.refund_id": odd} for odd in ('a"b', "a\\b", "a\nb")),
    {"order.goods": Goods(("a",), (("x",), ("y",)), (1,), (0,), (False,))},
)
"""What speaks against an approval only by two things together, or by one of several."""


@pytest.mark.parametrize("changes", MIXED, ids=str)
def test_what_is_unusual_in_two_ways_is_left_to_the_full_path(
    changes: Mapping[str, object],
) -> None:
    agree(changed(changes))


WRITTEN_ALIKE: Final = {
    *("0 <= at_ms", "0 <= paid_at_ms", "paid_at_ms < FAR"),
    *("0 <= version", "version < FAR", "not 0 <= version < FAR"),
    *("0 <= order_version", "order_version < FAR", "not 0 <= order_version < FAR"),
    *("0 <= pay_type", "pay_type < FAR", "not 0 <= pay_type < FAR"),
    "not 0 <= paid_at_ms < FAR",
}
"""Bounds of numbers that no rule judges: both ways write what lies beyond them alike
today, and the fast path does not rely on it."""
ELSEWHERE: Final = {"text.row is not shop"}
"""Rows that change between two requests:
:func:`test_a_shop_whose_row_changed_is_looked_at_again`."""


def test_no_condition_of_the_fast_path_can_go_without_a_case_noticing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    singles = [dict([change]) for change in (*STILL_PLAIN, *UNUSUAL)]
    cases = [changed(changes) for changes in (*singles, *MIXED)]
    expected = [long(case) for case in cases]

    def noticed() -> bool:
        for case, written in zip(cases, expected, strict=True):
            try:
                found = short(case)
            except (TypeError, ValueError, AttributeError, LookupError):
                return True
            if found is not None and found != written:
                return True
        return False

    assert not noticed()
    kept = []
    for owner, name in (
        (FastRules, "approve"),
        (PolicyConstants, "_plain"),
        (PolicyConstants, "_shop"),
        (plain_module, "_newest_last"),
        (plain_module, "fast_rules_at"),
    ):
        for condition, without in without_a_condition(getattr(owner, name)):
            with monkeypatch.context() as patched:
                patched.setattr(owner, name, without)
                if not noticed():
                    kept.append(condition.split(" of ")[0])
    assert set(kept) == WRITTEN_ALIKE | ELSEWHERE


def test_no_condition_on_a_policy_can_go_without_an_option_noticing() -> None:
    for condition, without in without_a_condition(usable):
        assert any(without(policy(**options)) for options in OPTIONS), condition


UNUSUAL_CASES: Final[Mapping[str, tuple[str, object]]] = {
    "total_changed_at_ms": ("order.rare_fields.total_changed_at_ms", T + 1),
    "presale_stage": ("order.rare_fields.presale_stage", "deposit_paid"),
    "delivery_block": ("order.rare_fields.delivery_block", 1),
    "risk_code": ("order.rare_fields.risk_code", 1),
    "limits": ("buyer.limits", (Limit("limited", 1),)),
    "listed": ("order.goods.skus", ("k-no",)),
    "unnamed_lines": ("order.goods.skus", (None,)),
    "unavailable": ("request.unavailable", ("weather",)),
    "pause": ("pause", NOW),
}
"""What a case must have for each unusual field of ``seen`` to be there."""

ASKED_BEFORE: Final = {"history", "breaker", "order_vetoed", "expected_partition"}
"""Known by the caller: ``families/fast_refund/fast_path.py`` asks the ledger and the tables before,
and a policy with a breaker has no fast path; tests/families/fast_refund/test_fast_path.py."""


def test_whatever_wakes_a_rule_leaves_no_request_plain() -> None:
    """A field that is added to ``UNUSUAL`` must be thought of in ``plain.py`` first."""
    assert {*UNUSUAL_CASES} | ASKED_BEFORE == set(rules.UNUSUAL)
    for name, change in UNUSUAL_CASES.items():
        case = changed(dict([change]))
        facts = Facts(
            case.order, NOW, case.buyer, NOW, case.shop, case.catalog, NOW,
            pause=case.pause,
        )  # fmt: skip
        seen = see(case.request, facts, case.policy, NOW)
        assert getattr(seen, name) is not None, name
        assert short(case) is None, name


@pytest.mark.parametrize("change", STILL_PLAIN, ids=shown)
def test_nothing_is_plain_while_the_service_is_paused(
    change: tuple[str, object],
) -> None:
    assert short(changed(dict([change, ("pause", NOW)]))) is None


def test_what_was_found_out_of_goods_is_forgotten_when_more_is_listed() -> None:
    known, names = PolicyConstants(SHIPPED), {"virtual"}
    catalog = Catalog({"category:virtual": ("virtual",)}, NOW, names)
    moment = Moment(NOW, catalog, NOW, None, None, None)
    before = fast_rules_at(known, moment)
    assert before is not None
    assert before.approve(REQUEST, ORDER, BUYER, SHOP) is not None
    names.add("shirts")
    after = fast_rules_at(known, moment)
    assert after is not None
    assert after.approve(REQUEST, ORDER, BUYER, SHOP) is None


def test_a_shop_whose_row_changed_is_looked_at_again() -> None:
    known = PolicyConstants(SHIPPED)
    plain = fast_rules_at(known, Moment(NOW, CATALOG, NOW, None, None, None))
    assert plain is not None
    assert plain.approve(REQUEST, ORDER, BUYER, SHOP) is not None
    off = msgspec.structs.replace(SHOP, enabled=False)
    assert plain.approve(REQUEST, ORDER, BUYER, off) is None
    assert plain.approve(REQUEST, ORDER, BUYER, SHOP) is not None


def test_beyond_the_bound_of_memory_answers_are_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.families.fast_refund.fast_rules._MEMO_MAX", 2)
    known = PolicyConstants(SHIPPED)
    known.listed(set())
    for number in range(5):
        goods = msgspec.structs.replace(ORDER.goods, skus=(f"k-{number}",))
        text = known.goods(goods)
        assert text is not None
        assert f'"skus":["k-{number}"]' in text
        shop = known.shop(f"s-{number}", None)
        assert shop is not None
        assert shop.shop_id == f'"s-{number}"'
