"""The money oracle: no approval against what the fact log said at the time (O10, O11).

It reads the fact log as raw JSON and knows nothing of how the processor keeps its tables.
"""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import Any, Final

from aiokafka.partitioner import murmur2

from faults.judge.view import Rec, View

LIMIT_FEN: Final = 30_000
"""Exclusive."""
_MAX_AGE_MS: Final = 60_000
"""No fact may be older than that, by the policy."""
_SLACK_MS: Final = 1_000
"""Between the moment a record was made and the moment it stood in the log."""
_LOADED_MS: Final = 5_000
_WATERMARK: Final = b"__watermark__"


@dataclass(frozen=True, slots=True)
class _Said:
    """What one snapshot says of an order, as far as it matters to an approval."""

    version: int
    status: object
    """As read from the back end, if it was."""
    unshipped: bool
    paid_fen: object


@dataclass
class _Log:
    """The orders of one partition, in the order of the log."""

    snapshots: dict[str, list[tuple[int, int, _Said | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Order id -> (place, record timestamp, snapshot; None = tombstone or unreadable)."""
    marks: list[tuple[int, int]] = field(default_factory=list)
    """Watermark, place; only those that are higher than all before."""
    vetoes: dict[str, list[tuple[int, bool]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """Order id -> record timestamp, and whether the veto stands from then on."""


def approvals_are_just(view: View) -> Iterator[str]:
    """Find approvals of orders that were known to be shipped, vetoed or too dear (O10)."""
    logs = _logs(view)
    for rec in view.first.values():
        if rec.topic != "approvals":
            continue
        fields = rec.fields
        order_id = str(fields["order_id"])
        log = logs.get(rec.partition, _Log())
        if order_id not in log.snapshots:
            if logs:
                yield f"{rec}: approved, the fact log never held order {order_id}"
            continue
        against = _against(log, order_id, fields)
        if against is not None:
            yield f"{rec}: approved although order {order_id} {against}"


def facts_were_loaded(view: View) -> Iterator[str]:
    """Find decisions that missed an order the log had held for seconds (O11)."""
    logs = _logs(view)
    for rec in view.decisions:
        decided = rec.fields
        seen = decided.get("seen")
        if not seen or not seen.get("order_absent"):
            continue
        order_id = decided["order_id"]
        log = logs.get(rec.partition)
        if log is None or order_id not in log.snapshots:
            continue
        decided_ms = decided["decided_at_ms"]
        then = [one for one in log.snapshots[order_id] if one[1] < decided_ms]
        if then and then[-1][1] < decided_ms - _LOADED_MS and then[-1][2] is not None:
            known_ms = decided_ms - then[-1][1]
            yield f"{rec}: misses order {order_id}, in the log for {known_ms} ms"


def _against(log: _Log, order_id: str, fields: Mapping[str, Any]) -> str | None:
    """What the log said against an approval, as far as it had to be known."""
    seen, decided_ms = fields["seen"], fields["decided_at_ms"]
    known = _known(log, order_id, seen, decided_ms)
    if known is None:
        return "was taken away"
    if known.status != "paid":
        return f"was {known.status} (version {known.version})"
    if not known.unshipped:
        return "was partly shipped"
    paid_fen = known.paid_fen
    if type(paid_fen) is not int or not 0 < paid_fen < LIMIT_FEN:
        return f"was paid {paid_fen} fen"
    lists_ms = min(seen.get("lists_as_of_ms") or 0, decided_ms)
    if _stood(log.vetoes.get(order_id, ()), lists_ms - _SLACK_MS, decided_ms):
        return "was vetoed"
    return None


def _stood(vetoes: Sequence[tuple[int, bool]], known_ms: int, decided_ms: int) -> bool:
    """Whether a veto stood at a moment and was not lifted before the decision."""
    before = [stands for stamp_ms, stands in vetoes if stamp_ms < known_ms]
    later = [
        stands
        for stamp_ms, stands in vetoes
        if known_ms <= stamp_ms <= decided_ms + _SLACK_MS
    ]
    return bool(before) and before[-1] and all(later)


def _known(
    log: _Log, order_id: str, seen: dict[str, Any], decided_ms: int
) -> _Said | None:
    """The newest snapshot among those that had to be known; None = tombstone.

    What stands before the watermark a decision relied on had to be known, as had what
    is older than any fact may be, as had the version it names itself. A snapshot that is
    newer than every watermark speaks for itself: its moment is that of no watermark.
    """
    as_of_ms = seen.get("order_as_of_ms") or 0
    at = bisect_left(log.marks, (as_of_ms, 0))
    relied = at < len(log.marks) and log.marks[at][0] == as_of_ms
    reached = log.marks[at][1] if relied else 0
    version = seen.get("order_version")
    newest: _Said | None = None
    for place, stamp_ms, said in log.snapshots[order_id]:
        named = said is not None and said.version == version
        if place >= reached and stamp_ms >= decided_ms - _MAX_AGE_MS and not named:
            continue
        if said is None or newest is None or said.version >= newest.version:
            newest = said
    return newest


def _logs(view: View) -> dict[int, _Log]:
    found: dict[int, _Log] = defaultdict(_Log)
    for place, rec in enumerate(view.facts):
        if rec.topic == "orders":
            _take_order(found[rec.partition], place, rec, view.partitions)
        elif rec.topic == "outcomes" and _fields(rec).get("veto") in (True, False):
            fields = _fields(rec)
            vetoes = found[rec.partition].vetoes[str(fields.get("order_id"))]
            vetoes.append((rec.timestamp_ms, fields["veto"]))
    return dict(found)


def _take_order(log: _Log, place: int, rec: Rec, partitions: int) -> None:
    key = rec.key or b""
    if key.startswith(_WATERMARK):
        mark_ms = _fields(rec).get("watermark_ms")
        if type(mark_ms) is int and (not log.marks or mark_ms > log.marks[-1][0]):
            log.marks.append((mark_ms, place))
        return
    fields = _fields(rec)
    order_id = fields.get("order_id") or key.decode(errors="replace")
    said = _said(fields) if _at_home(fields, rec.partition, partitions) else None
    log.snapshots[str(order_id)].append((place, rec.timestamp_ms, said))


def _at_home(fields: Mapping[str, Any], partition: int, partitions: int) -> bool:
    """Whether a snapshot is in its buyer's partition; else it is as good as a tombstone.

    By the client's hash, not by ours.
    """
    owner = fields.get("buyer_id")
    if owner is None:
        owner = fields.get("order_id")
    if type(owner) is not str or not partitions:
        return True
    return int(murmur2(owner.encode()) & 0x7FFFFFFF) % partitions == partition


def _said(fields: Mapping[str, Any]) -> _Said | None:
    version = fields.get("order_version")
    if type(version) is not int:
        return None
    status = fields.get("back_end_status") or fields.get("order_status")
    return _Said(
        version,
        intern(status) if type(status) is str else status,
        all(line.get("shipped_count") == 0 for line in fields.get("lines") or ()),
        fields.get("paid_fen"),
    )


def _fields(rec: Rec) -> dict[str, Any]:
    """Fields of a record; none when it cannot be read."""
    try:
        found = json.loads(rec.value or b"null")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
