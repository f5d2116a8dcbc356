"""Scenes that arrive as platform pushes.

They go through ``ingest``, which asks the platform's stand-in.
"""
# ruff: noqa: D401 - the docstring of a scene tells what happens in it

from collections.abc import Mapping
from typing import Final

from streams.tools.demo import samples
from streams.tools.demo.scene_runner import SceneRunner

_SHIPPED: Final = 40
_CLOSED: Final = 70
_RETURN: Final = 1
_PRICE_PROTECTION: Final = 1
_NOTHING: Final[Mapping[str, object]] = {}


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
