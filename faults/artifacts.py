"""What stays of a failed run: its timeline, and its topics as JSON lines."""

import base64
import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from faults.judge.view import Rec, View


def save(
    folder: Path,
    timeline: Sequence[tuple[float, str]],
    found: Sequence[str],
    view: View | None,
) -> None:
    """Write everything a reader needs to find out what happened into ``folder``."""
    lines = [f"{at:8.2f} s  {text}" for at, text in timeline]
    (folder / "timeline.txt").write_text(
        "\n".join([*lines, "", *found, ""]), encoding="utf-8"
    )
    if view is None:
        return
    _write(folder / "inputs.jsonl.gz", map(_rec, view.inputs))
    _write(folder / "outputs.jsonl.gz", map(_rec, view.outputs))
    _write(folder / "facts.jsonl.gz", map(_rec, view.facts))
    _write(
        folder / "samples.jsonl.gz",
        (
            {
                "at_ms": one.at_ms,
                "ended_ms": one.ended_ms,
                "committed": dict(one.committed),
                "input_ends": dict(one.input_ends),
                "alive": one.alive,
            }
            for one in view.samples
        ),
    )


def _write(path: Path, rows: Iterable[object]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as sink:
        for row in rows:
            sink.write(json.dumps(row, ensure_ascii=False) + "\n")


def _rec(rec: Rec) -> dict[str, object]:
    return {
        "topic": rec.topic,
        "partition": rec.partition,
        "offset": rec.offset,
        "timestamp_ms": rec.timestamp_ms,
        "key": _text(rec.key),
        "value": _text(rec.value),
        "headers": [[name, _text(value)] for name, value in rec.headers],
    }


def _text(value: bytes | None) -> str | dict[str, str] | None:
    """UTF-8 as text, anything else as an object with base64."""
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}
