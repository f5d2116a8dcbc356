"""Whether an output fits the record that it answers: decisions and dead letters."""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Final

from faults.judge.view import Rec, View

RECORD_MAX_BYTES: Final = 65_536
DEAD_HEADERS: Final = (
    "topic",
    "partition",
    "offset",
    "stage",
    "error",
    "message",
    "failed_at_ms",
    "app_version",
)
TRACE: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def readable(value: bytes | None) -> bool:
    """Whether somebody could be asked about it (E-28): our own reading of the rule."""
    if value is None or len(value) > RECORD_MAX_BYTES:
        return False
    try:
        found = json.loads(value.decode(), parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    refund_id = found.get("refund_id") if isinstance(found, dict) else None
    return isinstance(refund_id, str) and bool(refund_id)


def _refuse(name: str) -> object:
    raise ValueError(name)


def answers_fit(view: View) -> Iterator[str]:
    """A decision on what was asked; a dead letter byte for byte when nobody was."""
    for rec in view.inputs:
        for answer in view.answers.get((rec.partition, rec.offset), ()):
            if answer.partition != rec.partition:
                yield f"{answer}: answers {rec} from another partition"
            if answer.header("refund_dlq_cut") is not None:
                yield from _cut_letter_fits(rec, answer)
                continue
            if answer.key != rec.key:
                yield f"{answer}: another key than {rec}"
            if too_large(rec) or not readable(rec.value):
                yield from _letter_fits(rec, answer)
            elif answer.topic == "dead-letters":
                yield f"{answer}: {rec} could have been decided"
            else:
                yield from _decision_fits(rec, answer)


def too_large(rec: Rec) -> bool:
    """Whether key, value and headers together are more than is read."""
    named = sum(len(name.encode()) + len(text or b"") for name, text in rec.headers)
    return len(rec.key or b"") + len(rec.value or b"") + named > RECORD_MAX_BYTES


def _cut_letter_fits(rec: Rec, letter: Rec) -> Iterator[str]:
    """A letter may be cut where the record is too large, or no client can read it."""
    unread = rec.header("refund_unread") is not None
    if not unread and not too_large(rec):
        yield f"{letter}: cut, though {rec} is small and readable"
    if unread:
        return  # what it was is not known here either
    digest = hashlib.sha256((rec.key or b"") + (rec.value or b""))
    for name, text in rec.headers:
        digest.update(name.encode() + (text or b""))
    if letter.header("refund_dlq_sha256") != digest.hexdigest():
        yield f"{letter}: another checksum than {rec}"
    for kept, whole in ((letter.key, rec.key), (letter.value, rec.value)):
        if not (whole or b"").startswith(kept or b""):
            yield f"{letter}: holds something else than {rec}"


def _letter_fits(rec: Rec, letter: Rec) -> Iterator[str]:
    if letter.topic != "dead-letters":
        yield f"{letter}: decides what nobody can read, {rec}"
        return
    if letter.value != rec.value:
        yield f"{letter}: another value than {rec}"
    kept, added = letter.headers[: len(rec.headers)], letter.headers[len(rec.headers) :]
    if kept != rec.headers:
        yield f"{letter}: other headers than {rec}"
    if tuple(name for name, _ in added) != tuple(
        f"refund_dlq_{one}" for one in DEAD_HEADERS
    ):
        yield f"{letter}: adds the wrong headers"


def _decision_fits(rec: Rec, decision: Rec) -> Iterator[str]:
    asked, found = rec.fields, decision.fields
    version = asked.get("refund_version")
    if type(version) is not int:
        version = None
    if (found["refund_id"], found["refund_version"]) != (asked["refund_id"], version):
        yield f"{decision}: decides another request than {rec}"
    withdraws = asked.get("action") == "withdraw"
    if decision.identity[1] != withdraws:
        yield f"{decision}: takes {rec} for what it is not"
    if decision.header("traceparent") != _trace(rec):
        yield f"{decision}: loses the trace of {rec}"


def _trace(rec: Rec) -> str | None:
    """The first header that is a trace; what is none is not passed through."""
    for name, value in rec.headers:
        if name == "traceparent" and TRACE.fullmatch(value or b""):
            return (value or b"").decode()
    return None
