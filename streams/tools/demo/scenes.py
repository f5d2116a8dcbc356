"""The order of scenes in ``refund demo``, and the shops that they need."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from streams.tools.demo import platform_scenes, record_scenes
from streams.tools.demo.scene_runner import (
    EXCLUDED_SHOP,
    EXCLUDED_SKU,
    SHOP,
    SceneRunner,
)

Scene = Callable[[SceneRunner], Awaitable[None]]

_LINE: Final = {
    "sku_id": "k1",
    "category_path": ["clothing", "shirts"],
    "quantity": 3,
    "shipped_count": 0,
    "is_custom": False,
}

PROGRAMME: Final[tuple[Scene, ...]] = (
    platform_scenes.approved,
    platform_scenes.limit_reached,
    record_scenes.approved_directly,
    platform_scenes.ships_after_refund,
    platform_scenes.ordinary_buyer,
    platform_scenes.shipped,
    record_scenes.late_version,
    partial(platform_scenes.approved, more_fen=-3600),
    platform_scenes.custom_goods,
    record_scenes.shipped_before_approval,
    record_scenes.stale_facts,
    platform_scenes.return_of_goods,
    platform_scenes.withdrawn,
    platform_scenes.unreadable_push,
    partial(platform_scenes.approved, more_fen=9400),
    record_scenes.buyer_limited,
    record_scenes.payout_failed,
    platform_scenes.price_unreadable,
    partial(record_scenes.facts_differ, lines=[_LINE | {"shipped_count": 1}]),
    record_scenes.edited_after_approval,
    partial(platform_scenes.approved, more_fen=17400),
    record_scenes.shop_excluded,
    record_scenes.unreadable_request,
    platform_scenes.unknown_category,
    partial(record_scenes.facts_differ, refundable_left_fen=8800),
    platform_scenes.price_protection,
    partial(record_scenes.facts_differ, presale_stage="deposit_paid"),
    record_scenes.vetoed,
    record_scenes.merchant_switch,
    record_scenes.approved_directly,
    record_scenes.order_missing,
    partial(platform_scenes.approved, more_fen=-8000),
    record_scenes.delivered_twice,
    partial(record_scenes.facts_differ, lines=[_LINE | {"sku_id": EXCLUDED_SKU}]),
    record_scenes.wrong_type,
)
"""Run once in order, then again with new ids while there is time."""

SHOPS: Final = ((SHOP, True), (EXCLUDED_SHOP, False))
"""The operator's shops: id, and whether the service is on."""
