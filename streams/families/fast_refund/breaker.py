"""The breaker limits automatic approvals, per shop and over all shops (section 3).

A state machine over event time. An approval is counted under its decision id, so a
repeated delivery never counts twice. The approval that would exceed a maximum is
refused and opens the breaker; one that just reaches it passes.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from streams.families.fast_refund.policy import Policy
from streams.processing.policies.breaker_reset import BreakerReset

GLOBAL: Final = "global"
SHOP: Final = "shop"


class _Counted(msgspec.Struct, frozen=True, gc=False):
    """One approval in the window."""

    at_ms: int
    decision_id: str
    shop_id: str | None
    refund_fen: int


class _Scope:
    """The approvals of one scope in the window, and since when its breaker is open."""

    __slots__ = ("count", "from_ms", "open_from_ms", "sum_fen")

    def __init__(self, from_ms: int = 0) -> None:
        self.from_ms = from_ms
        """Approvals before this moment no longer count (last reset); UTC ms."""
        self.count = 0
        self.sum_fen = 0
        self.open_from_ms: int | None = None

    def is_open(self, at_ms: int, cooldown_ms: int | None) -> bool:
        """Whether it is open: on [trip, trip + cooldown), or without a cooldown until reset."""
        if self.open_from_ms is None:
            return False
        return cooldown_ms is None or at_ms < self.open_from_ms + cooldown_ms

    def has_room(
        self, refund_fen: int, max_count: int | None, max_fen: int | None
    ) -> bool:
        """Whether one more approval stays within both maxima."""
        if max_count is not None and self.count + 1 > max_count:
            return False
        return max_fen is None or self.sum_fen + refund_fen <= max_fen

    def counts(self, at_ms: int) -> bool:
        """Whether an approval of this moment counts; one at the reset itself does."""
        return at_ms >= self.from_ms

    def add(self, count: int, at_ms: int, refund_fen: int) -> None:
        """Count an approval in (1) or out (-1), if it counts here."""
        if self.counts(at_ms):
            self.count += count
            self.sum_fen += count * refund_fen

    def reset(self, from_ms: int) -> None:
        """Close; approvals before ``from_ms`` are already removed."""
        self.from_ms = max(self.from_ms, from_ms)
        self.open_from_ms = None


class Breaker:
    """The breakers of one process (``breaker_*``); the window is (at - window, at].

    The window only moves forward, and approvals that leave it are forgotten, so an
    approval that arrives after its own window is counted again.
    """

    def __init__(self) -> None:
        self._global = _Scope()
        self._shops: dict[str | None, _Scope] = {}
        self._tripped: dict[str | None, _Scope] = {}
        """Scopes whose breaker is open, or was open until its cooldown."""
        self._window: deque[_Counted] = deque()
        self._known: set[str] = set()
        self._shops_from_ms = 0
        """The last reset of all shops, UTC ms."""
        self._shop_from_ms: dict[str | None, int] = {}
        """That of one shop; a shop without approvals keeps it."""

    def scope_open(self, shop_id: str | None, at_ms: int, policy: Policy) -> str | None:
        """Return which breaker is open for a shop: ``global``, ``shop`` or None.

        Parameters
        ----------
        shop_id
            None = unknown; all unknown shops share one scope.
        at_ms
            UTC ms of the decision.
        policy
            ``breaker_cooldown_ms``; None = open until :meth:`heed`. Without
            ``breaker_window_ms`` there are no breakers.
        """
        if policy.breaker_window_ms is None:
            return None
        if self._global.is_open(at_ms, policy.breaker_cooldown_ms):
            return GLOBAL
        shop = self._shops.get(shop_id)
        if shop is not None and shop.is_open(at_ms, policy.breaker_cooldown_ms):
            return SHOP
        return None

    def admit(
        self,
        decision_id: str,
        shop_id: str | None,
        refund_fen: int | None,
        at_ms: int,
        policy: Policy,
    ) -> str | None:
        """Count an approval, or refuse it.

        Returns
        -------
        str or None
            None when the approval is counted, now or before; otherwise the scope that
            is open or that this approval has just opened, and nothing is counted.
        """
        window_ms = policy.breaker_window_ms
        if window_ms is None or decision_id in self._known:
            return None
        already = self.scope_open(shop_id, at_ms, policy)
        if already is not None:
            return already
        self._expire(at_ms - window_ms)
        fen = refund_fen or 0
        shop = self._shop(shop_id)
        tripped = self._trip(shop, fen, at_ms, policy)
        if tripped is not None:
            scope = self._global if tripped == GLOBAL else shop
            scope.open_from_ms = at_ms
            if scope is shop:
                self._tripped[shop_id] = shop
            return tripped
        self._window.append(_Counted(at_ms, decision_id, shop_id, fen))
        self._known.add(decision_id)
        self._global.add(1, at_ms, fen)
        shop.add(1, at_ms, fen)
        return None

    def open_now(self, at_ms: int, policy: Policy) -> dict[str, int]:
        """Return the number of open breakers at a moment (UTC ms), by scope."""
        cooldown_ms = policy.breaker_cooldown_ms
        return {
            GLOBAL: int(self._global.is_open(at_ms, cooldown_ms)),
            SHOP: sum(
                scope.is_open(at_ms, cooldown_ms) for scope in self._tripped.values()
            ),
        }

    def heed(self, resets: Iterable[BreakerReset], now_ms: int) -> None:
        """Close breakers that the operators reset; what they counted before is forgotten.

        Parameters
        ----------
        now_ms
            UTC ms. A reset that lies ahead, because clocks differ, counts from now on:
            no approval that is still to come goes uncounted.
        """
        for one in resets:
            from_ms = min(one.from_ms, now_ms)
            if one.scope in ("all", GLOBAL):
                self._reset_global(from_ms)
            if one.scope == "all":
                self._shops_from_ms = max(self._shops_from_ms, from_ms)
                self._reset_shops(self._shops, from_ms)
            elif one.scope == SHOP:
                known_ms = self._shop_from_ms.get(one.shop_id, 0)
                self._shop_from_ms[one.shop_id] = max(known_ms, from_ms)
                shop = self._shops.get(one.shop_id)
                self._reset_shops({one.shop_id: shop} if shop else {}, from_ms)

    def _reset_global(self, from_ms: int) -> None:
        for one in self._window:
            if one.at_ms < from_ms:
                self._global.add(-1, one.at_ms, one.refund_fen)
        self._global.reset(from_ms)

    def _reset_shops(self, chosen: Mapping[str | None, _Scope], from_ms: int) -> None:
        for one in self._window:
            shop = chosen.get(one.shop_id)
            if shop is not None and one.at_ms < from_ms:
                shop.add(-1, one.at_ms, one.refund_fen)
        for shop_id, shop in list(chosen.items()):
            shop.reset(from_ms)
            self._tripped.pop(shop_id, None)
            if shop.count == 0:
                del self._shops[shop_id]

    def _shop(self, shop_id: str | None) -> _Scope:
        shop = self._shops.get(shop_id)
        if shop is None:
            from_ms = max(self._shops_from_ms, self._shop_from_ms.get(shop_id, 0))
            shop = self._shops[shop_id] = _Scope(from_ms)
        return shop

    def _trip(self, shop: _Scope, fen: int, at_ms: int, policy: Policy) -> str | None:
        if self._global.counts(at_ms) and not self._global.has_room(
            fen, policy.breaker_global_max_count, policy.breaker_global_max_fen
        ):
            return GLOBAL
        if shop.counts(at_ms) and not shop.has_room(
            fen, policy.breaker_shop_max_count, policy.breaker_shop_max_fen
        ):
            return SHOP
        return None

    def _expire(self, start_ms: int) -> None:
        """Drop approvals at or before the start of the window."""
        while self._window and self._window[0].at_ms <= start_ms:
            gone = self._window.popleft()
            self._known.discard(gone.decision_id)
            self._global.add(-1, gone.at_ms, gone.refund_fen)
            shop = self._shops.get(gone.shop_id)
            if shop is None:  # its approvals were reset
                continue
            shop.add(-1, gone.at_ms, gone.refund_fen)
            if shop.count == 0 and shop.open_from_ms is None:
                del self._shops[gone.shop_id]
