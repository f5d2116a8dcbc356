"""The small decision on typed records, as Jackson reads them in Java: here msgspec does.

For the peers that choose their JSON themselves; frameworks use what they bring along.
"""

from typing import Final

import msgspec

from bench.peers.small import LIMIT_FEN, SmallWorld


class Request(msgspec.Struct, gc=False):
    """A refund request, with the fields that the Java peers read."""

    event_id: str
    action: str
    refund_id: str
    refund_version: int
    order_id: str
    buyer_id: str
    shop_id: str
    refund_kind: str
    special_refund_type: int
    refund_fen: int
    requested_at_ms: int
    expire_at_ms: int | None
    reason: str


class Decision(msgspec.Struct, gc=False):
    """What becomes of it."""

    refund_id: str
    outcome: str


_READ: Final = msgspec.json.Decoder(Request).decode
_WRITE: Final = msgspec.json.Encoder().encode


class TypedWorld(SmallWorld):
    """What the small decision knows."""

    def answer(self, request: bytes) -> bytes:
        """Return the decision record of one request record."""
        asked = _READ(request)
        approve = (
            asked.refund_fen < LIMIT_FEN
            and self.quality.get(asked.buyer_id) == "quality"
            and self.shipped.get(asked.order_id) is False
        )
        outcome = "auto_approve" if approve else "manual_review"
        return _WRITE(Decision(asked.refund_id, outcome))
