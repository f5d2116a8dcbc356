"""History: what earlier requests mean for this one.

The rows come as they are kept or sent, each read for itself: nothing is folded,
so a row that says "open" keeps saying so. What a row leaves open is read in the
way that sends more to a person.
"""

from collections.abc import Iterable
from typing import Final

from streams.decision.model import NO_HISTORY, History, Past, Request
from streams.decision.policy import Policy

APPROVED: Final = "auto_approve"
MANUAL: Final = "manual_review"
WITHDRAWN: Final = "withdrawn"
WITHDRAW: Final = "withdraw"

NEWER: Final = "newer"
OLDER: Final = "older"
SAME: Final = "same"
UNKNOWN: Final = "unknown"

GIVEN: Final = ("approved", "executing", "succeeded", "failed")
"""States of a refund that somebody approved, whatever became of the money (E-20)."""
PRIOR: Final = ("approved", "executing", "succeeded")
"""R-11, when no policy says otherwise."""
OVER: Final = (*GIVEN, "rejected", WITHDRAWN)
"""States in which a refund is no longer open (E-21); every other state is."""


def find(
    request: Request,
    order_id: str | None,
    rows: Iterable[Past],
    policy: Policy | None,
    decided_at_ms: int,
) -> History:
    """Fold earlier requests of the refund, the order and the buyer.

    Parameters
    ----------
    request
        The one to be judged.
    order_id
        Its order; None = unknown, then no row is known to be on it.
    rows
        Earlier requests of this refund, of the order and of the buyer, in any order.
        Rows of other orders matter for counts and quota only.
    policy
        Gives windows and readings; without one nothing is counted (E-16).
    decided_at_ms
        UTC ms; takes the place of a missing T (E-14).
    """
    asked_ms = request.requested_at_ms
    at_ms = decided_at_ms if asked_ms is None else asked_ms
    found: set[str] = set()
    approvals: list[Past] = []
    prior = PRIOR if policy is None else policy.prior_refund_states
    for row in rows:
        own = row.refund_id == request.refund_id
        on_order = own or (order_id is not None and row.order_id == order_id)
        if own:
            found |= _of_same_refund(request.refund_version, row)
        elif on_order:
            found |= _of_other_refund(row, prior)
        if row.outcome == APPROVED:
            approvals.append(row)
            if on_order:
                found.add("approved_on_order")
    if not found and not approvals:
        return NO_HISTORY
    used_fen = _used_fen(approvals, policy, at_ms)
    return History(
        "newer_version" in found,
        "withdrawn" in found,
        "approved_before" in found,
        "prior_refund" in found,
        "open_refund" in found,
        "approved_on_order" in found,
        _count(approvals, policy, at_ms),
        used_fen or 0,
        used_fen is None,
    )


def first_decision(request: Request, rows: Iterable[Past]) -> Past | None:
    """Return the row that holds the first decision of this very version, if any.

    Case 57: it is printed again, facts unread. An earlier ``manual_review`` can be
    printed again only with its codes. A withdrawal is a record of its own and never
    repeats the decision on the money (E-19). Beside an approval nothing else counts:
    what else is known came after it (case 72). Of several the earliest is the first.
    """
    version = request.refund_version
    if version is None or request.action == WITHDRAW:
        return None
    own = [
        row
        for row in rows
        if row.refund_id == request.refund_id
        and _side(row.refund_version, version) == SAME
    ]
    approved = [row for row in own if row.outcome == APPROVED]
    manual = [row for row in own if row.outcome == MANUAL and _codes(row)]
    return min(approved or manual, key=_decided_first, default=None)


def _decided_first(row: Past) -> tuple[bool, int, str]:
    """Order rows by their moment, undated ones last; what is printed settles a tie."""
    at_ms = row.decided_at_ms
    dated = at_ms if type(at_ms) is int else None
    return (dated is None, dated or 0, f"{row.reason_codes} {row.refund_fen}")


def _of_same_refund(version: int | None, row: Past) -> set[str]:
    """Cases 58 to 62, E-20: what a row of the same refund means.

    A withdrawal has a version of its own (E-19), but is no newer request. Of a row
    whose version cannot be compared, the worse is believed.
    """
    found: set[str] = set()
    side = _side(row.refund_version, version)
    if row.state == WITHDRAWN and row.outcome is None:
        if side != OLDER:
            found.add("withdrawn")
    elif side == NEWER:
        found.add("newer_version")
    if side in (OLDER, UNKNOWN) and (row.outcome == APPROVED or row.state in GIVEN):
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
    if row.state in prior:
        return {"prior_refund"}
    return set() if row.state in OVER else {"open_refund"}


def _count(approvals: list[Past], policy: Policy | None, at_ms: int) -> int:
    """E-26: every automatic approval in (T - window, T], at its decision."""
    if policy is None or policy.buyer_count_window_ms is None:
        return 0
    return len(_within(approvals, policy.buyer_count_window_ms, at_ms))


def _used_fen(approvals: list[Past], policy: Policy | None, at_ms: int) -> int | None:
    """E-26: what the window's approvals used of the quota; None = unreadable.

    Failed payouts alone are given back (case 72).
    """
    if policy is None or policy.buyer_amount_window_ms is None:
        return 0
    used_fen = 0
    for row in _within(approvals, policy.buyer_amount_window_ms, at_ms):
        if row.state == "failed":
            continue
        if type(row.refund_fen) is not int:
            return None
        used_fen += row.refund_fen
    return used_fen


def _within(approvals: list[Past], window_ms: int, at_ms: int) -> list[Past]:
    """Approvals in (T - window, T]; one without a readable moment may be in it."""
    found = []
    for row in approvals:
        moment_ms = row.decided_at_ms
        if type(moment_ms) is not int or at_ms - window_ms < moment_ms <= at_ms:
            found.append(row)
    return found


def _codes(row: Past) -> bool:
    """Whether a row carries reason codes that can be printed again."""
    codes = row.reason_codes
    return isinstance(codes, (list, tuple)) and len(codes) > 0
