"""The member ``history`` of a line of ``refund decide``: check rows and refuse ambiguous ones.

A row without its refund, order or state could be the very approval that must not be
repeated. So it is refused by name, and so is a row of the same version that does not
say what was decided (E-36).
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from streams.families.fast_refund.history_facts import (
    APPROVED,
    GIVEN,
    MANUAL,
    UNDECIDED,
    WITHDRAWN,
)
from streams.families.fast_refund.model import Past, Request
from streams.families.fast_refund.reasons import REASONS
from streams.records.plain_json import is_id

_CODES: Final = frozenset(REASONS)
_OUTCOMES: Final = (None, APPROVED, MANUAL)
_OPEN: Final = (UNDECIDED, WITHDRAWN)
"""States in which the same version may be undecided."""
_TELLING: Final = (*GIVEN, WITHDRAWN)
"""States of this refund that prevent an approval, whatever the version."""


def history_of(rows: object, request: Request) -> tuple[Past, ...] | str:
    """Decode the earlier requests (E-36).

    Parameters
    ----------
    rows
        The member as sent.
    request
        The request to be judged: rows of its version must give its first decision.

    Returns
    -------
    tuple or str
        One item per row; or what is wrong with the first unreadable row.
    """
    if not isinstance(rows, list):
        return "history: must be a list of objects"
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            return "history: must be a list of objects"
        problems = [f"history[{place}].{one}" for one in _problems(row, request)]
        if problems:
            return "; ".join(problems)
    return tuple(msgspec.convert(row, Past) for row in rows)


def _problems(row: Mapping[str, object], request: Request) -> Iterator[str]:
    for name in ("refund_id", "order_id"):
        if not is_id(row.get(name)):
            yield f"{name}: must be a text that is not empty"
    if not is_id(row.get("state")):
        yield "state: must be one of the states of a request"
    if row.get("outcome") not in _OUTCOMES:
        yield f"outcome: must be {APPROVED}, {MANUAL} or null"
    codes, version = row.get("reason_codes"), row.get("refund_version")
    if codes is not None and not _are_codes(codes):
        yield "reason_codes: must be a list of reason codes"
    elif version is not None and type(version) is not int:
        yield "refund_version: must be a whole number or null"
    elif row.get("refund_id") == request.refund_id:
        yield from _problems_of_own(row, version, request)


def _problems_of_own(
    row: Mapping[str, object], version: int | None, request: Request
) -> Iterator[str]:
    """Check a row of this refund; without a version it may be of the same version."""
    state, outcome = row.get("state"), row.get("outcome")
    if version is not None:
        if version == request.refund_version:
            yield from _problems_of_first(state, outcome, row.get("reason_codes") or [])
    elif state not in _TELLING and outcome != APPROVED:
        yield f"refund_version: must be there, as it may be this one that is {state}"


def _problems_of_first(state: object, outcome: object, codes: object) -> Iterator[str]:
    """E-36: check that a row of the same version gives its first decision, to be printed again."""
    listed = codes if isinstance(codes, list) else []
    if outcome == MANUAL and not listed:
        yield "reason_codes: must be there, to be printed again"
    if outcome is None and state not in _OPEN:
        yield f"outcome: must be there, because this version is {state}"
    if any(REASONS[code].outcome != outcome for code in listed):
        yield f"reason_codes: must not contradict the outcome {outcome or 'null'}"


def _are_codes(codes: object) -> bool:
    return isinstance(codes, list) and all(
        isinstance(code, str) and code in _CODES for code in codes
    )
