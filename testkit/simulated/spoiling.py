"""Answers that arrive damaged."""

from typing import Any, Final

from testkit.simulated.faults import Disturbance, Spoilt

_HEAD: Final = 61
"""Bytes of a batch before its first record."""


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
        return records[: len(records) * 2 // 3]
    spoilt = bytearray(records)
    spoilt[-1] ^= 0x01
    return bytes(spoilt)
