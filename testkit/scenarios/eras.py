"""Policy versions of scenarios; the time of a request chooses among them (R-08)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
DAY: Final = 1_440 * MINUTE


@dataclass(frozen=True)
class Era:
    """A policy version; requests made ``asked_ms`` from now are judged by it."""

    version: int
    from_ms: int
    """In force from then, in ms from now."""
    asked_ms: int
    policy: Mapping[str, Any]
    """What differs from the shipped policy."""


FAR_FROM_USUAL: Final = [
    f"{name}_max_age_ms"
    for name in ("order_status", "paid_amount", "category", "quality", "lists")
]
"""Keys whose values no operator would mean: an era that finds every fact stale."""

ERAS: Final = {
    "paused": Era(2, -20 * DAY, -19 * DAY, {"service_paused": True}),
    "guarded": Era(
        3,
        -18 * DAY,
        -17 * DAY,
        {"breaker_shop_max_count": 1, "breaker_window_ms": 60 * MINUTE},
    ),
    "impatient": Era(
        4,
        -16 * DAY,
        -15 * DAY,
        dict.fromkeys(FAR_FROM_USUAL, 1),
    ),
    "now": Era(5, -14 * DAY, -2 * SECOND, {}),
    # What is counted are earlier approvals up to the time of the request, so that of
    # these requests lies ahead, within the skew that is allowed.
    "strict": Era(
        6,
        200 * SECOND,
        240 * SECOND,
        {
            "buyer_count_max": 2,
            "buyer_count_window_ms": DAY,
            "buyer_amount_quota_fen": 40_000,
            "buyer_amount_window_ms": DAY,
            "one_auto_approval_per_order": True,
            "payment_age_max_ms": DAY,
            "waybill_soft_veto": True,
        },
    ),
}


def policies(now_ms: int) -> Iterator[dict[str, Any]]:
    """Yield the eras as records of ``refund.policies``."""
    for era in ERAS.values():
        yield {
            "family": "FR",
            "version": era.version,
            "effective_from_ms": now_ms + era.from_ms,
            "author": "testkit",
            "reason": "an era of its own",
            "published_at_ms": now_ms,
            "allow": FAR_FROM_USUAL,
            **era.policy,
        }
