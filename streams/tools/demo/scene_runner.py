"""Runs one scene: the actions of buyer, shop, platform and operator."""

import asyncio
import itertools
from collections.abc import Mapping
from typing import Final

import msgspec

from streams.families.fast_refund.topics import BUYERS, ORDERS, REQUESTS, SHOPS
from streams.platforms.kuaishou.standin import PlatformData
from streams.processing.topics import Topic
from streams.tools.demo import samples
from streams.tools.demo.samples import Cast, Samples
from streams.tools.demo.scoreboard import Scoreboard
from streams.tools.demo.wire import Wire
from streams.tools.traffic import records

SHOP: Final = 2100000001
"""The shop of the samples, in good standing."""
EXCLUDED_SHOP: Final = 2100000009
EXCLUDED_SKU: Final = "21000000000666"

_SETTLE_S: Final = 0.3
"""Time between an event of an order and the request, seconds; people are slower."""
_MONTH_MS: Final = 30 * records.DAY_MS
_NO_PARTITION: Final = -1
"""The wire derives the partition from the buyer."""


class SceneContext(msgspec.Struct, frozen=True, kw_only=True):
    """The context that all scenes share."""

    wire: Wire
    world: PlatformData
    """Data of the platform's stand-in."""
    scoreboard: Scoreboard
    samples: Samples
    events: "itertools.count[int]"
    """Numbers pushed messages."""


class SceneRunner:
    """The actions of one scene."""

    def __init__(self, context: SceneContext, cast: Cast) -> None:
        self._context = context
        self.cast = cast
        self.order_id = str(cast.order_id)
        self.refund_id = str(cast.refund_id)
        self._item = records.Item(
            self.order_id, cast.buyer_id, _NO_PARTITION, str(cast.shop_id)
        )

    def now_ms(self) -> int:
        """UTC ms."""
        return self._context.wire.now_ms()

    async def settle(self) -> None:
        """Wait until the written facts are applied."""
        await asyncio.sleep(_SETTLE_S)

    async def decided(self) -> None:
        """Wait for the decision on this scene's refund."""
        await self._context.scoreboard.arrived("decision", self.refund_id)

    def notice(self, kind: str, via: str) -> None:
        """Expect a notice about this scene's refund."""
        self._context.scoreboard.expect("notice", f"{kind}:{self.refund_id}", via)

    def follow_up(self) -> None:
        """Expect one more decision about this scene's refund."""
        self._context.scoreboard.expect("decision", self.refund_id, "direct")

    # -- the platform ----------------------------------------------------------

    def order_detail(self, **changes: object) -> None:
        """Set the platform's order detail; later changes override earlier ones."""
        self._tell(self._context.world.orders, self.order_id, samples.ORDER, changes)

    def fee_detail(self, **changes: object) -> None:
        """Set the platform's fee detail."""
        self._tell(self._context.world.fees, self.order_id, samples.FEE, changes)

    def refund_detail(self, **changes: object) -> None:
        """Set the platform's refund detail."""
        self._tell(self._context.world.refunds, self.refund_id, samples.REFUND, changes)

    def _tell(
        self,
        table: dict[str, Mapping[str, object]],
        key: str,
        name: str,
        changes: Mapping[str, object],
    ) -> None:
        known = table.get(key)
        table[key] = (
            self._context.samples.answer(name, self.cast, changes)
            if known is None
            else samples.merged(known, changes)
        )

    async def push(self, name: str, **info: object) -> None:
        """Push one message; fields of ``info`` may differ from the sample."""
        value = self._context.samples.message(
            name, self.cast, next(self._context.events), info
        )
        await self._context.wire.push(self.cast.order_id, value)

    async def ask(self, name: str = samples.REFUND_ADDED, **info: object) -> None:
        """Push a message about the refund; a decision must follow."""
        self._context.scoreboard.expect("decision", self.refund_id, "kuaishou")
        await self.push(name, **info)

    async def push_broken(self) -> None:
        """Push an unreadable message; a dead letter must follow."""
        self._context.scoreboard.expect("dead_letter", self.order_id, "kuaishou")
        await self.push(samples.BROKEN)

    # -- edge and operator: canonical records ----------------------------------

    async def buyer(self, value: str = "quality", *limits: str) -> None:
        """Write the buyer's quality and running limits."""
        now_ms = self.now_ms()
        since_ms = now_ms - _MONTH_MS
        row = records.buyer(
            self.cast.buyer_id,
            now_ms,
            quality=[{"from_ms": since_ms, "value": value}],
            limits=[
                {"kind": kind, "from_ms": since_ms, "until_ms": now_ms + _MONTH_MS}
                for kind in limits
            ],
        )
        await self.fact(BUYERS, self.cast.buyer_id, row)

    async def order(self, **changes: object) -> None:
        """Write a snapshot of this scene's order."""
        now_ms = self.now_ms()
        row = records.order(self._item, now_ms, order_version=now_ms)
        await self.fact(ORDERS, self.order_id, row | changes)

    async def fact(self, topic: Topic, key: str, row: Mapping[str, object]) -> None:
        """Write one row about this scene's buyer or order."""
        await self._context.wire.put(topic, key, row, self.cast.buyer_id)

    async def feed_stops(self, at_ms: int) -> None:
        """Write a watermark that keeps this buyer's order feed at ``at_ms``."""
        await self._context.wire.mark_stale(self.cast.buyer_id, at_ms)

    async def request(self, **changes: object) -> None:
        """Write a refund request directly; a decision must follow."""
        self._context.scoreboard.expect("decision", self.refund_id, "direct")
        ask, now_ms = records.Ask(self.refund_id, self._item), self.now_ms()
        row = records.request(ask, now_ms, refund_version=now_ms) | changes
        await self._context.wire.put(REQUESTS, self.refund_id, row, self.cast.buyer_id)

    async def request_broken(self) -> None:
        """Send invalid JSON; a dead letter must follow."""
        self._context.scoreboard.expect("dead_letter", self.refund_id, "direct")
        value = b'{"refund_id":"' + self.refund_id.encode() + b'","refund_fen":'
        await self._context.wire.put(
            REQUESTS, self.refund_id, value, self.cast.buyer_id
        )

    async def merchant_switches(self) -> None:
        """Write a merchant's attempt to switch the service off; a notice must follow."""
        shop_id = str(self.cast.shop_id)
        self._context.scoreboard.expect(
            "notice", f"merchant_switch_ignored:{shop_id}", "direct"
        )
        row = {"shop_id": shop_id, "enabled": False, "by": "merchant"}
        await self._context.wire.put(SHOPS, shop_id, row, shop_id)
