"""What happens in ``refund demo``: one function a scene, and the order of scenes.

Those in the first half arrive as platform pushes and go through ``ingest``, which asks
the platform's stand-in; those in the second half are canonical records.
"""
# ruff: noqa: D401 - the docstring of a scene tells what happens in it

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from streams.families.fast_refund.topics import OUTCOMES
from streams.tools.demo import samples
from streams.tools.demo.scene_runner import (
    EXCLUDED_SHOP,
    EXCLUDED_SKU,
    SHOP,
    SceneRunner,
)

Scene = Callable[[SceneRunner], Awaitable[None]]

_SHIPPED: Final = 40
_CLOSED: Final = 70
_RETURN: Final = 1
_PRICE_PROTECTION: Final = 1
_MINUTE_MS: Final = 60_000
_NOTHING: Final[Mapping[str, object]] = {}


# -- through the platform ------------------------------------------------------


async def _bought(
    runner: SceneRunner,
    quality: str = "quality",
    order: Mapping[str, object] = _NOTHING,
    more_fen: int = 0,
) -> None:
    """Order and pay; ``more_fen`` than the 125 yuan of the sample."""
    runner.order_detail(**order)
    runner.order_detail(orderBaseInfo={"totalFee": 12900 + more_fen})
    runner.fee_detail(
        totalFee=12500 + more_fen,
        sellerRecv=12500 + more_fen,
        buyerPay=11500 + more_fen,
    )
    runner.refund_detail(refundFee=12500 + more_fen)
    await runner.buyer(quality)
    await runner.push(samples.ADDED)
    await runner.push(samples.PAID)
    await runner.settle()


async def approved(runner: SceneRunner, more_fen: int = 0) -> None:
    """A quality user changes their mind; every condition holds."""
    await _bought(runner, more_fen=more_fen)
    await runner.ask()


async def limit_reached(runner: SceneRunner) -> None:
    """Paid exactly 300 yuan: the limit is exclusive."""
    await _bought(runner, more_fen=17500)
    await runner.ask()


async def ordinary_buyer(runner: SceneRunner) -> None:
    """All is well but the buyer, who is no quality user."""
    await _bought(runner, quality="ordinary")
    await runner.ask()


async def custom_goods(runner: SceneRunner) -> None:
    """Made to order."""
    await _bought(runner, order={"orderCustomizedInfo": {"customizedItemType": 1}})
    await runner.ask()


async def unknown_category(runner: SceneRunner) -> None:
    """A leaf category that ``kuaishou.categories_file`` does not have."""
    leaf = {"itemExtra": {"categoryInfo": {"itemCid": 9999}}}
    await _bought(runner, order={"orderItemInfo": leaf})
    await runner.ask()


async def shipped(runner: SceneRunner) -> None:
    """The goods are on their way already."""
    await _bought(runner)
    await _ship(runner)
    await runner.settle()
    await runner.ask()


async def _ship(runner: SceneRunner) -> None:
    now_ms = runner.now_ms()
    base = {"status": _SHIPPED, "sendTime": now_ms, "updateTime": now_ms}
    runner.order_detail(orderBaseInfo=base, orderDeliveryInfo={"deliveryNum": 1})
    await runner.push(samples.SHIPPED, updateTime=now_ms)


async def price_unreadable(runner: SceneRunner) -> None:
    """The platform does not tell what the order cost."""
    runner.order_detail()
    runner.refund_detail()
    await runner.buyer()
    await runner.ask()


async def return_of_goods(runner: SceneRunner) -> None:
    """Not refund-only: another process."""
    await _bought(runner)
    runner.refund_detail(handlingWay=_RETURN)
    await runner.ask(handlingWay=_RETURN)


async def price_protection(runner: SceneRunner) -> None:
    """A price difference, not a refund of the order."""
    await _bought(runner)
    runner.refund_detail(specialRefundType=_PRICE_PROTECTION)
    await runner.ask(specialRefundType=_PRICE_PROTECTION)


async def withdrawn(runner: SceneRunner) -> None:
    """Approved, and then the buyer takes the request back."""
    await approved(runner)
    await runner.decided()
    now_ms = runner.now_ms()
    runner.refund_detail(status=_CLOSED, updateTime=now_ms)
    runner.notice("withdrawn_after_approval", "kuaishou")
    await runner.ask(
        samples.REFUND_UPDATED, status=_CLOSED, eventType=_CLOSED, updateTime=now_ms
    )


async def ships_after_refund(runner: SceneRunner) -> None:
    """Approved, and then the merchant hands the goods over all the same."""
    await approved(runner)
    await runner.decided()
    runner.notice("ship_after_refund", "kuaishou")
    await _ship(runner)


async def unreadable_push(runner: SceneRunner) -> None:
    """A message that was cut off, and a heartbeat that nobody acts on."""
    await runner.push(samples.HEARTBEAT)
    await runner.push_broken()


# -- canonical records ---------------------------------------------------------


async def _placed(runner: SceneRunner, **order: object) -> None:
    await runner.buyer()
    await runner.order(**order)
    await runner.settle()


async def approved_directly(runner: SceneRunner) -> None:
    """The same request and order, without a platform in between."""
    await _placed(runner)
    await runner.request()


async def facts_differ(runner: SceneRunner, **order: object) -> None:
    """Approved but for one fact of the order."""
    await _placed(runner, **order)
    await runner.request()


async def stale_facts(runner: SceneRunner) -> None:
    """The order was last heard of ten minutes ago: nobody knows whether it shipped."""
    then_ms = runner.now_ms() - 10 * _MINUTE_MS
    await runner.feed_stops(then_ms)
    await _placed(runner, as_of_ms=then_ms)
    await runner.request()


async def buyer_limited(runner: SceneRunner) -> None:
    """A quality user who is limited at present."""
    await runner.buyer("quality", "limited")
    await runner.order()
    await runner.settle()
    await runner.request()


async def shop_excluded(runner: SceneRunner) -> None:
    """The platform has switched this shop off."""
    await _placed(runner, shop_id=str(EXCLUDED_SHOP))
    await runner.request(shop_id=str(EXCLUDED_SHOP))


async def vetoed(runner: SceneRunner) -> None:
    """The platform wants a person to look at this order."""
    await runner.fact(
        OUTCOMES, runner.order_id, {"order_id": runner.order_id, "veto": True}
    )
    await _placed(runner)
    await runner.request()


async def order_missing(runner: SceneRunner) -> None:
    """Nobody has heard of the order."""
    await runner.buyer()
    await runner.settle()
    await runner.request()


async def wrong_type(runner: SceneRunner) -> None:
    """The amount is a text: it is not converted, a person reads it."""
    await _placed(runner)
    await runner.request(refund_fen="19900")


async def late_version(runner: SceneRunner) -> None:
    """The first version arrives after the second."""
    await _placed(runner)
    now_ms = runner.now_ms()
    await runner.request(action="edit", refund_version=now_ms)
    await runner.request(refund_version=now_ms - 1_000)


async def edited_after_approval(runner: SceneRunner) -> None:
    """Approved, and then the buyer asks for another amount."""
    await approved_directly(runner)
    await runner.decided()
    await runner.request(action="edit", refund_fen=9900)


async def delivered_twice(runner: SceneRunner) -> None:
    """The same request again: the first decision again, not a second one."""
    await _placed(runner)
    now_ms = runner.now_ms()
    for _ in range(2):
        await runner.request(refund_version=now_ms, requested_at_ms=now_ms)


async def payout_failed(runner: SceneRunner) -> None:
    """Approved, but the money does not arrive: a person takes over."""
    await approved_directly(runner)
    await runner.decided()
    runner.follow_up()
    await runner.fact(
        OUTCOMES,
        runner.refund_id,
        {
            "refund_id": runner.refund_id,
            "kind": "payout_failed",
            "by": "payout",
            "at_ms": runner.now_ms(),
        },
    )


async def shipped_before_approval(runner: SceneRunner) -> None:
    """Approved, and only then does the carrier say it had picked the goods up before."""
    await approved_directly(runner)
    await runner.decided()
    runner.notice("race_detected", "direct")
    runner.notice("loss_recorded", "direct")
    await runner.order(picked_up_at_ms=runner.now_ms() - _MINUTE_MS)


async def merchant_switch(runner: SceneRunner) -> None:
    """A merchant may not switch the service off."""
    await runner.merchant_switches()


async def unreadable_request(runner: SceneRunner) -> None:
    """Bytes that are no JSON."""
    await runner.request_broken()


_LINE: Final = {
    "sku_id": "k1",
    "category_path": ["clothing", "shirts"],
    "quantity": 3,
    "shipped_count": 0,
    "is_custom": False,
}

PROGRAMME: Final[tuple[Scene, ...]] = (
    approved,
    limit_reached,
    approved_directly,
    ships_after_refund,
    ordinary_buyer,
    shipped,
    late_version,
    partial(approved, more_fen=-3600),
    custom_goods,
    shipped_before_approval,
    stale_facts,
    return_of_goods,
    withdrawn,
    unreadable_push,
    partial(approved, more_fen=9400),
    buyer_limited,
    payout_failed,
    price_unreadable,
    partial(facts_differ, lines=[_LINE | {"shipped_count": 1}]),
    edited_after_approval,
    partial(approved, more_fen=17400),
    shop_excluded,
    unreadable_request,
    unknown_category,
    partial(facts_differ, refundable_left_fen=8800),
    price_protection,
    partial(facts_differ, presale_stage="deposit_paid"),
    vetoed,
    merchant_switch,
    approved_directly,
    order_missing,
    partial(approved, more_fen=-8000),
    delivered_twice,
    partial(facts_differ, lines=[_LINE | {"sku_id": EXCLUDED_SKU}]),
    wrong_type,
)
"""Run once from front to back, then again with new ids for as long as there is time."""

SHOPS: Final = ((SHOP, True), (EXCLUDED_SHOP, False))
"""What the operator says of the shops: id, and whether the service is on."""
