"""Rules on the request itself: shape, time, partition, kind and version."""

from typing import Final

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.reasons.request import (
    EVENT_IN_FUTURE,
    EVENT_TIME_UNKNOWN,
    NOT_REFUND_ONLY,
    PRICE_PROTECTION,
    REFUND_KIND_UNKNOWN,
    REQUEST_EDITED_AFTER_APPROVAL,
    REQUEST_INVALID,
    REQUEST_MISROUTED,
    REQUEST_WITHDRAWN,
    SUPERSEDED_BY_VERSION,
)
from streams.families.fast_refund.rules.case import Case, Codes
from streams.families.fast_refund.rules.rule import ASKED, EMPTY, Rule
from streams.processing.reasons import OURS
from streams.processing.rules import Bound, Fact

ACTIONS: Final = ("open", "edit", "withdraw")
KINDS: Final = ("refund_only", "return_and_refund", "exchange", "reissue", "repair")
PRICE_PROTECTION_TYPE: Final = 1
ORDINARY: Final = 0


def request_shape(case: Case, _policy: Policy) -> Codes:
    """E-10, E-11: every field has its type; version and action are given.

    A platform number as ``refund_kind`` is no format error (E-9): the codec reads it as
    an unknown kind, without a fault.
    """
    seen = case.seen
    if (
        case.refund_version is None
        or seen.action not in ACTIONS
        or seen.request_faults is not None
    ):
        return (REQUEST_INVALID,)
    return ()


def event_time(case: Case, policy: Policy) -> Codes:
    """Section 2: the request has a time, not beyond the allowed skew.

    Exactly ``future_skew_ms`` ahead still holds (case 63).
    """
    at_ms = case.requested_at_ms
    if at_ms is None:
        return (EVENT_TIME_UNKNOWN,)
    if at_ms - case.decided_at_ms > policy.future_skew_ms and case.has_policy:
        return (EVENT_IN_FUTURE,)
    return ()


def route(case: Case, _policy: Policy) -> Codes:
    """E-38: the request was found in its buyer's partition, where its facts are.

    ``refund decide`` has no partitions, so there it always holds.
    """
    if case.seen.expected_partition is None:
        return ()
    return (REQUEST_MISROUTED,)


def refund_kind(case: Case, policy: Policy) -> Codes:
    """FR-Q1, R-04, E-18: refund-only and no price protection.

    One field out of scope is enough; an unknown one matters only if neither is.
    """
    seen = case.seen
    kind, special = seen.refund_kind, seen.special_refund_type
    if kind in policy.in_scope_kinds and special == ORDINARY:
        return ()
    codes: Codes = ()
    if kind in KINDS and kind not in policy.in_scope_kinds:
        codes = (NOT_REFUND_ONLY,)
    if special == PRICE_PROTECTION_TYPE:
        codes += (PRICE_PROTECTION,)
    return codes or (REFUND_KIND_UNKNOWN,)


def version(case: Case, _policy: Policy) -> Codes:
    """Cases 58, 59, 62, E-19: nothing newer is known, and it was not withdrawn.

    A withdrawal is never a request for money, whatever is known besides.
    """
    seen = case.seen
    if seen.action == "withdraw":
        return (REQUEST_WITHDRAWN,)
    history = seen.history
    if history is None:
        return ()
    codes: Codes = ()
    if history.newer_version:
        codes = (SUPERSEDED_BY_VERSION,)
    if history.withdrawn:
        codes += (REQUEST_WITHDRAWN,)
    return codes


def edited_after_approval(case: Case, _policy: Policy) -> Codes:
    """Case 61, E-20: no earlier version was approved, by system or person."""
    history = case.seen.history
    if history is not None and history.approved_before:
        return (REQUEST_EDITED_AFTER_APPROVAL,)
    return ()


RULES: Final = (
    Rule(
        check=request_shape,
        clause=OURS,
        title=("申请格式正确", "the request is well formed"),
        fact=Fact(
            "request",
            lambda case: {
                "action": case.seen.action,
                "refund_version": case.refund_version,
                "faults": case.seen.request_faults,
            },
        ),
        codes=(REQUEST_INVALID,),
        fast=ASKED,
    ),
    Rule(
        check=event_time,
        clause=OURS,
        title=("申请时间有效", "the request is dated, and not ahead of our clock"),
        fact=Fact("requested_at_ms", lambda case: case.requested_at_ms),
        bound=Bound(
            "最多晚于判断时间{}", "at most {} after the decision", ("future_skew_ms",)
        ),
        codes=(
            EVENT_TIME_UNKNOWN,
            EVENT_IN_FUTURE,
        ),
        fast=ASKED,
    ),
    Rule(
        check=route,
        clause=OURS,
        title=("申请位于买家所属分区", "the request is in its buyer's partition"),
        fact=Fact("expected_partition", lambda case: case.seen.expected_partition),
        codes=(REQUEST_MISROUTED,),
        needs="expected_partition",
        fast=EMPTY,
    ),
    Rule(
        check=refund_kind,
        clause="FR-Q1",
        title=("仅退款且非价保", "refund-only and no price protection"),
        fact=Fact(
            "refund_kind",
            lambda case: {
                "refund_kind": case.seen.refund_kind,
                "special_refund_type": case.seen.special_refund_type,
            },
        ),
        bound=Bound("须为{}", "must be {}", ("in_scope_kinds",)),
        codes=(
            REFUND_KIND_UNKNOWN,
            NOT_REFUND_ONLY,
            PRICE_PROTECTION,
        ),
        fast=ASKED,
    ),
    Rule(
        check=version,
        clause=OURS,
        title=("为最新版本且未撤回", "the newest version, not withdrawn"),
        fact=Fact("refund_version", lambda case: case.refund_version),
        codes=(
            SUPERSEDED_BY_VERSION,
            REQUEST_WITHDRAWN,
        ),
        fast=ASKED,
    ),
    Rule(
        check=edited_after_approval,
        clause=OURS,
        title=("此前版本未曾通过", "no earlier version was approved"),
        fact=Fact(
            "approved_before",
            lambda case: (
                case.seen.history is not None and case.seen.history.approved_before
            ),
        ),
        bound=Bound("须为{}", "must be {}", fixed=False),
        codes=(REQUEST_EDITED_AFTER_APPROVAL,),
        needs="history",
        fast=EMPTY,
    ),
)
"""In the order of the rules text."""
