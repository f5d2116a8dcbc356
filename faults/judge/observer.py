"""What was seen while the run went on: a reader that listened, and lag that was sampled."""

from collections.abc import Iterator
from typing import Final

from faults.judge.view import View, digest_of

_STUCK_MS: Final = 30_000
_BLIND_MS: Final = 5_000
"""Between two looks that are further apart the broker was away: nothing is known."""


def reader_agrees(view: View) -> Iterator[str]:
    """Find what a reader met otherwise than the log has it at the end (O8)."""
    if not view.heard:
        return
    at_end = {
        (rec.topic, rec.partition, rec.offset): digest_of(
            rec.key, rec.value, rec.headers
        )
        for rec in view.outputs
    }
    stood: dict[tuple[str, int], int] = {}
    for heard in view.heard:
        lane = (heard.topic, heard.partition)
        name = f"{heard.topic}/{heard.partition}@{heard.offset}"
        if heard.offset <= stood.get(lane, -1):
            yield f"{name}: heard after {stood[lane]}"
        stood[lane] = max(heard.offset, stood.get(lane, -1))
        digest = at_end.pop((*lane, heard.offset), None)
        if digest is None:
            yield f"{name}: heard, and not in the log at the end"
        elif digest != heard.digest:
            yield f"{name}: heard otherwise than the log has it at the end"
    for topic, partition, offset in at_end:
        if offset <= stood.get((topic, partition), -1):
            yield f"{topic}/{partition}@{offset}: in the log, and never heard"


def acknowledged_is_there(view: View) -> Iterator[str]:
    """Find requests the broker acknowledged and the input log lacks (O1)."""
    there = {(rec.partition, rec.offset) for rec in view.inputs}
    for partition, offset in view.sent.keys() - there:
        yield f"requests/{partition}@{offset}: acknowledged to its sender, not in the log"


def nobody_is_stuck(view: View) -> Iterator[str]:
    """Find lag that grew for half a minute while a worker lived and committed nothing (O9)."""
    since: dict[int, tuple[int, int, int]] = {}
    looked_ms = 0
    for sample in view.samples:
        cut_off = any(begin <= sample.at_ms <= end for begin, end in view.cut_off)
        if cut_off or sample.at_ms - looked_ms > _BLIND_MS:
            since.clear()
        looked_ms = sample.at_ms
        for partition, end in sample.input_ends.items():
            committed = sample.committed.get(partition, 0)
            known = since.get(partition)
            idle = end <= committed or not sample.alive
            if idle or known is None or known[0] != committed:
                since[partition] = (committed, end, sample.at_ms)
            elif end > known[1] and sample.at_ms - known[2] > _STUCK_MS:
                since[partition] = (committed, end, sample.at_ms)
                yield (
                    f"requests/{partition}@{committed}: nothing committed for "
                    f"{sample.at_ms - known[2]} ms, {end - committed} records wait"
                )
