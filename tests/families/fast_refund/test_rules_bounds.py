"""Every bound below, at and above; every ruling where a value is odd."""

import msgspec
import pytest
from typing_extensions import override

from streams.families.fast_refund.decide import decide, judge_again
from streams.families.fast_refund.model import (
    Buyer,
    Catalog,
    Decision,
    Facts,
    History,
    Limit,
    Quality,
    Request,
    Seen,
    Shop,
)
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.rules import (
    RULES,
    UNUSUAL,
    active_rules,
    goods,
)
from streams.families.fast_refund.rules.case import case_of
from streams.families.fast_refund.rules.rule import ABSENT
from streams.families.fast_refund.seen import FAILED, see
from tests.families.fast_refund.base import (
    BUYER,
    FACTS,
    NOW,
    ORDER,
    PASSED,
    REQUEST,
    SHIPPED,
    T,
    codes,
    facts,
    judge,
    policy,
    request,
)

DAY = 86_400_000
BIG = 2**80


@pytest.mark.clause("FR-1.4", "FR-Q2")
def test_the_base_case_is_approved_with_one_payout() -> None:
    decision = judge()
    assert list(decision.reason_codes) == PASSED
    assert decision.decision_id == "FR:r-1:1"
    assert decision.payout_key == "pay:r-1"
    assert decision.policy == "FR@1"
    assert decision.review_deadline_ms is None


@pytest.mark.clause("FR-1.4")
def test_a_case_for_a_person_carries_its_deadline_and_no_payout() -> None:
    decision = judge(known=facts({"order_status": "shipped"}))
    assert decision.outcome == "manual_review"
    assert decision.payout_key is None
    assert decision.review_deadline_ms == REQUEST.expire_at_ms


# FR-1.4b


@pytest.mark.clause("FR-1.4b")
@pytest.mark.parametrize(
    ("paid", "expected"),
    [
        (1, PASSED),
        (29_999, PASSED),
        (30_000, ["PAID_AT_OR_OVER_LIMIT"]),
        (30_001, ["PAID_AT_OR_OVER_LIMIT"]),
        (BIG, ["PAID_AT_OR_OVER_LIMIT"]),
        (0, ["PAID_AMOUNT_INVALID"]),
        (-1, ["PAID_AMOUNT_INVALID"]),
        (199.0, ["PAID_AMOUNT_INVALID"]),
        ("199", ["PAID_AMOUNT_INVALID"]),
        (True, ["PAID_AMOUNT_INVALID"]),
        ([1], ["PAID_AMOUNT_INVALID"]),
        (None, ["PAID_AMOUNT_UNKNOWN"]),
    ],
)
def test_an_order_paid_less_than_the_limit_passes(
    paid: object, expected: list[str]
) -> None:
    known = facts({"paid_fen": paid, "refundable_left_fen": BIG})
    assert codes(request(refund_fen=1), known) == expected


def test_an_invalid_amount_can_be_stale_and_a_missing_one_cannot() -> None:
    old = NOW - 60_001
    by = policy(order_status_max_age_ms=DAY)
    assert codes(known=facts({"paid_fen": "x"}, order_as_of_ms=old), by=by) == [
        "PAID_AMOUNT_INVALID",
        "PAID_AMOUNT_STALE",
    ]
    assert codes(known=facts({"paid_fen": None}, order_as_of_ms=old), by=by) == [
        "PAID_AMOUNT_UNKNOWN"
    ]


@pytest.mark.clause("FR-1.7", "lists")
@pytest.mark.parametrize(
    ("key", "fact", "code"),
    [
        ("order_status_max_age_ms", "order_as_of_ms", "ORDER_STATUS_STALE"),
        ("paid_amount_max_age_ms", "order_as_of_ms", "PAID_AMOUNT_STALE"),
        ("quality_max_age_ms", "buyer_as_of_ms", "BUYER_QUALITY_STALE"),
        ("category_max_age_ms", "catalog", "CATEGORY_STALE"),
        ("lists_max_age_ms", "lists_as_of_ms", "LISTS_NOT_READY"),
    ],
)
def test_a_fact_of_exactly_its_limit_is_fresh(key: str, fact: str, code: str) -> None:
    by = policy(**{key: 1_000})
    for age_ms, expected in ((999, PASSED), (1_000, PASSED), (1_001, [code])):
        as_of: object = NOW - age_ms
        known = facts(**{fact: Catalog({}, as_of) if fact == "catalog" else as_of})
        assert codes(known=known, by=by) == expected


ORDER_UNKNOWN = ["ORDER_STATUS_UNKNOWN", "PAID_AMOUNT_UNKNOWN"]


@pytest.mark.clause("E-4")
@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        ("order_as_of_ms", ORDER_UNKNOWN),
        ("buyer_as_of_ms", ["BUYER_QUALITY_UNKNOWN"]),
        ("catalog", ["CATEGORY_UNKNOWN"]),
        ("lists_as_of_ms", ["LISTS_NOT_READY"]),
    ],
)
def test_a_date_nobody_can_use_makes_unknown_what_it_dates(
    fact: str, expected: list[str]
) -> None:
    for as_of, wanted in (
        (NOW + 300_000, PASSED),
        (NOW + 300_001, expected),
        (None, expected),
        ("1", expected),
        (True, expected),
    ):
        known = facts(**{fact: Catalog({}, as_of) if fact == "catalog" else as_of})
        assert codes(known=known) == wanted


@pytest.mark.clause("E-4")
def test_an_undated_order_tells_neither_status_nor_pieces() -> None:
    known = facts(
        {"order_status": "shipped", "shipped_counts": (1,), "paid_fen": 40_000},
        order_as_of_ms=None,
    )
    assert codes(known=known) == ORDER_UNKNOWN


@pytest.mark.clause("FR-1.4b")
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (T - 1, PASSED),
        (T, PASSED),
        (T + 1, ["PAID_AMOUNT_CHANGED"]),
        (NOW, ["PAID_AMOUNT_CHANGED"]),
        (NOW + 1, PASSED),
        ("x", ["PAID_AMOUNT_CHANGED"]),
        (1.0, ["PAID_AMOUNT_CHANGED"]),
        (None, PASSED),
    ],
)
def test_a_total_that_changed_after_the_request(
    changed: object, expected: list[str]
) -> None:
    assert codes(known=facts({"total_changed_at_ms": changed})) == expected


@pytest.mark.clause("E-14")
def test_without_a_request_time_a_changed_total_is_not_evaluated() -> None:
    known = facts({"total_changed_at_ms": NOW})
    assert codes(request(requested_at_ms=None), known) == ["EVENT_TIME_UNKNOWN"]


@pytest.mark.clause("E-27")
@pytest.mark.parametrize("currency", ["USD", "cny", "CNY ", "", None, 1, ["CNY"]])
def test_the_currency_is_compared_byte_for_byte(currency: object) -> None:
    assert codes(known=facts({"currency": currency})) == ["CURRENCY_NOT_CNY"]


@pytest.mark.parametrize(
    ("asked", "left", "passes"),
    [
        (1, 19_900, True),
        (19_900, 19_900, True),
        (19_901, 19_900, False),
        (0, 19_900, False),
        (-1, 19_900, False),
        (None, 19_900, False),
        (1, None, False),
        (1, 1.0, False),
        (1, True, False),
        (BIG, BIG, True),
    ],
)
def test_what_is_asked_must_be_left(
    asked: int | None, left: object, passes: object
) -> None:
    found = codes(request(refund_fen=asked), facts({"refundable_left_fen": left}))
    assert found == (PASSED if passes else ["REFUND_AMOUNT_INVALID"])


@pytest.mark.clause("whole_order_only")
def test_with_whole_order_only_everything_left_must_be_asked() -> None:
    by = policy(whole_order_only=True)
    assert codes(request(refund_fen=19_899), by=by) == ["REFUND_AMOUNT_INVALID"]
    assert codes(request(refund_fen=19_900), by=by) == PASSED


# FR-1.4c


@pytest.mark.clause("FR-1.3c", "FR-1.4c", "E-7", "E-9")
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("shipped", "ORDER_SHIPPED"),
        ("signed", "ORDER_SHIPPED"),
        ("success", "ORDER_SHIPPED"),
        ("awaiting_payment", "ORDER_STATUS_OTHER"),
        ("failed", "ORDER_STATUS_OTHER"),
        ("unknown", "ORDER_STATUS_UNKNOWN"),
        (None, "ORDER_STATUS_UNKNOWN"),
        (30, "ORDER_STATUS_UNKNOWN"),
        ("PAID", "ORDER_STATUS_UNKNOWN"),
        (["paid"], "ORDER_STATUS_UNKNOWN"),
    ],
)
def test_every_status_but_paid_speaks_alone(status: object, code: str) -> None:
    known = facts(
        {"order_status": status, "shipped_counts": (5,), "quantities": ("x",)}
    )
    assert codes(known=known) == [code]


@pytest.mark.clause("E-2")
def test_a_stale_status_is_still_judged_and_an_unknown_one_is_never_stale() -> None:
    by = policy(paid_amount_max_age_ms=DAY)
    old = NOW - 60_001
    assert codes(
        known=facts({"order_status": "shipped"}, order_as_of_ms=old), by=by
    ) == [
        "ORDER_SHIPPED",
        "ORDER_STATUS_STALE",
    ]
    assert codes(known=facts({"order_status": None}, order_as_of_ms=old), by=by) == [
        "ORDER_STATUS_UNKNOWN"
    ]


@pytest.mark.clause("R-05", "E-8")
@pytest.mark.parametrize(
    ("feed", "back_end", "expected"),
    [
        ("shipped", "paid", ["ORDER_STATUS_CONFLICT"]),
        ("signed", "paid", ["ORDER_STATUS_CONFLICT"]),
        ("awaiting_payment", "paid", ["ORDER_STATUS_CONFLICT"]),
        ("unknown", "paid", PASSED),
        (None, "paid", PASSED),
        (["shipped"], "paid", PASSED),
        ("paid", "paid", PASSED),
        ("paid", "shipped", ["ORDER_SHIPPED"]),
        ("shipped", "failed", ["ORDER_STATUS_OTHER"]),
        ("paid", "unknown", ["ORDER_STATUS_UNKNOWN"]),
        ("paid", 30, ["ORDER_STATUS_UNKNOWN"]),
        ("paid", None, PASSED),
    ],
)
def test_a_back_end_read_is_the_status(
    feed: object, back_end: object, expected: list[str]
) -> None:
    known = facts({"order_status": feed, "back_end_status": back_end})
    assert codes(known=known) == expected


@pytest.mark.clause("FR-1.4c", "E-6")
@pytest.mark.parametrize(
    ("counts", "quantities", "expected"),
    [
        ((0, 0), (1, 3), PASSED),
        ((1, 0), (1, 3), ["ORDER_PARTLY_SHIPPED"]),
        ((0, 2), (1, 3), ["ORDER_PARTLY_SHIPPED"]),
        ((1, 2), (1, 3), ["ORDER_PARTLY_SHIPPED"]),
        ((1, 3), (1, 3), ["ORDER_STATUS_CONFLICT"]),
        ((9, 9), (1, 3), ["ORDER_STATUS_CONFLICT"]),
        ((0, -1), (1, 3), ["ORDER_STATUS_UNKNOWN"]),
        ((0, None), (1, 3), ["ORDER_STATUS_UNKNOWN"]),
        ((0, 0.0), (1, 3), ["ORDER_STATUS_UNKNOWN"]),
        ((0, False), (1, 3), ["ORDER_STATUS_UNKNOWN"]),
        ((1, "0"), (1, 3), ["ORDER_STATUS_UNKNOWN"]),
        ((0, 0), (1, 0), ["ORDER_STATUS_UNKNOWN"]),
        ((0, 0), (1, None), ["ORDER_STATUS_UNKNOWN"]),
        ((0, 0), (1, True), ["ORDER_STATUS_UNKNOWN"]),
    ],
)
def test_pieces_are_counted_while_the_status_is_paid(
    counts: tuple[object, ...], quantities: tuple[object, ...], expected: list[str]
) -> None:
    known = facts(
        {
            "shipped_counts": counts,
            "quantities": quantities,
            "skus": ("k-1", "k-2"),
            "paths": (("a",), ("b",)),
            "customs": (False, False),
        }
    )
    assert codes(known=known) == expected


NO_LINES = {
    "shipped_counts": (),
    "quantities": (),
    "skus": (),
    "paths": (),
    "customs": (),
}


@pytest.mark.clause("E-5")
def test_an_order_without_lines_tells_nothing() -> None:
    assert codes(known=facts(NO_LINES)) == ["ORDER_STATUS_UNKNOWN", "CATEGORY_UNKNOWN"]


@pytest.mark.clause("line_level_unshipped")
@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("k-2",), PASSED),
        (("k-1",), ["ORDER_STATUS_CONFLICT"]),
        (("k-1", "k-2"), ["ORDER_PARTLY_SHIPPED"]),
        (("k-2", "k-9"), ["ORDER_STATUS_UNKNOWN"]),
        (None, ["ORDER_PARTLY_SHIPPED"]),
        ((), ["ORDER_PARTLY_SHIPPED"]),
    ],
)
def test_line_level_unshipped_judges_the_asked_lines_only(
    asked: tuple[str, ...] | None, expected: list[str]
) -> None:
    known = facts(
        {
            "shipped_counts": (1, 0),
            "quantities": (1, 1),
            "skus": ("k-1", "k-2"),
            "paths": (("a",), ("b",)),
            "customs": (False, False),
        }
    )
    by = policy(line_level_unshipped=True)
    assert codes(request(lines=asked), known, by) == expected
    assert codes(request(lines=asked), known) == ["ORDER_PARTLY_SHIPPED"]


@pytest.mark.parametrize("sku", [None, "", 5, ["k-1"], {"unreadable": "k-1"}])
def test_a_line_without_an_article_may_be_one_of_the_asked(sku: object) -> None:
    lines: dict[str, tuple[object, ...]] = {
        "quantities": (1, 1),
        "skus": ("k-1", sku),
        "paths": (("a",), ("b",)),
        "customs": (False, False),
    }
    by, asked = policy(line_level_unshipped=True), request(lines=("k-1",))
    for counts, expected in (((0, 0), PASSED), ((0, 1), ["ORDER_PARTLY_SHIPPED"])):
        assert codes(asked, facts({**lines, "shipped_counts": counts}), by) == expected


def test_many_asked_lines_are_looked_up_once_each() -> None:
    """5,000 asked lines of 5,000: twelve million comparisons, were each looked for anew."""
    compared = 0

    class Sku(str):
        __slots__ = ()

        @override
        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        @override
        def __hash__(self) -> int:
            return str.__hash__(self)

    asked = tuple(Sku(f"k-{number}") for number in range(5_000))
    known = facts(
        {
            "shipped_counts": (0,) * 5_000,
            "quantities": (1,) * 5_000,
            "skus": tuple(f"k-{number}" for number in reversed(range(5_000))),
            "paths": (("a",),) * 5_000,
            "customs": (False,) * 5_000,
        }
    )
    by = policy(line_level_unshipped=True)
    assert codes(request(lines=asked), known, by) == PASSED
    assert compared <= 4 * 5_000


SIGNALS = (
    "waybill_printed_at_ms",
    "waybill_entered_at_ms",
    "picked_up_at_ms",
    "shipped_at_ms",
)


@pytest.mark.clause("FR-1.6", "E-24")
@pytest.mark.parametrize("name", SIGNALS)
def test_a_waybill_or_pick_up_goes_to_a_person_when_the_option_says_so(
    name: str,
) -> None:
    by = policy(waybill_soft_veto=True)
    for at_ms, there in (
        (1, True),
        (NOW + 1, True),
        ("x", True),
        (0, False),
        (-1, False),
        (None, False),
    ):
        decision = judge(known=facts({name: at_ms}))
        assert list(decision.reason_codes) == PASSED
        assert decision.seen is not None
        assert decision.seen.ship_signals == ((name,) if there else None)
        expected = ["SHIP_SIGNAL_PRESENT"] if there else PASSED
        assert codes(known=facts({name: at_ms}), by=by) == expected


@pytest.mark.clause("waybill_soft_veto")
def test_a_signal_matters_only_while_the_status_is_paid() -> None:
    by = policy(waybill_soft_veto=True)
    known = {"picked_up_at_ms": 1, "order_status": "shipped"}
    assert codes(known=facts(known), by=by) == ["ORDER_SHIPPED"]
    back = facts({**known, "back_end_status": "paid"})
    assert codes(known=back, by=by) == ["ORDER_STATUS_CONFLICT", "SHIP_SIGNAL_PRESENT"]
    assert codes(known=facts({"picked_up_at_ms": 1}, order_as_of_ms=None), by=by) == (
        ORDER_UNKNOWN
    )


# FR-1.2b, FR-1.7(2)b


@pytest.mark.clause("FR-1.2b", "R-03", "E-23")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("custom",), ["CATEGORY_CUSTOM"]),
        (("custom", "a", "b", "c"), ["CATEGORY_CUSTOM"]),
        (("virtual", "a"), ["CATEGORY_VIRTUAL"]),
        (("a", "b"), PASSED),
        ((), ["CATEGORY_UNKNOWN"]),
        (None, ["CATEGORY_UNKNOWN"]),
        ("custom", ["CATEGORY_UNKNOWN"]),
        (("custom", 5), ["CATEGORY_UNKNOWN"]),
        ((5, "custom"), ["CATEGORY_UNKNOWN"]),
        ({"a": 1}, ["CATEGORY_UNKNOWN"]),
    ],
)
def test_custom_and_virtual_roots_are_outside(
    path: object, expected: list[str]
) -> None:
    assert codes(known=facts({"paths": (path,)}, catalog=Catalog({}, NOW))) == expected
    without = codes(known=facts({"paths": (path,)}, catalog=None))
    assert without == [
        *[code for code in expected if code not in (*PASSED, "CATEGORY_UNKNOWN")],
        "CATEGORY_UNKNOWN",
    ]


def test_a_code_is_told_once_however_many_lines_say_it() -> None:
    """Else an order of twelve thousand lines takes a second to be judged."""
    lines = 2_000
    known = facts(
        {
            "shipped_counts": (0,) * lines,
            "quantities": (1,) * lines,
            "skus": tuple(f"k-{at}" for at in range(lines)),
            "paths": tuple(
                ((f"c-{at}",), None, ("virtual",))[at % 3] for at in range(lines)
            ),
            "customs": tuple((False, True, None)[at % 3] for at in range(lines)),
        },
        catalog=Catalog({f"category:c-{at}": (at % 2,) for at in range(lines)}, NOW),
    )
    seen = see(REQUEST, known, SHIPPED, NOW)
    case = case_of(REQUEST, seen, SHIPPED, NOW)
    for rule in (goods.category, goods.category_tree, goods.sku):
        found = rule(case, SHIPPED)
        assert len(found) == len(set(found)), rule.__name__


@pytest.mark.clause("FR-1.7(2)b")
@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("custom", "CATEGORY_CUSTOM"),
        ("virtual", "CATEGORY_VIRTUAL"),
        ("excluded", "CATEGORY_EXCLUDED"),
        ("other", "LISTS_NOT_READY"),
        (None, "LISTS_NOT_READY"),
        (5, "LISTS_NOT_READY"),
    ],
)
def test_a_listed_category_excludes_what_is_below_it(kind: object, code: str) -> None:
    table: dict[str, tuple[object, ...]] = {"category:b": (kind,)}
    known = facts({"paths": (("a", "b", "c"),)}, catalog=Catalog(table, NOW))
    assert codes(known=known) == [code]
    old = msgspec.structs.replace(known, catalog=Catalog(table, NOW - DAY - 1))
    assert sorted(codes(known=old)) == sorted([code, "CATEGORY_STALE"])
    undated = msgspec.structs.replace(known, catalog=Catalog(table, None))
    assert codes(known=undated) == ["CATEGORY_UNKNOWN"]


@pytest.mark.clause("FR-1.7(2)b")
@pytest.mark.parametrize("kind", ["custom", "excluded", "other", None])
def test_a_listed_sku_is_excluded_whatever_its_kind(kind: object) -> None:
    known = facts(catalog=Catalog({"sku:k-1": (kind,)}, NOW))
    assert codes(known=known) == ["SKU_EXCLUDED"]


@pytest.mark.clause("E-33")
@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (("custom", "excluded"), ["CATEGORY_CUSTOM", "CATEGORY_EXCLUDED"]),
        (("excluded", "virtual"), ["CATEGORY_VIRTUAL", "CATEGORY_EXCLUDED"]),
        (("custom", "custom"), ["CATEGORY_CUSTOM"]),
        (("odd", "custom"), ["CATEGORY_CUSTOM", "LISTS_NOT_READY"]),
    ],
)
def test_of_a_category_listed_more_than_once_all_entries_count(
    kinds: tuple[object, ...], expected: list[str]
) -> None:
    """E-33."""
    for turned in (kinds, kinds[::-1]):
        catalog = Catalog({"category:shirts": turned}, NOW)
        assert codes(known=facts(catalog=catalog)) == expected


@pytest.mark.clause("E-33")
def test_an_entry_of_an_unknown_kind_speaks_only_for_orders_it_touches() -> None:
    """E-33."""
    catalog = Catalog({"category:wine": (None,), "category:tea": ("odd",)}, NOW)
    assert codes(known=facts(catalog=catalog)) == PASSED
    touched = facts({"paths": (("food", "wine"),)}, catalog=catalog)
    assert codes(known=touched) == ["LISTS_NOT_READY"]


NO_ARTICLE: tuple[object, ...] = (
    None,
    "",
    5,
    5.0,
    True,
    False,
    [],
    ["k-1"],
    {},
    {"unreadable": "k-1"},
)


@pytest.mark.clause("E-29")
@pytest.mark.parametrize("sku", NO_ARTICLE, ids=repr)
def test_a_line_that_names_no_article_is_unknown_while_any_is_listed(
    sku: object,
) -> None:
    """E-29: it might be the very one."""
    ids = "sku:k-1", "sku:other"
    for listed in ids:
        for articles in (None, {listed}):
            catalog = Catalog({listed: ("excluded",)}, NOW, {listed[4:]}, articles)
            assert codes(known=facts({"skus": (sku,)}, catalog=catalog)) == [
                "SKU_UNKNOWN"
            ]
    catalog = Catalog({"category:wine": ("excluded",)}, NOW)
    assert codes(known=facts({"skus": (sku,)}, catalog=catalog)) == PASSED


def test_one_line_without_an_article_is_enough_and_listed_ones_are_told_too() -> None:
    lines = {
        "skus": ("k-1", None, "k-3"),
        "shipped_counts": (0, 0, 0),
        "quantities": (1, 1, 1),
        "paths": (("a",), ("b",), ("c",)),
        "customs": (False, False, False),
    }
    decision = judge(known=facts(lines, catalog=Catalog({"sku:k-3": ("x",)}, NOW)))
    assert list(decision.reason_codes) == ["SKU_EXCLUDED", "SKU_UNKNOWN"]
    assert decision.seen is not None
    assert decision.seen.unnamed_lines == (1,)


@pytest.mark.clause("R-02", "E-23")
def test_a_missing_category_hides_nothing_that_other_lines_show() -> None:
    known = facts(
        {
            "shipped_counts": (0, 0, 0),
            "quantities": (1, 1, 1),
            "skus": ("k-1", None, "k-3"),
            "paths": (None, ("virtual",), ("food", 1)),
            "customs": (True, False, False),
        },
        catalog=Catalog({"category:food": ("excluded",)}, NOW),
    )
    assert codes(known=known) == [
        "CATEGORY_CUSTOM",
        "CATEGORY_VIRTUAL",
        "CATEGORY_EXCLUDED",
        "CATEGORY_UNKNOWN",
    ]


@pytest.mark.clause("FR-1.3b")
@pytest.mark.parametrize(
    ("custom", "code"),
    [
        (True, "CATEGORY_CUSTOM"),
        (None, "CATEGORY_UNKNOWN"),
        (0, "CATEGORY_UNKNOWN"),
        (1, "CATEGORY_UNKNOWN"),
        ("false", "CATEGORY_UNKNOWN"),
    ],
)
def test_is_custom_is_true_or_false(custom: object, code: str) -> None:
    assert codes(known=facts({"customs": (custom,)})) == [code]


@pytest.mark.clause("FR-1.2b")
@pytest.mark.parametrize(
    ("order_type", "expected"),
    [
        (2, ["CATEGORY_VIRTUAL"]),
        (3, ["CATEGORY_VIRTUAL"]),
        (8, PASSED),
        (99, PASSED),
        (None, PASSED),
        ("2", ["CATEGORY_UNKNOWN"]),
        (True, ["CATEGORY_UNKNOWN"]),
    ],
)
def test_coupon_packs_and_top_ups_are_virtual(
    order_type: object, expected: list[str]
) -> None:
    assert codes(known=facts({"order_type": order_type})) == expected


@pytest.mark.clause("R-03")
def test_a_further_root_is_an_excluded_category() -> None:
    by = policy(excluded_roots=["custom", "virtual", "clothing"])
    assert codes(by=by) == ["CATEGORY_EXCLUDED"]


# FR-1.4a, FR-1.7(1)


def buyer_with(*entries: tuple[object, object]) -> Facts:
    quality = tuple(Quality(*entry) for entry in entries)
    return facts(buyer=msgspec.structs.replace(BUYER, quality=quality))


NOT_QUALITY = ["BUYER_NOT_QUALITY"]
NO_QUALITY = ["BUYER_QUALITY_UNKNOWN"]


@pytest.mark.clause("FR-1.3a", "FR-1.4a", "E-13", "E-31")
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(T, "quality")], PASSED),
        ([(T + 1, "quality")], NO_QUALITY),
        ([(1, "ordinary"), (T, "quality")], PASSED),
        ([(1, "ordinary"), (T + 1, "quality")], NOT_QUALITY),
        ([(1, "quality"), (T + 1, "ordinary")], PASSED),
        ([(1, "quality"), (NOW, "revoked_abuse")], ["BUYER_QUALITY_REVOKED"]),
        ([(1, "quality"), (NOW + 1, "revoked_abuse")], PASSED),
        ([(1, "revoked_abuse")], ["BUYER_QUALITY_REVOKED", "BUYER_NOT_QUALITY"]),
        ([(1, "revoked_abuse"), (T + 1, "quality")], NOT_QUALITY),
        ([(1, "vip")], NO_QUALITY),
        ([(1, None)], NO_QUALITY),
        ([(1, ["quality"])], NO_QUALITY),
        ([(1, "quality"), (T + 1, "vip")], NO_QUALITY),
        ([(1, "ordinary"), (T + 1, "vip")], ["BUYER_NOT_QUALITY", *NO_QUALITY]),
        (
            [(1, "vip"), (T + 1, "revoked_abuse")],
            ["BUYER_QUALITY_REVOKED", *NO_QUALITY],
        ),
        ([(1, "quality"), (None, "ordinary")], NO_QUALITY),
        ([("x", "ordinary"), (1, "quality")], NO_QUALITY),
        ([(None, "revoked_abuse"), (1, "quality")], NO_QUALITY),
        ([(True, "ordinary"), (5, "quality")], NO_QUALITY),
        ([(1.0, "ordinary"), (5, "quality")], NO_QUALITY),
        ([(1, None), (5, "quality")], NO_QUALITY),
        ([(1, ["ordinary"]), (5, "quality")], NO_QUALITY),
        ([(5, "quality"), (NOW + 9, None)], NO_QUALITY),
        ([(1, "vip"), (5, "quality")], NO_QUALITY),
        ([(1, "quality"), (NOW + 9, "vip")], NO_QUALITY),
        ([], NO_QUALITY),
        # in any order (E-31)
        (
            [(9, "revoked_abuse"), (1, "quality")],
            ["BUYER_QUALITY_REVOKED", *NOT_QUALITY],
        ),
        ([(T + 1, "revoked_abuse"), (1, "quality")], ["BUYER_QUALITY_REVOKED"]),
        ([(9, "ordinary"), (1, "quality")], NOT_QUALITY),
        ([(9, "quality"), (1, "revoked_abuse")], PASSED),
        ([(9, "quality"), (NOW + 1, "revoked_abuse"), (1, "ordinary")], PASSED),
        ([(-5, "quality"), (-6, "ordinary")], PASSED),
        # of equal starts the later in the list
        ([(5, "quality"), (5, "ordinary")], NOT_QUALITY),
        ([(5, "ordinary"), (5, "quality")], PASSED),
        ([(5, "ordinary"), (5, "quality"), (1, "ordinary")], PASSED),
    ],
)
def test_quality_at_the_request_and_not_revoked_at_the_decision(
    entries: list[tuple[object, object]], expected: list[str]
) -> None:
    assert codes(known=buyer_with(*entries)) == expected


@pytest.mark.clause("E-3")
def test_an_unknown_quality_is_never_stale_and_a_known_one_can_be() -> None:
    old = {"buyer_as_of_ms": NOW - DAY - 1}
    vague = msgspec.structs.replace(buyer_with((1, "vip")), **old)
    plain = msgspec.structs.replace(buyer_with((1, "ordinary")), **old)
    assert codes(known=vague) == NO_QUALITY
    assert codes(known=plain) == ["BUYER_NOT_QUALITY", "BUYER_QUALITY_STALE"]


@pytest.mark.clause("R-07")
def test_quality_can_be_pinned_to_the_decision() -> None:
    by = policy(quality_pin="decided_at")
    assert codes(known=buyer_with((1, "ordinary"), (NOW, "quality")), by=by) == PASSED
    assert (
        codes(known=buyer_with((1, "quality"), (NOW, "ordinary")), by=by) == NOT_QUALITY
    )


def test_a_request_dated_ahead_is_judged_by_both_its_moments() -> None:
    known = buyer_with((NOW + 5, "quality"))
    assert codes(request(requested_at_ms=NOW + 10), known) == NO_QUALITY


@pytest.mark.clause("FR-1.7(1)b", "E-25")
@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (Limit("limited", T, NOW + 1), ["BUYER_LIMITED"]),
        (Limit("limited", T, NOW), PASSED),
        (Limit("limited", NOW, None), ["BUYER_LIMITED"]),
        (Limit("limited", NOW + 1, None), PASSED),
        (Limit("limited", None, None), ["BUYER_LIMITED"]),
        (Limit("limited", "x", NOW), PASSED),
        (Limit("limited", "x", NOW + 1), ["LISTS_NOT_READY"]),
        (Limit("limited", T, "x"), ["LISTS_NOT_READY"]),
        (Limit("limited", T, 1.5), ["LISTS_NOT_READY"]),
        (Limit("cancelled", T, None), ["BUYER_CANCELLED"]),
        (Limit("cancelled", T, 1), ["BUYER_CANCELLED"]),
        (Limit("cancelled", NOW + 1, None), PASSED),
        (Limit("cancelled", "x", None), ["LISTS_NOT_READY"]),
        (Limit("frozen", T, 1), ["LISTS_NOT_READY"]),
        (Limit(None, None, None), ["LISTS_NOT_READY"]),
        (Limit(["limited"], None, None), ["LISTS_NOT_READY"]),
    ],
)
def test_a_limit_runs_from_its_start_until_before_its_end(
    limit: Limit, expected: list[str]
) -> None:
    known = facts(buyer=msgspec.structs.replace(BUYER, limits=(limit,)))
    assert codes(known=known) == expected


@pytest.mark.clause("E-30")
def test_limits_nobody_can_read_are_not_ready() -> None:
    """E-30: an empty list is "none"; without a list nobody knows."""
    known = facts(buyer=msgspec.structs.replace(BUYER, limits=None))
    assert codes(known=known) == ["LISTS_NOT_READY"]


@pytest.mark.clause("E-12")
@pytest.mark.parametrize(
    ("asked", "held", "row", "expected", "shown"),
    [
        ("b-1", "b-1", "b-1", PASSED, "b-1"),
        (None, "b-1", "b-1", PASSED, "b-1"),
        ("b-1", None, "b-1", PASSED, "b-1"),
        ("b-1", "b-2", "b-1", ["BUYER_UNKNOWN"], "b-1"),
        ("b-1", 5, "b-1", ["BUYER_UNKNOWN"], "b-1"),
        ("b-1", "b-1", "b-2", NO_QUALITY, "b-1"),
        (None, None, "b-1", ["BUYER_UNKNOWN", *NO_QUALITY], None),
        (None, 5, "b-1", ["BUYER_UNKNOWN", *NO_QUALITY], None),
        ("", None, "", ["BUYER_UNKNOWN"], ""),
    ],
)
def test_the_buyer_is_the_requests_or_else_the_orders(
    asked: str | None, held: object, row: str, expected: list[str], shown: str | None
) -> None:
    buyer = msgspec.structs.replace(BUYER, buyer_id=row)
    decision = judge(request(buyer_id=asked), facts({"buyer_id": held}, buyer=buyer))
    assert list(decision.reason_codes) == expected
    assert decision.buyer_id == shown


@pytest.mark.clause("E-12")
def test_an_id_of_a_wrong_type_is_not_taken_from_the_order() -> None:
    asked = request(buyer_id=None, shop_id=None, faults=("buyer_id", "shop_id"))
    assert codes(asked) == [
        "REQUEST_INVALID",
        "BUYER_UNKNOWN",
        "BUYER_QUALITY_UNKNOWN",
        "SHOP_UNKNOWN",
    ]


NO_ID: tuple[object, ...] = (None, "", 5, True, [], ["b-1"], {"unreadable": "b-1"})


@pytest.mark.clause("E-32")
@pytest.mark.parametrize("row_id", NO_ID, ids=repr)
def test_a_row_that_does_not_say_whose_it_is_makes_unknown_what_it_would_have_said(
    row_id: object,
) -> None:
    """E-32: it might be the row of this very buyer, and of this very shop."""
    buyer = msgspec.structs.replace(BUYER, buyer_id=row_id)
    assert codes(known=facts(buyer=buyer)) == [*NO_QUALITY, "LISTS_NOT_READY"]
    for shop in (Shop(row_id), Shop(row_id, enabled=False, standing="excluded")):
        assert codes(known=facts(shop=shop)) == ["LISTS_NOT_READY"]
        nobody = codes(request(shop_id=None), facts({"shop_id": None}, shop=shop))
        assert nobody == ["SHOP_UNKNOWN", "LISTS_NOT_READY"]


def test_without_a_buyer_row_quality_is_unknown() -> None:
    assert codes(known=facts(buyer=None)) == NO_QUALITY


@pytest.mark.clause("FR-1.7(1)a")
@pytest.mark.parametrize(
    ("veto", "expected"),
    [
        (False, PASSED),
        (True, ["ORDER_VETOED"]),
        (None, ["LISTS_NOT_READY"]),
        (0, ["LISTS_NOT_READY"]),
        (1, ["LISTS_NOT_READY"]),
        ("true", ["LISTS_NOT_READY"]),
    ],
)
def test_a_veto_that_cannot_be_read_is_no_permission(
    veto: object, expected: list[str]
) -> None:
    assert codes(known=facts(order_vetoed=veto)) == expected


# FR-1.7(2)a


@pytest.mark.clause("FR-1.7(2)a", "FR-Q3", "R-09", "E-22")
@pytest.mark.parametrize(
    ("shop", "expected"),
    [
        (None, PASSED),
        (Shop("s-1"), PASSED),
        (Shop("s-1", enabled=False), ["SHOP_EXCLUDED"]),
        (Shop("s-1", enabled="no"), ["LISTS_NOT_READY"]),
        (Shop("s-1", enabled=0), ["LISTS_NOT_READY"]),
        (Shop("s-1", standing="good"), PASSED),
        (Shop("s-1", standing="watch"), PASSED),
        (Shop("s-1", standing="restricted"), ["SHOP_STANDING_RESTRICTED"]),
        (Shop("s-1", standing="excluded"), ["SHOP_EXCLUDED"]),
        (Shop("s-1", standing="bad"), ["LISTS_NOT_READY"]),
        (Shop("s-1", standing=["good"]), ["LISTS_NOT_READY"]),
        (Shop("s-1", enabled=False, standing="excluded"), ["SHOP_EXCLUDED"]),
        (Shop("s-2", enabled=False), PASSED),
    ],
)
def test_the_operator_and_the_standing_decide_on_the_shop(
    shop: Shop | None, expected: list[str]
) -> None:
    assert codes(known=facts(shop=shop)) == expected


@pytest.mark.clause("R-31")
@pytest.mark.parametrize(
    ("level", "biting"),
    [
        ("watch", {"watch", "restricted", "excluded"}),
        ("restricted", {"restricted", "excluded"}),
        ("excluded", {"excluded"}),
    ],
)
def test_the_mildest_biting_standing_is_a_reading(level: str, biting: set[str]) -> None:
    by = policy(standing_gate_min_level=level)
    for standing in ("good", "watch", "restricted", "excluded"):
        found = codes(known=facts(shop=Shop("s-1", standing=standing)), by=by)
        assert (found != PASSED) == (standing in biting)


@pytest.mark.clause("FR-1.2a")
@pytest.mark.parametrize(
    ("asked", "held", "expected"),
    [
        ("s-1", "s-1", PASSED),
        (None, "s-1", PASSED),
        ("s-1", None, PASSED),
        ("s-1", "s-2", ["SHOP_UNKNOWN"]),
        (None, None, ["SHOP_UNKNOWN"]),
        (None, 5, ["SHOP_UNKNOWN"]),
        ("", None, ["SHOP_UNKNOWN"]),
    ],
)
def test_the_shop_is_the_requests_or_else_the_orders(
    asked: str | None, held: object, expected: list[str]
) -> None:
    assert codes(request(shop_id=asked), facts({"shop_id": held})) == expected


# ours


@pytest.mark.clause("R-12", "E-22")
@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("pay_type", 88, "PAY_LATER"),
        ("pay_type", "88", "PAY_LATER"),
        ("pay_type", True, "PAY_LATER"),
        ("presale_stage", "deposit_paid", "PRESALE"),
        ("presale_stage", "final_paid", "PRESALE"),
        ("presale_stage", "?", "PRESALE"),
        ("presale_stage", 0, "PRESALE"),
        ("delivery_block", 1, "GROUP_BUY_PENDING"),
        ("delivery_block", 2, "PAYMENT_RISK_REVIEW"),
        ("delivery_block", 3, "ORDER_RISK_FLAGGED"),
        ("delivery_block", "1", "ORDER_RISK_FLAGGED"),
        ("delivery_block", False, "ORDER_RISK_FLAGGED"),
        ("risk_code", 10_001, "ORDER_RISK_FLAGGED"),
        ("risk_code", 5, "ORDER_RISK_FLAGGED"),
        ("risk_code", "0", "ORDER_RISK_FLAGGED"),
        ("risk_code", False, "ORDER_RISK_FLAGGED"),
    ],
)
def test_what_is_no_settled_purchase_goes_to_a_person(
    field: str, value: object, code: str
) -> None:
    assert codes(known=facts({field: value})) == [code]


@pytest.mark.clause("E-6")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pay_type", None),
        ("pay_type", 0),
        ("pay_type", 7),
        ("presale_stage", None),
        ("delivery_block", None),
        ("risk_code", None),
    ],
)
def test_null_means_none_in_five_fields(field: str, value: object) -> None:
    assert codes(known=facts({field: value})) == PASSED


@pytest.mark.clause("E-1")
def test_without_the_order_no_condition_that_reads_it_is_evaluated() -> None:
    by = policy(payment_age_max_ms=1, waybill_soft_veto=True)
    assert codes(known=facts(None), by=by) == ["ORDER_DETAIL_UNKNOWN"]
    assert codes(request(refund_fen=None), facts(None)) == ["ORDER_DETAIL_UNKNOWN"]


@pytest.mark.clause("E-11")
@pytest.mark.parametrize("order_id", [None, "o-2", ""])
def test_a_snapshot_of_another_order_is_none(order_id: str | None) -> None:
    found = codes(request(order_id=order_id, shop_id=None))
    assert found == ["SHOP_UNKNOWN", "ORDER_DETAIL_UNKNOWN"]


def test_an_empty_order_id_names_no_order() -> None:
    assert codes(request(order_id=""), facts({"order_id": ""})) == [
        "ORDER_DETAIL_UNKNOWN"
    ]


@pytest.mark.clause("E-9", "E-10", "E-11")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"refund_version": None}, ["REQUEST_INVALID"]),
        ({"action": None}, ["REQUEST_INVALID"]),
        ({"action": "close"}, ["REQUEST_INVALID"]),
        ({"action": "edit"}, PASSED),
        ({"faults": ("expire_at_ms",)}, ["REQUEST_INVALID"]),
        ({"refund_kind": None}, ["REFUND_KIND_UNKNOWN"]),
        (
            {"refund_kind": None, "faults": ("refund_kind", "reason")},
            ["REQUEST_INVALID", "REFUND_KIND_UNKNOWN"],
        ),
        (
            {"refund_fen": None, "faults": ("refund_fen",)},
            ["REQUEST_INVALID", "REFUND_AMOUNT_INVALID"],
        ),
        (
            {"requested_at_ms": None, "faults": ("requested_at_ms",)},
            ["REQUEST_INVALID", "EVENT_TIME_UNKNOWN"],
        ),
        (
            {"order_id": None, "faults": ("order_id",)},
            ["REQUEST_INVALID", "ORDER_DETAIL_UNKNOWN"],
        ),
    ],
)
def test_a_request_of_a_wrong_shape_goes_to_a_person(
    changes: dict[str, object], expected: list[str]
) -> None:
    assert codes(request(**changes)) == expected


def test_a_missing_version_is_null_in_the_name_of_the_decision() -> None:
    assert judge(request(refund_version=None)).decision_id == "FR:r-1:null"


@pytest.mark.clause("event_time")
@pytest.mark.parametrize(
    ("at_ms", "expected"),
    [
        (NOW + 299_999, PASSED),
        (NOW + 300_000, PASSED),
        (NOW + 300_001, ["EVENT_IN_FUTURE"]),
        (None, ["EVENT_TIME_UNKNOWN"]),
    ],
)
def test_a_request_may_be_dated_as_far_ahead_as_the_skew(
    at_ms: int | None, expected: list[str]
) -> None:
    assert codes(request(requested_at_ms=at_ms)) == expected


UNKNOWN_KIND = ["REFUND_KIND_UNKNOWN"]


@pytest.mark.clause("FR-Q1", "E-18")
@pytest.mark.parametrize(
    ("kind", "special", "expected"),
    [
        ("refund_only", 0, PASSED),
        ("refund_only", 1, ["PRICE_PROTECTION"]),
        ("exchange", 0, ["NOT_REFUND_ONLY"]),
        ("repair", 1, ["NOT_REFUND_ONLY", "PRICE_PROTECTION"]),
        ("reissue", None, ["NOT_REFUND_ONLY"]),
        ("reissue", 7, ["NOT_REFUND_ONLY"]),
        (None, 1, ["PRICE_PROTECTION"]),
        ("refund_only", 7, UNKNOWN_KIND),
        ("refund_only", None, UNKNOWN_KIND),
        (None, 0, UNKNOWN_KIND),
        ("10", 0, UNKNOWN_KIND),
    ],
)
def test_one_scope_field_out_of_scope_is_enough(
    kind: str | None, special: int | None, expected: list[str]
) -> None:
    asked = request(refund_kind=kind, special_refund_type=special)
    decision = judge(asked, facts({"order_status": "shipped"}, order_vetoed=True))
    out = expected not in (PASSED, UNKNOWN_KIND)
    assert decision.disposition == ("out_of_scope" if out else "decided")
    assert judge(asked).reason_codes == tuple(expected)
    if out:
        assert list(decision.reason_codes) == expected
        assert decision.outcome is None
        assert decision.review_deadline_ms is None


@pytest.mark.clause("R-04")
def test_what_is_in_scope_is_a_reading() -> None:
    by = policy(in_scope_kinds=["refund_only", "exchange"])
    assert codes(request(refund_kind="exchange"), by=by) == PASSED
    assert codes(request(refund_kind="repair"), by=by) == ["NOT_REFUND_ONLY"]


@pytest.mark.clause("E-17")
def test_superseded_hides_out_of_scope_and_that_hides_everything_else() -> None:
    asked = request(refund_kind="repair")
    known = facts({"order_status": "shipped"}, history=History(newer_version=True))
    decision = judge(asked, known)
    assert decision.disposition == "superseded"
    assert list(decision.reason_codes) == ["SUPERSEDED_BY_VERSION"]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (History(newer_version=True), ["SUPERSEDED_BY_VERSION"]),
        (History(withdrawn=True), ["REQUEST_WITHDRAWN"]),
        (
            History(newer_version=True, withdrawn=True),
            ["REQUEST_WITHDRAWN", "SUPERSEDED_BY_VERSION"],
        ),
        (History(approved_before=True), ["REQUEST_EDITED_AFTER_APPROVAL"]),
        (History(prior_refund=True), ["PRIOR_REFUND_ON_ORDER"]),
        (History(open_refund=True), ["OPEN_REFUND_ON_ORDER"]),
        (History(), PASSED),
        (History(approved_on_order=True, auto_count=9, auto_fen=9), PASSED),
    ],
)
def test_what_earlier_requests_mean(history: History, expected: list[str]) -> None:
    assert codes(known=facts(history=history)) == expected


@pytest.mark.clause("E-19")
def test_a_withdrawal_is_superseded_under_its_own_version_whatever_else_is_known() -> (
    None
):
    asked = request(action="withdraw", refund_version=None)
    known = facts({"order_status": "shipped"}, history=History(newer_version=True))
    for by in (SHIPPED, None):
        decision = judge(asked, known, by)
        assert decision.disposition == "superseded"
        assert list(decision.reason_codes) == ["REQUEST_WITHDRAWN"]


@pytest.mark.clause("E-27")
@pytest.mark.parametrize("scope", ["shop", "global"])
def test_an_open_breaker_is_listed_alone_or_not(scope: str) -> None:
    assert codes(known=facts(breaker=scope)) == ["BREAKER_OPEN"]
    known = facts({"order_status": "shipped"}, breaker=scope)
    assert codes(known=known) == ["BREAKER_OPEN", "ORDER_SHIPPED"]


@pytest.mark.clause("FR-Q3")
def test_a_paused_service_sends_everything_to_a_person() -> None:
    assert codes(by=policy(service_paused=True)) == ["SERVICE_PAUSED"]


# section 3


@pytest.mark.clause("buyer_count_max")
@pytest.mark.parametrize(
    ("count", "expected"), [(1, PASSED), (2, ["BUYER_COUNT_LIMIT"])]
)
def test_the_count_of_earlier_approvals_stays_below_its_maximum(
    count: int, expected: list[str]
) -> None:
    by = policy(buyer_count_max=2, buyer_count_window_ms=DAY)
    assert codes(known=facts(history=History(auto_count=count)), by=by) == expected
    assert codes(by=by) == PASSED


@pytest.mark.clause("buyer_amount_quota_fen")
@pytest.mark.parametrize(
    ("used", "passes"), [(20_099, True), (20_100, True), (20_101, False)]
)
def test_used_and_asked_may_reach_the_quota(used: int, passes: object) -> None:
    by = policy(buyer_amount_quota_fen=40_000, buyer_amount_window_ms=DAY)
    found = codes(known=facts(history=History(auto_fen=used)), by=by)
    assert found == (PASSED if passes else ["BUYER_AMOUNT_QUOTA"])


def test_a_quota_holds_without_any_history_and_never_on_a_guess() -> None:
    by = policy(buyer_amount_quota_fen=10_000, buyer_amount_window_ms=DAY)
    assert codes(by=by) == ["BUYER_AMOUNT_QUOTA"]
    wide = policy(buyer_amount_quota_fen=BIG, buyer_amount_window_ms=DAY)
    assert codes(by=wide) == PASSED
    assert codes(request(refund_fen=None), by=wide) == ["REFUND_AMOUNT_INVALID"]
    unread = facts(history=History(auto_fen_unknown=True))
    assert codes(known=unread, by=wide) == ["BUYER_AMOUNT_QUOTA"]


@pytest.mark.clause("one_auto_approval_per_order")
def test_an_order_may_be_approved_once() -> None:
    by = policy(one_auto_approval_per_order=True)
    known = facts(history=History(approved_on_order=True))
    assert codes(known=known, by=by) == ["ORDER_ALREADY_AUTO_APPROVED"]
    assert codes(known=facts(history=History(auto_count=1)), by=by) == PASSED
    assert codes(by=by) == PASSED


@pytest.mark.clause("payment_age_min_ms", "payment_age_max_ms")
@pytest.mark.parametrize(
    ("age_ms", "passes"),
    [(99, False), (100, True), (200, True), (201, False), (-1, False)],
)
def test_the_time_since_payment_lies_in_its_window(age_ms: int, passes: object) -> None:
    by = policy(payment_age_min_ms=100, payment_age_max_ms=200)
    found = codes(known=facts({"paid_at_ms": T - age_ms}), by=by)
    assert found == (PASSED if passes else ["PAYMENT_AGE_OUTSIDE_WINDOW"])


@pytest.mark.parametrize("paid_at_ms", [None, "1", True, 1.0])
def test_an_unknown_payment_time_is_outside_the_window(paid_at_ms: object) -> None:
    known = facts({"paid_at_ms": paid_at_ms})
    for by in (policy(payment_age_min_ms=0), policy(payment_age_max_ms=DAY)):
        assert codes(known=known, by=by) == ["PAYMENT_AGE_OUTSIDE_WINDOW"]
    assert codes(known=known) == PASSED


@pytest.mark.clause("E-26")
def test_one_bound_of_the_payment_age_is_enough_and_negative_is_outside() -> None:
    later = facts({"paid_at_ms": T + 1})
    assert codes(known=later, by=policy(payment_age_max_ms=5)) == [
        "PAYMENT_AGE_OUTSIDE_WINDOW"
    ]
    assert codes(by=policy(payment_age_min_ms=3_600_000)) == PASSED


@pytest.mark.clause("E-14")
def test_without_a_request_time_the_decision_time_takes_its_place() -> None:
    by = policy(payment_age_max_ms=NOW - T)
    known = facts({"paid_at_ms": T})
    assert codes(request(requested_at_ms=None), known, by) == ["EVENT_TIME_UNKNOWN"]
    late = buyer_with((1, "ordinary"), (NOW, "quality"))
    assert codes(request(requested_at_ms=None), late) == ["EVENT_TIME_UNKNOWN"]


# E-16


@pytest.mark.clause("E-16")
def test_without_a_policy_only_what_needs_none_is_evaluated() -> None:
    far = NOW + 10**12
    known = facts(
        {"paid_fen": 99_999, "refundable_left_fen": 99_999},
        order_as_of_ms=1,
        buyer_as_of_ms=far,
        lists_as_of_ms=1,
        catalog=Catalog({}, far),
    )
    assert codes(request(requested_at_ms=NOW), known, None) == ["POLICY_NOT_LOADED"]
    assert codes(request(requested_at_ms=far), FACTS, None) == ["POLICY_NOT_LOADED"]


@pytest.mark.clause("E-16")
def test_without_a_policy_the_default_readings_hold() -> None:
    known = facts(
        {"order_status": "shipped", "paid_fen": None},
        lists_as_of_ms=None,
        order_as_of_ms=NOW,
    )
    decision = judge(known=known, by=None)
    assert decision.policy is None
    assert list(decision.reason_codes) == [
        "POLICY_NOT_LOADED",
        "ORDER_SHIPPED",
        "PAID_AMOUNT_UNKNOWN",
        "LISTS_NOT_READY",
    ]
    assert judge(request(refund_kind="repair"), by=None).disposition == "out_of_scope"


# DEPENDENCY_UNAVAILABLE

FAILED_CODES = {
    "order": "ORDER_DETAIL_UNKNOWN",
    "order_detail": "ORDER_DETAIL_UNKNOWN",
    "order_status": "ORDER_STATUS_UNKNOWN",
    "paid_amount": "PAID_AMOUNT_UNKNOWN",
    "paid_fen": "PAID_AMOUNT_UNKNOWN",
    "refundable_left_fen": "REFUND_AMOUNT_INVALID",
    "currency": "CURRENCY_NOT_CNY",
    "category": "CATEGORY_UNKNOWN",
    "category_path": "CATEGORY_UNKNOWN",
    "catalog": "CATEGORY_UNKNOWN",
    "category_tree": "CATEGORY_UNKNOWN",
    "quality": "BUYER_QUALITY_UNKNOWN",
    "buyer_quality": "BUYER_QUALITY_UNKNOWN",
    "order_type": "CATEGORY_UNKNOWN",
    "pay_type": "PAY_LATER",
    "presale_stage": "PRESALE",
    "delivery_block": "ORDER_RISK_FLAGGED",
    "risk_code": "ORDER_RISK_FLAGGED",
    "refund_kind": "REFUND_KIND_UNKNOWN",
    "refund_fen": "REFUND_AMOUNT_INVALID",
    "refund_amount": "REFUND_AMOUNT_INVALID",
}


@pytest.mark.clause("look_ups")
@pytest.mark.parametrize("name", sorted({*FAILED, *FAILED_CODES} - {"buyer"}))
def test_a_fact_that_could_not_be_read_is_unknown(name: str) -> None:
    code = FAILED_CODES.get(name, "LISTS_NOT_READY")
    expected = ["DEPENDENCY_UNAVAILABLE", code]
    if code == "REFUND_KIND_UNKNOWN":
        expected = [code, "DEPENDENCY_UNAVAILABLE"]
    known = facts({"order_status": "paid", "back_end_status": "paid"})
    assert codes(request(unavailable=(name,)), known) == expected
    assert (
        codes(REQUEST, msgspec.structs.replace(known, unavailable=(name,))) == expected
    )


def test_a_failed_read_of_an_unloaded_fact_changes_nothing_more() -> None:
    bare = facts(None, buyer=None, catalog=None)
    names = ("quality", "catalog", "category", "currency", "order_status", "refund_fen")
    found = codes(request(unavailable=names, lines=()), bare)
    assert found == ["DEPENDENCY_UNAVAILABLE", *NO_QUALITY, "ORDER_DETAIL_UNKNOWN"]


def test_failed_reads_of_both_kinds_are_recorded_once() -> None:
    asked = request(unavailable=("buyer", "weather"))
    decision = judge(asked, facts(unavailable=("weather", "refund_detail")))
    assert decision.seen is not None
    assert decision.seen.unavailable == ("weather", "refund_detail", "buyer")
    assert list(decision.reason_codes) == [
        "REFUND_KIND_UNKNOWN",
        "DEPENDENCY_UNAVAILABLE",
        "REFUND_AMOUNT_INVALID",
        "BUYER_QUALITY_UNKNOWN",
        "LISTS_NOT_READY",
    ]


def test_an_empty_list_of_failed_reads_means_none() -> None:
    assert codes(request(unavailable=())) == PASSED


# the engine


def again(decision: Decision, by: Policy | None) -> Decision:
    stored = msgspec.json.encode(decision)
    return judge_again(msgspec.json.decode(stored, type=Decision), by)


ODD_FACTS = [
    FACTS,
    facts(None),
    facts({"paid_fen": 199.0, "paths": (["custom"], 5, ("a", 5))}),
    facts({"skus": ("k-1", "k-2"), "shipped_counts": (1, "x"), "quantities": (1, 1)}),
    facts(history=History(prior_refund=True, auto_count=3), breaker="shop"),
    facts(unavailable=("refund_detail", "order_status")),
    facts(
        catalog=Catalog({"category:shirts": (5, "custom"), "sku:k-1": (None,)}, NOW),
        order_vetoed=None,
    ),
    facts(buyer=Buyer("b-1", (), (Limit(),), NOW)),
    facts(buyer=Buyer("b-1", (Quality(None, "quality"),), None, NOW)),
    facts(buyer=Buyer(5), shop=Shop({"unreadable": "s"})),
    facts({"skus": (None,)}, catalog=Catalog({"sku:k-9": ("excluded",)}, NOW)),
]


@pytest.mark.parametrize("known", ODD_FACTS)
@pytest.mark.parametrize(
    "asked",
    [
        REQUEST,
        Request(refund_id="r-9"),
        request(buyer_id=None, shop_id=None),
        request(buyer_id=None, faults=("buyer_id", "lines"), lines=("k-1",)),
        request(action="withdraw", refund_kind="repair"),
    ],
)
def test_a_stored_decision_judged_again_has_the_same_bytes(
    asked: Request, known: Facts
) -> None:
    for by in (
        SHIPPED,
        None,
        policy(line_level_unshipped=True, waybill_soft_veto=True),
    ):
        decision = judge(asked, known, by)
        assert msgspec.json.encode(again(decision, by)) == msgspec.json.encode(decision)


def test_a_decision_can_be_judged_by_another_policy() -> None:
    decision = again(judge(), policy(paid_limit_fen=10_000))
    assert decision.outcome == "manual_review"
    assert decision.policy == "FR@2"


def test_a_decision_without_what_was_seen_comes_back_as_it_is() -> None:
    printed = msgspec.structs.replace(judge(), seen=None)
    assert judge_again(printed, SHIPPED) is printed


def test_a_rule_that_needs_something_unusual_holds_without_it() -> None:
    by = policy(
        buyer_count_max=1, buyer_count_window_ms=1, one_auto_approval_per_order=True
    )
    seen = see(REQUEST, FACTS, by, NOW)
    assert all(getattr(seen, name) is None for name in UNUSUAL)
    case = case_of(REQUEST, seen, by, NOW)
    needing = [rule for rule in RULES if rule.needs is not None]
    assert {rule.needs for rule in needing} == {*UNUSUAL, ABSENT}
    assert all(rule.check(case, by) == () for rule in needing)


def test_every_unusual_thing_alone_wakes_its_rules() -> None:
    seen = see(REQUEST, FACTS, SHIPPED, NOW)
    for name, value in {
        "history": History(open_refund=True),
        "breaker": "shop",
        "unavailable": ("x",),
        "limits": ("limited",),
        "listed": (("sku:k-1", "excluded"),),
        "order_vetoed": True,
        "total_changed_at_ms": NOW,
        "expected_partition": 0,
        "pause": NOW,
        "unnamed_lines": (0,),
    }.items():
        assert name in UNUSUAL
        woken = msgspec.structs.replace(seen, **{name: value})
        assert decide(REQUEST, woken, SHIPPED, NOW).outcome == "manual_review"


@pytest.mark.clause("E-38")
def test_a_request_in_another_partition_goes_to_a_person_whatever_else_holds() -> None:
    """E-38."""
    elsewhere = facts(expected_partition=0)
    decision = judge(known=elsewhere)
    assert list(decision.reason_codes) == ["REQUEST_MISROUTED"]
    assert decision.outcome == "manual_review"
    assert decision.payout_key is None
    assert decision.seen is not None
    assert decision.seen.expected_partition == 0
    stored = msgspec.json.encode(decision)
    assert msgspec.json.encode(again(decision, SHIPPED)) == stored
    beside = facts({"order_status": "shipped"}, expected_partition=3, buyer=None)
    assert codes(known=beside) == [
        "REQUEST_MISROUTED",
        "ORDER_SHIPPED",
        "BUYER_QUALITY_UNKNOWN",
    ]
    unread = codes(request(unavailable=("order_status",)), elsewhere)
    assert unread[0] == "REQUEST_MISROUTED"
    assert codes(known=facts(None, expected_partition=1)) == [
        "REQUEST_MISROUTED",
        "ORDER_DETAIL_UNKNOWN",
    ]
    withdrawn = codes(request(action="withdraw"), elsewhere)
    assert withdrawn == ["REQUEST_WITHDRAWN"]


def test_an_option_that_is_off_costs_nothing() -> None:
    names = [check.__name__ for check in active_rules(SHIPPED).with_order]
    assert "payment_age" not in names
    assert "service_running" not in names
    assert active_rules(SHIPPED) is active_rules(SHIPPED)


def test_the_same_input_gives_the_same_bytes() -> None:
    one, other = (msgspec.json.encode(judge()) for _ in range(2))
    assert one == other


def test_nothing_is_seen_that_belongs_to_somebody_else() -> None:
    asked = request(order_id="o-2", buyer_id="b-2", shop_id="s-2")
    seen = see(asked, facts(history=History()), SHIPPED, NOW)
    assert isinstance(seen, Seen)
    assert seen.order_absent
    assert seen.paid_fen is None
    assert seen.quality is None
    assert seen.shop_standing is None
    assert seen.history is None
    assert ORDER.paid_fen is not None
