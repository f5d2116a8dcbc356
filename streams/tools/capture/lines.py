"""Parts as JSON lines, for people, ``grep`` and ``jq``.

UTF-8 bytes are written as text, others as ``{"base64": "..."}``; null is null.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from streams.tools.capture.record import Captured

SUFFIX: Final = ".jsonl"


class _Binary(msgspec.Struct, forbid_unknown_fields=True):
    base64: str


_Bytes = str | _Binary | None


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    timestamp_type: int
    key: _Bytes
    value: _Bytes
    headers: tuple[tuple[str, _Bytes], ...]


_DECODER: Final = msgspec.json.Decoder(_Line)


def write(path: Path, records: Sequence[Captured]) -> None:
    """Write one part."""
    with path.open("wb") as out:
        for record in records:
            out.write(orjson.dumps(_as_object(record)) + b"\n")


def read(path: Path) -> Iterator[Captured]:
    """Yield the records of one part.

    Raises
    ------
    OSError, ValueError
        The file is missing, or a line is not a record.
    """
    with path.open("rb") as lines:
        for line in lines:
            try:
                found = _DECODER.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as problem:
                raise ValueError(str(problem)) from None
            yield Captured(
                found.topic,
                found.partition,
                found.offset,
                found.timestamp_ms,
                found.timestamp_type,
                _read(found.key),
                _read(found.value),
                tuple([(name, _read(value)) for name, value in found.headers]),
            )


def _as_object(record: Captured) -> dict[str, Any]:
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp,
        "timestamp_type": record.timestamp_type,
        "key": _written(record.key),
        "value": _written(record.value),
        "headers": [[name, _written(value)] for name, value in record.headers],
    }


def _written(value: bytes | None) -> object:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def _read(value: _Bytes) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    return b64decode(value.base64, validate=True)
