"""Marks of requests: which record a decision answers (:mod:`streams.processing.answers`)."""

from streams.families.fast_refund.codec import decode_request
from streams.families.fast_refund.model import Request
from streams.records.json_values import Unreadable
from streams.records.record import Record


def mark_of_decision(
    key: bytes | None, refund_id: str, version: object, *, withdraws: bool
) -> int:
    """Return the mark of the request that a decision answers; comparable within one process."""
    return hash((key, refund_id, version, withdraws))


def mark_of_request(record: Record, read: Request | Unreadable) -> int | None:
    """Return the mark of a decision on a request; None = it becomes a dead letter."""
    if isinstance(read, Unreadable):
        return None
    return mark_of_decision(
        record.key,
        read.refund_id,
        read.refund_version,
        withdraws=read.action == "withdraw",
    )


def mark_of(record: Record) -> int | None:
    """Return :func:`mark_of_request` of a record that is not decoded yet."""
    return mark_of_request(record, decode_request(record.value))
