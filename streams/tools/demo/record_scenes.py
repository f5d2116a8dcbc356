"""Scenes that arrive as canonical records, without a platform in between."""
# ruff: noqa: D401 - the docstring of a scene tells what happens in it

from typing import Final

from streams.families.fast_refund.topics import OUTCOMES
from streams.tools.demo.scene_runner import EXCLUDED_SHOP, SceneRunner

_MINUTE_MS: Final = 60_000


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
