"""Derive from earlier requests what they mean for this one.

Each row is read by itself, as it is kept or sent, and never merged with another, so a
row that says "open" stays open. An ambiguous row is read in the way that sends more
requests to a person.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from streams.families.fast_refund.model import (
    NO_HISTORY,
    UNWRITABLE,
    History,
    Past,
    Request,
)
from streams.families.fast_refund.policy import Policy

APPROVED: Final = "auto_approve"
MANUAL: Final = "manual_review"
UNDECIDED: Final = "undecided"
WITHDRAWN: Final = "withdrawn"
WITHDRAW: Final = "withdraw"

NEWER: Final = "newer"
OLDER: Final = "older"
SAME: Final = "same"
UNKNOWN: Final = "unknown"

GIVEN: Final = ("approved", "executing", "succeeded", "failed")
"""States of an approved refund, whatever happened to the money (E-20)."""
NOT_GIVEN: Final = (UNDECIDED, "in_review", "rejected", WITHDRAWN)
"""All other known states; an unknown state is in neither list."""
PRIOR: Final = ("approved", "executing", "succeeded")
"""R-11: the states that count as an earlier refund when there is no policy."""
OVER: Final = (*GIVEN, "rejected", WITHDRAWN)
"""States in which a refund is no longer open (E-21); in every other state it is
open."""


class Approvals(Protocol):
    """Automatic approvals of one buyer, each decision once (E-36)."""

    def count(self, after_ms: int, until_ms: int) -> int:
        """Return how many were decided in (after, until], UTC ms."""

    def used_fen(self, after_ms: int, until_ms: int) -> int | None:
        """Return the quota used in that window, fen, without failed payouts; None = unreadable."""


def find(
    request: Request,
    order_id: str | None,
    rows: Sequence[Past],
    policy: Policy | None,
    decided_at_ms: int,
    approvals: Approvals | None = None,
) -> History:
    """Summarise earlier requests of the refund, the order and the buyer.

    Parameters
    ----------
    request
        The request to be judged.
    order_id
        Its order; None = unknown: then no row counts as on the order.
    rows
        Earlier requests of this refund, of the order and of the buyer, in any order.
        Rows of other orders count for count and quota only.
    policy
        Gives windows and readings; without a policy nothing is counted (E-16).
    decided_at_ms
        UTC ms; takes the place of a missing T (E-14).
    approvals
        Approvals that are already kept; None = the automatic approvals among the rows.
    """
    asked_ms = request.requested_at_ms
    # E-14.
    at_ms = decided_at_ms if asked_ms is None else asked_ms
    found: set[str] = set()
    prior = PRIOR if policy is None else policy.prior_refund_states
    for row in rows:
        own = row.refund_id == request.refund_id
        on_order = own or (order_id is not None and row.order_id == order_id)
        if own:
            # Cases 58 to 62, E-20.
            found |= _of_same_refund(request.refund_version, row)
        elif on_order:
            # Cases 48 to 50, R-11, E-21.
            found |= _of_other_refund(row, prior)
        if on_order and row.outcome == APPROVED:
            # Case 81: even an unpaid approval counts.
            found.add("approved_on_order")
    # E-26.
    counted = ListedApprovals(rows) if approvals is None else approvals
    count, used_fen = _count(counted, policy, at_ms), _used_fen(counted, policy, at_ms)
    if not found and not count and used_fen == 0:
        return NO_HISTORY
    return History(
        "newer_version" in found,
        "withdrawn" in found,
        "approved_before" in found,
        "prior_refund" in found,
        "open_refund" in found,
        "approved_on_order" in found,
        count,
        used_fen or 0,
        used_fen is None,
    )


def counts_approvals(policy: Policy | None) -> bool:
    """Whether a policy counts or sums the approvals of a buyer."""
    return policy is not None and (
        policy.buyer_count_max is not None or policy.buyer_amount_quota_fen is not None
    )


def first_decision(request: Request, rows: Iterable[Past]) -> Past | None:
    """Return the row with the first decision of exactly this version, if any.

    Case 57: it is printed again without reading facts. An earlier ``manual_review`` can
    be printed again only with its codes, and not once its version is withdrawn (E-36).
    A withdrawal is a record of its own and never repeats the decision on the money
    (E-19). Beside an approval nothing else counts: other rows came after it (case 72).
    Of several, the earliest is the first.
    """
    version = request.refund_version
    # E-19: a withdrawal never repeats the decision on the money.
    if version is None or request.action == WITHDRAW:
        return None
    own = [
        row
        for row in rows
        if row.refund_id == request.refund_id
        and _side(row.refund_version, version) == SAME
    ]
    approved = [row for row in own if row.outcome == APPROVED]
    # E-36: a withdrawn version is not printed again, unless it was approved.
    if not approved and any(row.state == WITHDRAWN for row in own):
        return None
    # E-36: a manual review needs its codes.
    manual = [row for row in own if row.outcome == MANUAL and _codes(row)]
    return min(approved or manual, key=_decided_first, default=None)


def _decided_first(row: Past) -> tuple[bool, int, str]:
    """Sort key: rows by moment, undated ones last; the printed content breaks a tie."""
    at_ms = row.decided_at_ms
    dated = at_ms if type(at_ms) is int else None
    return (dated is None, dated or 0, f"{row.reason_codes} {row.refund_fen}")


def _of_same_refund(version: int | None, row: Past) -> set[str]:
    """Cases 58 to 62, E-20, E-36, E-37: what a row of the same refund means.

    A withdrawn version is no newer request, whatever was decided on it, unless it was
    approved (E-19). If the version cannot be compared or the state is unknown, the
    worse case counts.
    """
    found: set[str] = set()
    side = _side(row.refund_version, version)
    # Case 62, E-19, E-37.
    if row.state == WITHDRAWN and row.outcome != APPROVED:
        if side != OLDER:
            found.add("withdrawn")
    elif side == NEWER:
        # Cases 58, 59.
        found.add("newer_version")
    # Case 61, E-20.
    if side in (OLDER, UNKNOWN) and (
        row.outcome == APPROVED or row.state not in NOT_GIVEN
    ):
        found.add("approved_before")
    return found


def _side(other: object, version: int | None) -> str:
    if type(other) is not int or version is None:
        return UNKNOWN
    if other == version:
        return SAME
    return NEWER if other > version else OLDER


def _of_other_refund(row: Past, prior: tuple[str, ...]) -> set[str]:
    """Cases 48 to 50, R-11, E-21: what another refund of the order means."""
    #
    if row.state in prior:
        return {"prior_refund"}
    # E-21.
    return set() if row.state in OVER else {"open_refund"}


def _count(approvals: Approvals, policy: Policy | None, at_ms: int) -> int:
    """E-26: count the automatic approvals decided in (T - window, T]."""
    if policy is None or policy.buyer_count_window_ms is None:
        return 0
    return approvals.count(at_ms - policy.buyer_count_window_ms, at_ms)


def _used_fen(approvals: Approvals, policy: Policy | None, at_ms: int) -> int | None:
    """E-26: return the quota used by the window's approvals, fen; None = unreadable.

    Only failed payouts are left out (case 72). A sum with too many digits to be encoded
    is unreadable (E-35).
    """
    if policy is None or policy.buyer_amount_window_ms is None:
        return 0
    used_fen = approvals.used_fen(at_ms - policy.buyer_amount_window_ms, at_ms)
    return None if used_fen is None or used_fen >= UNWRITABLE else used_fen


class ListedApprovals:
    """The automatic approvals among rows.

    A decision listed twice counts once (E-36). If the two rows differ, the worse case
    counts: it is in the window if one of them is, and the larger amount is used. A row
    without refund id or version counts as a decision of its own.
    """

    def __init__(self, rows: Iterable[Past]) -> None:
        found: dict[object, list[Past]] = {}
        for number, row in enumerate(rows):
            if row.outcome == APPROVED:
                known = type(row.refund_id) is str and type(row.refund_version) is int
                identity = (row.refund_id, row.refund_version) if known else number
                found.setdefault(identity, []).append(row)
        self._decisions = list(found.values())

    def count(self, after_ms: int, until_ms: int) -> int:
        """Return how many were decided in (after, until], UTC ms, or at an unknown moment."""
        return sum(
            any(_within(row, after_ms, until_ms) for row in rows)
            for rows in self._decisions
        )

    def used_fen(self, after_ms: int, until_ms: int) -> int | None:
        """Return the quota used in (after, until], fen; None = an amount is unreadable."""
        used_fen = 0
        for rows in self._decisions:
            most_fen = 0
            for row in rows:
                # E-26, case 72: failed payouts are released.
                if row.state == "failed" or not _within(row, after_ms, until_ms):
                    continue
                # An unreadable amount in the window makes the sum unknown.
                if type(row.refund_fen) is not int:
                    return None
                most_fen = max(most_fen, row.refund_fen)
            used_fen += most_fen
        return used_fen


def _within(row: Past, after_ms: int, until_ms: int) -> bool:
    """Whether a row is in (after, until]; a row without a readable moment counts as inside."""
    moment_ms = row.decided_at_ms
    return type(moment_ms) is not int or after_ms < moment_ms <= until_ms


def _codes(row: Past) -> bool:
    """Whether a row carries reason codes that can be printed again."""
    codes = row.reason_codes
    return isinstance(codes, (list, tuple)) and len(codes) > 0
