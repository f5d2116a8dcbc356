"""Decode one raw Kafka value into a message: checks 1 to 5 of the reading rules.

A value is the *decrypted* push envelope in UTF-8. Checks run in order, and the first
that applies decides: a heartbeat that cannot be encoded back to UTF-8 is a dead letter,
a heartbeat with a broken ``info`` is a heartbeat.
"""

import hashlib

import msgspec

from streams.platforms.kuaishou.names import REFUND_TAGS, Kind, Reason, Tag
from streams.platforms.kuaishou.values import Fault, parse, read_id

_FAULTS = {
    Fault.NOT_JSON: Reason.NOT_JSON,
    Fault.LONE_SURROGATE: Reason.LONE_SURROGATE,
    Fault.TOO_DEEP: Reason.TOO_DEEP,
}


class Closed(msgspec.Struct, frozen=True):
    """A record that needs no more work: a dead letter, or one to ignore."""

    kind: Kind
    reason: Reason


class Message(msgspec.Struct, frozen=True):
    """A push that can be routed: we read its tag, and its ids are valid."""

    tag: Tag
    order_id: int
    refund_id: int | None
    """None on order tags."""
    fields: dict[str, object]
    """The decoded ``info``; unknown fields stay in it and are never read."""
    event_id: object
    """``eventId`` as sent."""
    user_id: object
    """``userId`` as sent: the only shop id on refund events."""
    content_id: str
    """Equal for equal tag and ``info`` text, which is how the platform defines a duplicate."""


def open_envelope(raw: bytes) -> Message | Closed:
    """Decode one record; never raises, whatever the bytes."""
    envelope = _whole_envelope(raw)
    if isinstance(envelope, Reason):
        return Closed(Kind.DEAD_LETTER, envelope)
    if envelope.get("test") is True:  # check 2: JSON true, not 1 and not "true"
        return Closed(Kind.IGNORED, Reason.HEARTBEAT)
    tag = _tag(envelope)
    if not isinstance(tag, Tag):
        return tag
    info = _info(envelope)
    if isinstance(info, Reason):
        return Closed(Kind.DEAD_LETTER, info)
    return _routed(envelope, tag, info)


def _whole_envelope(raw: bytes) -> dict[str, object] | Reason:
    """Check 1: UTF-8, a JSON object, and encodable back to UTF-8, ``info`` included.

    An ``info`` that is no JSON has no escapes to check; check 4 handles it.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return Reason.NOT_UTF8
    envelope = parse(text)
    if isinstance(envelope, Fault):
        return _FAULTS[envelope]
    if not isinstance(envelope, dict):
        return Reason.NOT_OBJECT
    info = envelope.get("info")
    if isinstance(info, str) and parse(info) is Fault.LONE_SURROGATE:
        return Reason.LONE_SURROGATE
    return envelope


def _tag(envelope: dict[str, object]) -> Tag | Closed:
    """Check 3: ``event`` is a string and one of the tags that we read."""
    name = envelope.get("event")
    if not isinstance(name, str):
        return Closed(Kind.DEAD_LETTER, Reason.TAG_MISSING)
    try:
        return Tag(name)
    except ValueError:
        return Closed(Kind.IGNORED, Reason.TAG_NOT_CONSUMED)


def _info(envelope: dict[str, object]) -> dict[str, object] | Reason:
    """Check 4: ``info`` is a string holding exactly one JSON object."""
    text = envelope.get("info")
    if not isinstance(text, str):
        return Reason.INFO_NOT_TEXT
    info = parse(text)
    return info if isinstance(info, dict) else Reason.INFO_NOT_OBJECT


def _routed(
    envelope: dict[str, object], tag: Tag, info: dict[str, object]
) -> Message | Closed:
    """Check 5: without its ids a message cannot be brought to a person."""
    on_refund = tag in REFUND_TAGS
    order_id = read_id(info.get("orderId" if on_refund else "oid"))
    if order_id is None:
        return Closed(Kind.DEAD_LETTER, Reason.ORDER_ID_INVALID)
    refund_id = read_id(info.get("refundId")) if on_refund else None
    if on_refund and refund_id is None:
        return Closed(Kind.DEAD_LETTER, Reason.REFUND_ID_INVALID)
    return Message(
        tag=tag,
        order_id=order_id,
        refund_id=refund_id,
        fields=info,
        event_id=envelope.get("eventId"),
        user_id=envelope.get("userId"),
        content_id=_content_id(tag, str(envelope["info"])),
    )


def _content_id(tag: Tag, info: str) -> str:
    return hashlib.sha256(f"{tag}\n{info}".encode()).hexdigest()[:32]
