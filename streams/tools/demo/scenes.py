"""What happens in ``refund demo``: one function a story, and the order they come in.

Those in the first half arrive as platform pushes and go through ``ingest``, which asks
the platform's stand-in; those in the second half are canonical records.
"""
# ruff: noqa: D401 - the docstring of a scene tells what happens in it

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from streams.families.fast_refund.topics import OUTCOMES
from streams.tools.demo import samples
from streams.tools.demo.scene_runner import EXCLUDED_SHOP, EXCLUDED_SKU, SHOP, Act

Scene = Callable[[Act], Awaitable[None]]

_SHIPPED: Final = 40
_CLOSED: Final = 70
_RETURN: Final = 1
_PRICE_PROTECTION: Final = 1
_MINUTE_MS: Final = 60_000
_NOTHING: Final[Mapping[str, object]] = {}


# -- through the platform ------------------------------------------------------


async def _bought(
    act: Act,
    quality: str = "quality",
    order: Mapping[str, object] = _NOTHING,
    more_fen: int = 0,
) -> None:
    """Order and pay; ``more_fen`` than the 125 yuan of the sample."""
    act.order_detail(**order)
    act.order_detail(orderBaseInfo={"totalFee": 12900 + more_fen})
    act.fee_detail(
        totalFee=12500 + more_fen,
        sellerRecv=12500 + more_fen,
        buyerPay=11500 + more_fen,
    )
    act.refund_detail(refundFee=12500 + more_fen)
    await act.buyer(quality)
    await act.push(samples.ADDED)
    await act.push(samples.PAID)
    await act.settle()


async def approved(act: Act, more_fen: int = 0) -> None:
    """A quality user changes their mind; every condition holds."""
    await _bought(act, more_fen=more_fen)
    await act.ask()


async def limit_reached(act: Act) -> None:
    """Paid exactly 300 yuan: the limit is exclusive."""
    await _bought(act, more_fen=17500)
    await act.ask()


async def ordinary_buyer(act: Act) -> None:
    """All is well but the buyer, who is no quality user."""
    await _bought(act, quality="ordinary")
    await act.ask()


async def custom_goods(act: Act) -> None:
    """Made to order."""
    await _bought(act, order={"orderCustomizedInfo": {"customizedItemType": 1}})
    await act.ask()


async def unknown_category(act: Act) -> None:
    """A leaf category that ``kuaishou.categories_file`` does not have."""
    leaf = {"itemExtra": {"categoryInfo": {"itemCid": 9999}}}
    await _bought(act, order={"orderItemInfo": leaf})
    await act.ask()


async def shipped(act: Act) -> None:
    """The goods are on their way already."""
    await _bought(act)
    await _ship(act)
    await act.settle()
    await act.ask()


async def _ship(act: Act) -> None:
    now_ms = act.now_ms()
    base = {"status": _SHIPPED, "sendTime": now_ms, "updateTime": now_ms}
    act.order_detail(orderBaseInfo=base, orderDeliveryInfo={"deliveryNum": 1})
    await act.push(samples.SHIPPED, updateTime=now_ms)


async def price_unreadable(act: Act) -> None:
    """The platform does not tell what the order cost."""
    act.order_detail()
    act.refund_detail()
    await act.buyer()
    await act.ask()


async def return_of_goods(act: Act) -> None:
    """Not refund-only: another process."""
    await _bought(act)
    act.refund_detail(handlingWay=_RETURN)
    await act.ask(handlingWay=_RETURN)


async def price_protection(act: Act) -> None:
    """A price difference, not a refund of the order."""
    await _bought(act)
    act.refund_detail(specialRefundType=_PRICE_PROTECTION)
    await act.ask(specialRefundType=_PRICE_PROTECTION)


async def withdrawn(act: Act) -> None:
    """Approved, and then the buyer takes the request back."""
    await approved(act)
    await act.decided()
    now_ms = act.now_ms()
    act.refund_detail(status=_CLOSED, updateTime=now_ms)
    act.notice("withdrawn_after_approval", "kuaishou")
    await act.ask(
        samples.REFUND_UPDATED, status=_CLOSED, eventType=_CLOSED, updateTime=now_ms
    )


async def ships_after_refund(act: Act) -> None:
    """Approved, and then the merchant hands the goods over all the same."""
    await approved(act)
    await act.decided()
    act.notice("ship_after_refund", "kuaishou")
    await _ship(act)


async def unreadable_push(act: Act) -> None:
    """A message that was cut off, and a heartbeat that nobody acts on."""
    await act.push(samples.HEARTBEAT)
    await act.push_broken()


# -- canonical records ---------------------------------------------------------


async def _placed(act: Act, **order: object) -> None:
    await act.buyer()
    await act.order(**order)
    await act.settle()


async def approved_directly(act: Act) -> None:
    """The same request and order, without a platform in between."""
    await _placed(act)
    await act.request()


async def facts_differ(act: Act, **order: object) -> None:
    """Approved but for one fact of the order."""
    await _placed(act, **order)
    await act.request()


async def stale_facts(act: Act) -> None:
    """The order was last heard of ten minutes ago: nobody knows whether it shipped."""
    then_ms = act.now_ms() - 10 * _MINUTE_MS
    await act.feed_stops(then_ms)
    await _placed(act, as_of_ms=then_ms)
    await act.request()


async def buyer_limited(act: Act) -> None:
    """A quality user who is limited at present."""
    await act.buyer("quality", "limited")
    await act.order()
    await act.settle()
    await act.request()


async def shop_excluded(act: Act) -> None:
    """The platform has switched this shop off."""
    await _placed(act, shop_id=str(EXCLUDED_SHOP))
    await act.request(shop_id=str(EXCLUDED_SHOP))


async def vetoed(act: Act) -> None:
    """The platform wants a person to look at this order."""
    await act.fact(OUTCOMES, act.order_id, {"order_id": act.order_id, "veto": True})
    await _placed(act)
    await act.request()


async def order_missing(act: Act) -> None:
    """Nobody has heard of the order."""
    await act.buyer()
    await act.settle()
    await act.request()


async def wrong_type(act: Act) -> None:
    """The amount is a text: it is not converted, a person reads it."""
    await _placed(act)
    await act.request(refund_fen="19900")


async def late_version(act: Act) -> None:
    """The first version arrives after the second."""
    await _placed(act)
    now_ms = act.now_ms()
    await act.request(action="edit", refund_version=now_ms)
    await act.request(refund_version=now_ms - 1_000)


async def edited_after_approval(act: Act) -> None:
    """Approved, and then the buyer asks for another amount."""
    await approved_directly(act)
    await act.decided()
    await act.request(action="edit", refund_fen=9900)


async def delivered_twice(act: Act) -> None:
    """The same request again: the first decision again, not a second one."""
    await _placed(act)
    now_ms = act.now_ms()
    for _ in range(2):
        await act.request(refund_version=now_ms, requested_at_ms=now_ms)


async def payout_failed(act: Act) -> None:
    """Approved, but the money does not arrive: a person takes over."""
    await approved_directly(act)
    await act.decided()
    act.follow_up()
    await act.fact(
        OUTCOMES,
        act.refund_id,
        {
            "refund_id": act.refund_id,
            "kind": "payout_failed",
            "by": "payout",
            "at_ms": act.now_ms(),
        },
    )


async def shipped_before_approval(act: Act) -> None:
    """Approved, and only then does the carrier say it had picked the goods up before."""
    await approved_directly(act)
    await act.decided()
    act.notice("race_detected", "direct")
    act.notice("loss_recorded", "direct")
    await act.order(picked_up_at_ms=act.now_ms() - _MINUTE_MS)


async def merchant_switch(act: Act) -> None:
    """A merchant may not switch the service off."""
    await act.merchant_switches()


async def unreadable_request(act: Act) -> None:
    """Bytes that are no JSON."""
    await act.request_broken()


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
"""Played once from front to back, then again with new ids for as long as there is time."""

SHOPS: Final = ((SHOP, True), (EXCLUDED_SHOP, False))
"""What the operator says of the shops: id, and whether the service is on."""
