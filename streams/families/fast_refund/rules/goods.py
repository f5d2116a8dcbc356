"""Rules on the goods: no custom-made or virtual goods, and no listed category or article."""

from typing import Final

from streams.families.fast_refund.model import Seen
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.goods import (
    CATEGORY_CUSTOM,
    CATEGORY_EXCLUDED,
    CATEGORY_STALE,
    CATEGORY_UNKNOWN,
    CATEGORY_VIRTUAL,
    SKU_EXCLUDED,
    SKU_UNKNOWN,
)
from streams.families.fast_refund.reasons.service import LISTS_NOT_READY
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import ASKED, EMPTY, Rule
from streams.processing.reasons import Reason
from streams.processing.rules import Bound, Fact

VIRTUAL_ORDER_TYPES: Final = (2, 3)
SKU: Final = "sku:"
BY_KIND: Final = {
    "custom": CATEGORY_CUSTOM,
    "virtual": CATEGORY_VIRTUAL,
    "excluded": CATEGORY_EXCLUDED,
}


def category(case: Case, policy: Policy) -> Codes:
    """FR-1.2b, FR-1.3b, R-02, R-03, E-5, E-6, E-23: no line is custom-made or virtual.

    Roots, ``is_custom`` and the order type are judged even without a tree. A line
    without a category hides no reason that another line gives.
    """
    seen = case.seen
    codes: Codes = ()
    order_type = seen.order_type
    # FR-1.2b, E-6: null means none; types 2 and 3 are virtual (case 27).
    if order_type is not None:
        if type(order_type) is not int:
            codes = (CATEGORY_UNKNOWN,)
        elif order_type in VIRTUAL_ORDER_TYPES:
            codes = (CATEGORY_VIRTUAL,)
    # E-5: no line at all.
    if not seen.paths:
        codes = _with(codes, CATEGORY_UNKNOWN)
    for path in seen.paths:
        root = root_of(path)
        # E-5: a missing category.
        if root is None:
            codes = _with(codes, CATEGORY_UNKNOWN)
        elif root in policy.excluded_roots:
            # R-03, E-23.
            codes = _with(codes, BY_KIND.get(root, CATEGORY_EXCLUDED))
    for custom in seen.customs:
        # Case 28, E-6.
        if custom is not False:
            codes = _with(codes, _custom(custom))
    return codes


def category_tree(case: Case, policy: Policy) -> Codes:
    """FR-1.2b, FR-1.7(2)b, E-3, E-4, E-22, E-33: the tree is fresh and lists no category.

    A listed node excludes everything below it. Without a tree its nodes are
    unknown; a stale one is still read (E-2).
    """
    age_ms = case.tree_age_ms
    # E-4: no tree, or one without a readable moment.
    if age_ms is None:
        return (CATEGORY_UNKNOWN,)
    codes: Codes = ()
    # E-2: a stale tree is still read.
    if age_ms > policy.category_max_age_ms and case.has_policy:
        codes = (CATEGORY_STALE,)
    listed = case.seen.listed
    if listed is None:
        return codes
    for entry, kind in listed:
        # E-23, E-33: every entry counts; an unknown kind gives LISTS_NOT_READY (E-22).
        if not entry.startswith(SKU):
            codes = _with(codes, _listed(kind))
    return codes


def sku(case: Case, _policy: Policy) -> Codes:
    """FR-1.7(2)b, E-23: no line's SKU is listed, whatever the kind of its entry."""
    listed = case.seen.listed
    if listed is None or not any(entry.startswith(SKU) for entry, _ in listed):
        return ()
    return (SKU_EXCLUDED,)


def sku_known(case: Case, _policy: Policy) -> Codes:
    """FR-1.7(2)b, E-29: every line names its article while articles are listed.

    The line without a name could be any of them.
    """
    return () if case.seen.unnamed_lines is None else (SKU_UNKNOWN,)


def root_of(path: object) -> str | None:
    """E-5: the first name of a path; None when the path is no list of names.

    A list is read like a tuple, because a decision read back holds lists.
    """
    if type(path) is not tuple and type(path) is not list:
        return None
    for name in path:
        if type(name) is not str:
            return None
    return path[0] if path else None


def _with(codes: Codes, code: Reason) -> Codes:
    """Add a code once: an order may have thousands of lines with the same reason."""
    return codes if code in codes else (*codes, code)


def _custom(custom: object) -> Reason:
    """E-6: ``is_custom`` is true, or it is not readable."""
    if custom is True:
        return CATEGORY_CUSTOM
    return CATEGORY_UNKNOWN


def _listed(kind: object) -> Reason:
    if type(kind) is not str:
        return LISTS_NOT_READY
    return BY_KIND.get(kind, LISTS_NOT_READY)


def _goods(seen: Seen) -> dict[str, object]:
    return {
        "category_path": seen.paths,
        "is_custom": seen.customs,
        "order_type": seen.order_type,
    }


RULES: Final = (
    Rule(
        check=category,
        clause="FR-1.2b",
        title=("不含定制或虚拟商品", "neither custom-made nor virtual goods"),
        fact=Fact("category_path", lambda case: _goods(case.seen)),
        bound=Bound("不含{}", "none of {}", ("excluded_roots",)),
        codes=(
            CATEGORY_CUSTOM,
            CATEGORY_VIRTUAL,
            CATEGORY_UNKNOWN,
        ),
        reads_order=True,
        fast=ASKED,
    ),
    Rule(
        check=category_tree,
        clause="FR-1.7(2)b",
        title=("类目支持本服务", "every category has fast refund"),
        fact=Fact(
            "catalog",
            lambda case: case.seen.listed,
            age_ms=lambda case: case.tree_age_ms,
            max_age="category_max_age_ms",
        ),
        codes=(
            CATEGORY_EXCLUDED,
            CATEGORY_STALE,
        ),
        reads_order=True,
        fast=ASKED,
    ),
    Rule(
        check=sku,
        clause="FR-1.7(2)b",
        title=("商品支持本服务", "every item has fast refund"),
        fact=Fact("sku_id", lambda case: case.seen.skus),
        codes=(SKU_EXCLUDED,),
        reads_order=True,
        needs="listed",
        fast=EMPTY,
    ),
    Rule(
        check=sku_known,
        clause="FR-1.7(2)b",
        title=("商品编号齐全", "every line names its article"),
        fact=Fact("sku_id", lambda case: case.seen.skus),
        codes=(SKU_UNKNOWN,),
        reads_order=True,
        needs="unnamed_lines",
        fast=EMPTY,
    ),
)
"""In the order of the rules text."""
