"""The small decision of the peers: three looks, no freshness, no record of the facts.

It asks what any first version asks: amount under 300 yuan, quality user, unshipped.
Facts are two dicts that are simply there; they are not loaded from topics.
"""

from typing import Any, Final

from bench.names import buyer_id, order_id

LIMIT_FEN: Final = 30_000


class SmallWorld:
    """What the small decision knows."""

    def __init__(self, orders: int, buyers: int) -> None:
        self.quality = {buyer_id(number): "quality" for number in range(buyers)}
        self.shipped = {order_id(number): False for number in range(orders)}

    def decide(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the decision record of one request."""
        approve = (
            request["refund_fen"] < LIMIT_FEN
            and self.quality.get(request["buyer_id"]) == "quality"
            and self.shipped.get(request["order_id"]) is False
        )
        return {
            "refund_id": request["refund_id"],
            "outcome": "auto_approve" if approve else "manual_review",
        }
