"""``refund kuaishou classify``: apply the reading rules to a file, without platform calls.

Each line is a JSON string holding one raw Kafka value. A string may contain what UTF-8
cannot (a lone surrogate): that line is a dead letter. So is a line that is no JSON
string, because it holds no value. Blank lines are skipped.
"""

import json
from collections.abc import Iterable, Iterator

import orjson

from streams.platforms.kuaishou.names import Kind, Reason
from streams.platforms.kuaishou.reading import Reader, Verdict


def classify_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield ``{"class", "reason"}`` as one JSON line per record, in order, with one memory."""
    reader = Reader()
    for line in lines:
        if line.strip():
            verdict = _classify(reader, line)
            yield (
                orjson.dumps({"class": verdict.kind, "reason": verdict.reason}) + b"\n"
            )


def _classify(reader: Reader, line: bytes) -> Verdict:
    try:
        text = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        text = None
    if not isinstance(text, str):
        return Verdict(Kind.DEAD_LETTER, Reason.LINE_NOT_TEXT)
    return reader.classify(text.encode("utf-8", "surrogatepass"))
