"""Ship race (FR-1.6): find out whether goods left before or after the refund.

An approval is watched for ``race_watch_days``. Goods that had left before are the
merchant's loss, because the waybill came late; goods that leave afterwards can still be
intercepted. The decision itself is never reversed or rewritten (R-10).
"""

from typing import Final

import msgspec

from streams.families.fast_refund.model import Order

RACE_DETECTED: Final = "race_detected"
SHIP_AFTER_REFUND: Final = "ship_after_refund"
LOSS_RECORDED: Final = "loss_recorded"
UNKNOWN: Final = "unknown"
MERCHANT: Final = "merchant"
DAY_MS: Final = 86_400_000

SHIPPED: Final = ("shipped", "signed", "success")

TEXTS: Final = {
    RACE_DETECTED: (
        (
            "退款通过前商品已交付物流，物流单号录入不及时。请与买家协商，损失由商家承担；"
            "发货后请及时录入物流单号。"
        ),
        (
            "The goods had left before the refund was approved and the waybill came late. "
            "Please settle with the buyer; the merchant bears the loss. "
            "Enter waybills promptly after shipping."
        ),
    ),
    SHIP_AFTER_REFUND: (
        "退款已通过后商品才交付物流，请立即拦截包裹；发货后请及时录入物流单号。",
        (
            "The goods left after the refund was approved. Please intercept the parcel now. "
            "Enter waybills promptly after shipping."
        ),
    ),
    LOSS_RECORDED: (
        "本单损失已登记，由商家承担。",
        "The loss on this order is recorded; the merchant bears it.",
    ),
}
"""Notice texts, zh-CN and English, with the reminder of FR-1.6b."""


class Race(msgspec.Struct, frozen=True, gc=False):
    """One finding; there is at most one per decision and parcel."""

    kind: str
    """``race_detected`` or ``ship_after_refund``."""
    gap_ms: int | None
    """Time between hand-over and decision, ms, never negative: how long before the
    decision (``race_detected``) or after it (``ship_after_refund``) the goods left.
    None = no time is known."""
    basis: str
    """``picked_up``, ``first_trace``, ``shipped`` (back-end ship time), ``unknown``."""
    handed_over_at_ms: int | None

    @property
    def loss_bearer(self) -> str | None:
        """``merchant`` when ``loss_recorded`` is due, else None (FR-1.6a)."""
        return MERCHANT if self.kind == RACE_DETECTED else None


def judge_race(
    decided_at_ms: int,
    order: Order,
    watch_days: int,
    first_trace_at_ms: object = None,
) -> Race | None:
    """FR-1.6a, FR-1.6b, R-10: compare the hand-over of an order with its approval.

    One snapshot is one parcel. Null and times up to 0 mean not happened; other types
    than integers are no time. Waybill times do not count: printing a waybill hands
    nothing over.

    Parameters
    ----------
    decided_at_ms
        UTC ms of the approval.
    order
        Judged by its own times, however late they became known.
    watch_days
        ``race_watch_days`` of the policy; inclusive.
    first_trace_at_ms
        First logistics trace, UTC ms, where a feed has it.

    Returns
    -------
    Race or None
        None when nothing was handed over within the watch.
    """
    found = _earliest(
        (order.rare_fields.picked_up_at_ms, "picked_up"),
        (first_trace_at_ms, "first_trace"),
        (order.rare_fields.shipped_at_ms, "shipped"),
    )
    if found is None:
        return Race(RACE_DETECTED, None, UNKNOWN, None) if _shipped(order) else None
    at_ms, basis = found
    gap_ms = at_ms - decided_at_ms
    if gap_ms <= 0:
        return Race(RACE_DETECTED, -gap_ms, basis, at_ms)
    if gap_ms > watch_days * DAY_MS:
        return None
    return Race(SHIP_AFTER_REFUND, gap_ms, basis, at_ms)


def have_left(order: Order) -> bool:
    """Whether the goods of an order are known to have left; otherwise there is no race.

    So an approval is not checked again when other fields of its order change.
    """
    rare_fields = order.rare_fields
    times = (rare_fields.picked_up_at_ms, ""), (rare_fields.shipped_at_ms, "")
    return _earliest(*times) is not None or _shipped(order)


def _shipped(order: Order) -> bool:
    """R-05, E-8: whether the back end shows the order as shipped."""
    back_end = order.rare_fields.back_end_status
    return (order.order_status if back_end is None else back_end) in SHIPPED


def _earliest(*times: tuple[object, str]) -> tuple[int, str] | None:
    """Return the earliest hand-over and its basis; of equal ones the first."""
    best: tuple[int, str] | None = None
    for at_ms, basis in times:
        if type(at_ms) is int and at_ms > 0 and (best is None or at_ms < best[0]):
            best = (at_ms, basis)
    return best
