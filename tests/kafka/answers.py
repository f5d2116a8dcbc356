"""An independent look at the topics: is every input answered once, and rightly.

Shares nothing with the processor but the record definitions and ``judge_again``.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from streams.decision.engine import judge_again
from streams.decision.policy import Policy
from streams.kafka.record import Record
from streams.records.decisions import decode_decision, encode_decision

OUTCOME_TOPICS: Final = {
    "approvals": "auto_approve",
    "reviews": "manual_review",
    "skipped": None,
}
FOLLOW_UP: Final = ":refund_failed"


def header(record: Record, name: str) -> str | None:
    """The last header of that name, as text."""
    for key, value in reversed(record.headers):
        if key == name:
            return value.decode()
    return None


def source(record: Record) -> tuple[int, int] | None:
    """Partition and offset of the request that a record answers."""
    if record.topic.endswith("dead-letters"):
        names = ("refund_dlq_partition", "refund_dlq_offset")
        if not (header(record, "refund_dlq_topic") or "").endswith("requests"):
            return None
    else:
        names = ("source_partition", "source_offset")
        if not (header(record, "source_topic") or "").endswith("requests"):
            return None
    partition, offset = header(record, names[0]), header(record, names[1])
    assert partition is not None
    assert offset is not None
    return int(partition), int(offset)


def problems(
    requests: Iterable[Record],
    outputs: Iterable[Record],
    policies: Mapping[str, Policy],
    committed: Mapping[int, int] | None = None,
) -> list[str]:
    """Everything that is wrong, a line each; raw repeats are counted by :func:`repeats`."""
    inputs = {(record.partition, record.offset): record for record in requests}
    answers: dict[tuple[int, int], list[Record]] = defaultdict(list)
    found: list[str] = []
    last: dict[tuple[str, int], int] = {}
    seen: set[tuple[str, int, int]] = set()
    for record in outputs:
        at = source(record)
        if at is None:
            continue
        if at[0] != record.partition:
            found.append(f"{record.topic}/{record.partition} answers partition {at[0]}")
        lane = (record.topic, record.partition)
        if (*lane, at[1]) not in seen:  # the folded log: a repeat does not count
            if at[1] < last.get(lane, -1):
                found.append(f"{lane}: offset {at[1]} answered after {last[lane]}")
            last[lane] = max(at[1], last.get(lane, -1))
        seen.add((*lane, at[1]))
        answers[at].append(record)
    found += [f"no answer to {at}" for at in inputs if at not in answers]
    found += [
        f"an answer to {at}, which was never asked"
        for at in answers
        if at not in inputs
    ]
    for at, records in answers.items():
        if at in inputs:
            found += _answer(at, inputs[at], records, policies)
    found += _contradictions(answers)
    for partition, offset in (committed or {}).items():
        mine = [at[1] for at in answers if at[0] == partition]
        if offset > max(mine, default=-1) + 1:
            found.append(
                f"partition {partition} committed to {offset}, answered to {max(mine)}"
            )
    return found


def repeats(outputs: Iterable[Record]) -> int:
    """How many outputs answer an offset that had one before."""
    answered = [at for record in outputs if (at := source(record)) is not None]
    return len(answered) - len(set(answered))


def _answer(
    at: tuple[int, int],
    asked: Record,
    records: list[Record],
    policies: Mapping[str, Policy],
) -> list[str]:
    contents = {(record.topic, record.key, record.value) for record in records}
    if len(contents) > 1:
        return [f"{at}: contradictory answers"]
    record = records[0]
    if record.topic.endswith("dead-letters"):
        kept = list(record.headers)[: len(asked.headers)]
        same = (record.key, record.value, kept) == (
            asked.key,
            asked.value,
            list(asked.headers),
        )
        return [] if same else [f"{at}: the dead letter is not what was sent"]
    return _decision(at, asked, record, policies)


def _decision(
    at: tuple[int, int], asked: Record, record: Record, policies: Mapping[str, Policy]
) -> list[str]:
    found: list[str] = []
    value = record.value or b""
    decision = decode_decision(value)
    request: dict[str, Any] = json.loads(asked.value or b"{}")
    if decision.refund_id != request.get("refund_id"):
        found.append(f"{at}: a decision on another refund")
    if OUTCOME_TOPICS[record.topic.rsplit(".", 1)[1]] != decision.outcome:
        found.append(f"{at}: {decision.outcome} in {record.topic}")
    if header(record, "ce_id") != decision.decision_id:
        found.append(f"{at}: ce_id differs")
    again = judge_again(decision, policies.get(decision.policy or ""))
    if encode_decision(again) != value:
        found.append(
            f"{at}: judged again it reads {msgspec.json.encode(again)!r}, not {value!r}"
        )
    return found


def _contradictions(answers: Mapping[tuple[int, int], list[Record]]) -> list[str]:
    """A decision id means one content; a withdrawal may share its request's id."""
    contents: dict[tuple[str | None, bool], dict[bytes, tuple[int, int]]] = defaultdict(
        dict
    )
    for at, records in answers.items():
        for record in records:
            if not record.topic.endswith("dead-letters"):
                withdraws = b'"action":"withdraw"' in (record.value or b"")
                contents[header(record, "ce_id"), withdraws][record.value or b""] = at
    return [
        f"{name}: {len(found)} contents, at {sorted(found.values())}"
        for name, found in contents.items()
        if len(found) > 1
    ]
