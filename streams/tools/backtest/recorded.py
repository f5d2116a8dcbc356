"""The recorded decisions of a capture: when each request was judged, and its decision."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from streams.families.fast_refund.decision_codec import decode_decision
from streams.families.fast_refund.model import Decision
from streams.processing.topics import DEAD_LETTERS
from streams.records import headers
from streams.records.dead_letters import last_text
from streams.records.notices import FOLLOW_UP_SUFFIX
from streams.tools.capture.record import Captured
from streams.tools.capture.store import DECISIONS, REQUESTS, Capture

_LETTERS: Final = DEAD_LETTERS.name
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = 1000

Place = tuple[int, int]
"""Partition and offset of a request."""


class Recorded(msgspec.Struct):
    """The outputs of a capture."""

    moments: dict[Place, int]
    """Request -> when it was judged, UTC ms; the same for all requests of a slice."""
    decisions: dict[str, Decision]
    """Decision id -> first decision."""
    earlier: list[tuple[int, int, bytes]]
    """Decisions on requests before the capture: partition and offset of the request,
    and the record."""


def read_recorded(capture: Capture) -> Recorded:
    """Read the decisions of a capture, without follow-ups of payouts."""
    topic = capture.topic(REQUESTS)
    starts = {one.partition: one.start for one in capture.spans(REQUESTS)}
    found = Recorded({}, {}, [])
    for record in capture.records((*DECISIONS, _LETTERS)):
        place, at_ms = _judged(capture, record, topic)
        if place is None:
            continue
        if at_ms is not None:
            found.moments.setdefault(place, at_ms)
        decision = _decision(capture, record)
        if decision is None or record.value is None:
            continue
        if place[1] < starts.get(place[0], 0):
            found.earlier.append((*place, record.value))
        else:
            found.decisions.setdefault(decision.decision_id, decision)
    return found


def _decision(capture: Capture, record: Captured) -> Decision | None:
    if capture.name(record.topic) == _LETTERS or record.value is None:
        return None
    try:
        decision = decode_decision(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if decision.decision_id.endswith(FOLLOW_UP_SUFFIX) else decision


def _judged(
    capture: Capture, record: Captured, topic: str
) -> tuple[Place | None, int | None]:
    """Return the request that a record answers, and when it was judged."""
    sent = record.headers
    if capture.name(record.topic) == _LETTERS:
        texts = [
            last_text(sent, one) for one in ("partition", "offset", "failed_at_ms")
        ]
        if last_text(sent, "topic") != topic:
            return None, None
        partition, offset, at_ms = (
            int(t) if t and t.isdecimal() else None for t in texts
        )
    else:
        if headers.text(sent, headers.SOURCE_TOPIC) != topic:
            return None, None
        partition = headers.number(sent, headers.SOURCE_PARTITION)
        offset = headers.number(sent, headers.SOURCE_OFFSET)
        at_ms = moment(headers.text(sent, "ce_time"))
    if partition is None or offset is None:
        return None, None
    return (partition, offset), at_ms


def moment(text: str | None) -> int | None:
    """Decode a CloudEvents time, UTC ms; None = not a time."""
    try:
        since = datetime.fromisoformat(text or "") - _EPOCH
    except (ValueError, TypeError):
        return None
    return (since.days * 86_400 + since.seconds) * _MS + since.microseconds // _MS
