"""Answers that arrive damaged."""

from typing import Any, Final

from testkit.simulated.faults import Disturbance, Spoilt

_HEAD: Final = 61
"""Bytes of a batch before its first record."""
_LENGTH_BEGINS: Final = 8
_LENGTH_ENDS: Final = 12
"""Where a batch says how many bytes follow."""


def spoil(response: Any, fault: Disturbance) -> Any:
    """Return an answer with what the fault does to it; unchanged if it has nothing to damage."""
    if fault.throttle_ms and hasattr(response, "throttle_time_ms"):
        response.throttle_time_ms = fault.throttle_ms
    topics = getattr(response, "topics", None)
    if fault.spoilt is Spoilt.WHOLE or topics is None:
        return response
    response.topics = [
        (topic, [(*row[:-1], _damaged(bytes(row[-1] or b""), fault)) for row in rows])
        for topic, rows in topics
    ]
    return response


def _damaged(records: bytes, fault: Disturbance) -> bytes:
    if len(records) <= _HEAD:
        return records
    if fault.spoilt is Spoilt.CUT:
        return _cut(records)
    spoilt = bytearray(records)
    spoilt[-1] ^= 0x01
    return bytes(spoilt)


def _cut(records: bytes) -> bytes:
    """Let records end in the middle of a batch, but never of the first: nor does Kafka.

    It answers with nothing instead (since version 3 of the request), so that a client
    need not take a batch for one that is larger than it may fetch.
    """
    first = _LENGTH_ENDS + int.from_bytes(records[_LENGTH_BEGINS:_LENGTH_ENDS])
    if len(records) <= first:
        return b""
    return records[: max((first + len(records)) // 2, len(records) * 2 // 3)]
