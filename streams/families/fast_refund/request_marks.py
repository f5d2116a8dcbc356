"""Marks of requests: which record a decision answers (:mod:`streams.processing.answers`)."""

from streams.families.fast_refund.codec import decode_request
from streams.families.fast_refund.model import Request
from streams.records.json_values import Unreadable
from streams.records.record import Record


def mark_of_decision(
    key: bytes | None, refund_id: str, version: object, *, withdraws: bool
) -> int:
    """Mark the request that a decision answers; comparable within one process."""
    return hash((key, refund_id, version, withdraws))


def mark_of_request(record: Record, read: Request | Unreadable) -> int | None:
    """Return the mark of a decision on a request; None = it gets a letter, no decision."""
    if isinstance(read, Unreadable):
        return None
    return mark_of_decision(
        record.key,
        read.refund_id,
        read.refund_version,
        withdraws=read.action == "withdraw",
    )


def mark_of(record: Record) -> int | None:
    """Return what :func:`mark_of_request` says of a record that nobody has read yet."""
    return mark_of_request(record, decode_request(record.value))
