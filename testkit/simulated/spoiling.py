"""Answers that arrive damaged."""

from typing import Any

from testkit.simulated.faults import Kind, RequestFault

_HEAD = 61
"""Bytes of a batch before its first record."""


def spoil(response: Any, fault: RequestFault) -> Any:
    """Return an answer with what the fault does to it; unchanged if it has nothing to damage."""
    if fault.kind is Kind.THROTTLED:
        if hasattr(response, "throttle_time_ms"):
            response.throttle_time_ms = fault.ms
        return response
    topics = getattr(response, "topics", None)
    if topics is None:
        return response
    response.topics = [
        (topic, [(*row[:-1], _damaged(bytes(row[-1] or b""), fault)) for row in rows])
        for topic, rows in topics
    ]
    return response


def _damaged(records: bytes, fault: RequestFault) -> bytes:
    if len(records) <= _HEAD:
        return records
    if fault.kind is Kind.CUT:
        return records[: len(records) * 2 // 3]
    spoilt = bytearray(records)
    spoilt[-1] ^= 0x01
    return bytes(spoilt)
