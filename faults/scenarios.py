"""Short stories of refunds: the facts, the requests, and what must come of them.

One table for the stories of a single request, functions for those of several. The
eras are policy versions, and the time of a request chooses among them (R-08).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from faults.lab import PARTITIONS, Row, row

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
DAY: Final = 1_440 * MINUTE

Fields: TypeAlias = Mapping[str, Any]
NONE: Final[Fields] = {}
APPROVED: Final = frozenset({"FR_ALL_CONDITIONS_MET"})


@dataclass(frozen=True)
class Era:
    """A policy version; requests made ``asked_ms`` from now are judged by it."""

    version: int
    from_ms: int
    """In force from then, in ms from now."""
    asked_ms: int
    policy: Fields


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
        {
            f"{name}_max_age_ms": 1
            for name in ("order_status", "paid_amount", "category", "quality", "lists")
        },
    ),
    "now": Era(5, -14 * DAY, -2 * SECOND, NONE),
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

CATALOG: Final = {
    "category:wine": {"excluded": True, "kind": "excluded"},
    "sku:k-no": {"excluded": True, "kind": "excluded"},
}
SHOPS: Final = {
    "s-off": {"enabled": False, "standing": "good"},
    "s-low": {"enabled": True, "standing": "restricted"},
    "s-odd": {"enabled": True, "standing": "odd"},
    "s-good": {"enabled": True, "standing": "good"},
    "s-watch": {"enabled": True, "standing": "watch"},
}
LINE: Final = {
    "sku_id": "k-1",
    "category_path": ["clothing", "shirts"],
    "quantity": 1,
    "shipped_count": 0,
    "is_custom": False,
    "is_gift": False,
}


@dataclass(frozen=True)
class Single:
    """One buyer, one order, one request."""

    codes: frozenset[str] | None
    """Exactly these; None = whatever the clock makes of it."""
    order: Fields | None = field(default_factory=dict)
    """What differs from the base case; None = no snapshot."""
    buyer: Fields | None = field(default_factory=dict)
    ask: Fields = field(default_factory=dict)
    era: str = "now"


def _one(codes: str, **parts: Any) -> Single:  # noqa: ANN401 - fields of Single
    return Single(frozenset(codes.split()) or APPROVED, **parts)


def _line(**changes: object) -> Fields:
    return {"lines": [LINE | changes]}


def _paid(fen: int) -> dict[str, Any]:
    return {
        "order": {"paid_fen": fen, "refundable_left_fen": fen},
        "ask": {"refund_fen": fen},
    }


def _quality(*history: tuple[int, str]) -> Fields:
    return {"quality": [{"from_ms": at, "value": value} for at, value in history]}


SINGLES: Final = (
    _one(""),
    _one("", **_paid(1)),
    _one("", **_paid(29_999)),
    _one("PAID_AT_OR_OVER_LIMIT", **_paid(30_000)),
    _one("PAID_AMOUNT_INVALID REFUND_AMOUNT_INVALID", **_paid(0)),
    _one("PAID_AMOUNT_UNKNOWN", order={"paid_fen": None}),
    _one("PAID_AMOUNT_CHANGED", order={"total_changed_at_ms": "T+1"}),
    _one("CURRENCY_NOT_CNY", order={"currency": "USD"}),
    _one("REFUND_AMOUNT_INVALID", ask={"refund_fen": 19_901}),
    _one("ORDER_SHIPPED", order={"order_status": "shipped"}),
    _one("ORDER_STATUS_OTHER", order={"order_status": "awaiting_payment"}),
    _one("ORDER_STATUS_UNKNOWN", order={"order_status": 33}),
    _one(
        "ORDER_STATUS_CONFLICT",
        order={"order_status": "shipped", "back_end_status": "paid"},
    ),
    _one("ORDER_PARTLY_SHIPPED", order={"lines": [LINE, LINE | {"shipped_count": 1}]}),
    _one("CATEGORY_CUSTOM", order=_line(is_custom=True)),
    _one("CATEGORY_VIRTUAL", order=_line(category_path=["virtual", "codes"])),
    _one("CATEGORY_EXCLUDED", order=_line(category_path=["food", "wine"])),
    _one("SKU_EXCLUDED", order=_line(sku_id="k-no")),
    _one("SKU_UNKNOWN", order=_line(sku_id=None)),
    _one("CATEGORY_UNKNOWN", order=_line(category_path=None)),
    _one("BUYER_NOT_QUALITY", buyer=_quality((1, "ordinary"))),
    _one("BUYER_QUALITY_UNKNOWN", buyer=None),
    _one(
        "BUYER_QUALITY_REVOKED",
        buyer={
            "quality": [
                {"from_ms": 1, "value": "quality"},
                {"from_ms": "T+1", "value": "revoked_abuse"},
            ]
        },
    ),
    _one("BUYER_LIMITED", buyer={"limits": [{"kind": "limited", "from_ms": 1}]}),
    _one("BUYER_CANCELLED", buyer={"limits": [{"kind": "cancelled", "from_ms": 1}]}),
    _one(
        "BUYER_UNKNOWN BUYER_QUALITY_UNKNOWN",
        order={"buyer_id": None},
        buyer=None,
        ask={"buyer_id": None},
    ),
    _one("SHOP_EXCLUDED", order={"shop_id": "s-off"}, ask={"shop_id": "s-off"}),
    _one(
        "SHOP_STANDING_RESTRICTED", order={"shop_id": "s-low"}, ask={"shop_id": "s-low"}
    ),
    _one("", order={"shop_id": "s-watch"}, ask={"shop_id": "s-watch"}),
    _one("LISTS_NOT_READY", order={"shop_id": "s-odd"}, ask={"shop_id": "s-odd"}),
    _one("SHOP_UNKNOWN", order={"shop_id": None}, ask={"shop_id": None}),
    _one("PAY_LATER", order={"pay_type": 88}),
    _one("PRESALE", order={"presale_stage": "final_paid"}),
    _one("GROUP_BUY_PENDING", order={"delivery_block": 1}),
    _one("PAYMENT_RISK_REVIEW", order={"delivery_block": 2}),
    _one("ORDER_RISK_FLAGGED", order={"risk_code": 10_001}),
    _one("ORDER_DETAIL_UNKNOWN", order=None),
    _one("NOT_REFUND_ONLY", ask={"refund_kind": "exchange"}),
    _one("PRICE_PROTECTION", ask={"special_refund_type": 1}),
    _one("REFUND_KIND_UNKNOWN", ask={"refund_kind": None}),
    _one("EVENT_TIME_UNKNOWN", ask={"requested_at_ms": None}),
    _one("EVENT_IN_FUTURE", ask={"requested_at_ms": "T+3600000"}),
    _one("REQUEST_INVALID REFUND_AMOUNT_INVALID", ask={"refund_fen": "19900"}),
    _one("REQUEST_INVALID", ask={"action": "shout"}),
    _one(
        "DEPENDENCY_UNAVAILABLE ORDER_STATUS_UNKNOWN",
        ask={"unavailable": ["order_status"]},
    ),
    _one("POLICY_NOT_LOADED", ask={"requested_at_ms": 1_500_000_000_000}),
    _one("SERVICE_PAUSED", era="paused"),
    Single(None, era="impatient"),
    _one("SHIP_SIGNAL_PRESENT", order={"waybill_printed_at_ms": 5}, era="strict"),
    _one("PAYMENT_AGE_OUTSIDE_WINDOW", order={"paid_at_ms": 5}, era="strict"),
    _one(
        "ORDER_SHIPPED PAID_AT_OR_OVER_LIMIT BUYER_NOT_QUALITY",
        order={"order_status": "signed", "paid_fen": 30_000},
        buyer=_quality((1, "ordinary")),
    ),
)


class Teller:
    """Writes one story down: rows by wave, and what is expected.

    Waves are written one after the other, each when the one before was decided.
    """

    def __init__(self, number: int, now_ms: int, era: str = "now") -> None:
        self._now_ms = now_ms
        self.name = f"{number:06d}"
        self.at_ms = now_ms + ERAS[era].asked_ms
        self.facts: list[tuple[int, Row]] = []
        self.requests: list[tuple[int, Row]] = []
        self.expected: dict[tuple[str, bool], frozenset[str] | None] = {}
        self.notices: list[str] = []
        self.buyer_id: str | None = f"b-{self.name}"

    @property
    def owner(self) -> str:
        return self.buyer_id or f"o-{self.name}-1"

    def buyer(self, changes: Fields = NONE) -> None:
        fields = {
            "buyer_id": self.buyer_id,
            **_quality((1, "quality")),
            "limits": [],
            "as_of_ms": self._now_ms,
        }
        found = row("buyers", self.owner, self.owner, **(fields | self._timed(changes)))
        self.facts.append((0, found))

    def order(self, number: int = 1, wave: int = 0, **changes: Any) -> None:  # noqa: ANN401 - JSON
        order_id = f"o-{self.name}-{number}"
        fields = {
            "order_id": order_id,
            "order_version": wave + 1,
            "buyer_id": self.buyer_id,
            "shop_id": "s-good",
            "currency": "CNY",
            "order_type": 0,
            "paid_at_ms": self._now_ms - 60 * MINUTE,
            "order_status": "paid",
            "paid_fen": 19_900,
            "refundable_left_fen": 19_900,
            "total_changed_at_ms": None,
            "lines": [LINE],
            "pay_type": 1,
            "presale_stage": "none",
            "delivery_block": 0,
            "risk_code": 0,
            "as_of_ms": self._now_ms,
        } | self._timed(changes)
        self.facts.append((wave, row("orders", self.owner, order_id, **fields)))

    def outcome(self, wave: int, key: str, **fields: object) -> None:
        self.facts.append((wave, row("outcomes", self.owner, key, **fields)))

    def ask(
        self,
        codes: str | frozenset[str] | None,
        refund: int = 1,
        *,
        wave: int = 0,
        **changes: object,
    ) -> None:
        """Make a request; ``codes`` = None: whatever the clock makes of it."""
        refund_id = f"r-{self.name}-{refund}"
        fields = {
            "event_id": f"e-{self.name}-{len(self.requests)}",
            "action": "open",
            "refund_id": refund_id,
            "refund_version": 1,
            "order_id": f"o-{self.name}-1",
            "buyer_id": self.buyer_id,
            "shop_id": "s-good",
            "refund_kind": "refund_only",
            "special_refund_type": 0,
            "refund_fen": 19_900,
            "requested_at_ms": self.at_ms,
            "expire_at_ms": self.at_ms + 2 * DAY,
            "reason": "11",
        } | self._timed(changes)
        self.requests.append((wave, row("requests", self.owner, refund_id, **fields)))
        if isinstance(codes, str):
            codes = frozenset(codes.split()) or APPROVED
        identity = f"FR:{refund_id}:{fields['refund_version']}"
        self.expected[identity, fields["action"] == "withdraw"] = codes

    def again(self, wave: int) -> None:
        """Deliver the last request once more."""
        self.requests.append((wave, self.requests[-1][1]))

    def misroute(self) -> None:
        """Put the last request into another partition than its buyer's."""
        wave, asked = self.requests[-1]
        elsewhere = (asked.partition + 1) % PARTITIONS
        self.requests[-1] = wave, replace(asked, partition=elsewhere)

    def _timed(self, changes: Fields) -> dict[str, Any]:
        """Replace ``T+n`` by n ms after the request, also in lists of objects."""
        found = dict(changes)
        for name, value in found.items():
            if isinstance(value, str) and value.startswith("T+"):
                found[name] = self.at_ms + int(value[2:])
            elif name == "quality" and isinstance(value, list):
                found[name] = [self._timed(one) for one in value]
        return found


Story: TypeAlias = Callable[[int, int], Teller]


def single(case: Single) -> Story:
    """A story of one request."""

    def told(number: int, now_ms: int) -> Teller:
        teller = Teller(number, now_ms, case.era)
        if case.ask.get("buyer_id", "") is None:
            teller.buyer_id = None
        if case.buyer is not None:
            teller.buyer(case.buyer)
        if case.order is not None:
            teller.order(**case.order)
        teller.ask(case.codes, **case.ask)
        return teller

    return told


def _told(number: int, now_ms: int, era: str = "now", **order: Any) -> Teller:  # noqa: ANN401 - JSON
    """Begin with a good buyer and one order."""
    teller = Teller(number, now_ms, era)
    teller.buyer()
    teller.order(**order)
    return teller


def vetoed(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms)
    order_id = f"o-{teller.name}-1"
    teller.outcome(0, order_id, order_id=order_id, veto=True)
    teller.ask("ORDER_VETOED")
    return teller


def misrouted(number: int, now_ms: int) -> Teller:
    """Facts about its order and buyer are in their own partition, so it sees none."""
    teller = _told(number, now_ms)
    teller.ask("REQUEST_MISROUTED ORDER_DETAIL_UNKNOWN BUYER_QUALITY_UNKNOWN")
    teller.misroute()
    return teller


def second_after_approval(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms)
    teller.ask("")
    teller.ask("PRIOR_REFUND_ON_ORDER", 2)
    teller.ask("PRIOR_REFUND_ON_ORDER OPEN_REFUND_ON_ORDER", 3)
    return teller


def second_beside_open(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms, pay_type=88)
    teller.ask("PAY_LATER")
    teller.ask("PAY_LATER OPEN_REFUND_ON_ORDER", 2)
    return teller


def late_version(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms)
    teller.ask("", refund_version=2, action="edit")
    teller.ask("SUPERSEDED_BY_VERSION")
    teller.ask("SUPERSEDED_BY_VERSION")  # the same again
    return teller


def edited_after_approval(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms)
    teller.ask("")
    teller.ask("REQUEST_EDITED_AFTER_APPROVAL", wave=1, refund_version=2, action="edit")
    return teller


def edited_into_approval(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms)
    teller.ask("REFUND_AMOUNT_INVALID", refund_fen=19_901)
    teller.ask("", wave=1, refund_version=2, action="edit")
    return teller


def withdrawn_after_approval(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms)
    teller.ask("")
    teller.ask("REQUEST_WITHDRAWN", wave=1, action="withdraw", refund_version=2)
    teller.again(2)
    teller.notices.append(f"withdrawn_after_approval:FR:r-{teller.name}-1:1")
    return teller


def withdrawn_first(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms)
    teller.ask("REQUEST_WITHDRAWN", action="withdraw")
    teller.ask("REQUEST_WITHDRAWN")
    return teller


def delivered_again(number: int, now_ms: int) -> Teller:
    """Meanwhile the goods were shipped: a new judgement would come out otherwise."""
    teller = _told(number, now_ms)
    teller.ask("")
    teller.again(0)
    teller.order(wave=1, order_status="shipped", shipped_at_ms=now_ms + DAY)
    teller.again(2)
    teller.notices.append(f"race:FR:r-{teller.name}-1:1")
    return teller


def breaker(number: int, now_ms: int) -> Teller:
    shop_id = f"s-{number}"
    teller = _told(number, now_ms, "guarded", shop_id=shop_id)
    teller.order(2, shop_id=shop_id)
    teller.ask("", shop_id=shop_id)
    teller.ask("BREAKER_OPEN", 2, shop_id=shop_id, order_id=f"o-{teller.name}-2")
    return teller


def count_limit(number: int, now_ms: int) -> Teller:
    fen = {"paid_fen": 1_000, "refundable_left_fen": 1_000}
    teller = _told(number, now_ms, "strict", **fen)
    for refund, codes in enumerate(("", "", "BUYER_COUNT_LIMIT"), 1):
        teller.order(refund, **fen)
        order_id = f"o-{teller.name}-{refund}"
        teller.ask(codes, refund, refund_fen=1_000, order_id=order_id)
    return teller


def quota(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms, "strict")
    teller.order(2, paid_fen=20_101, refundable_left_fen=20_101)
    teller.ask("")
    order_id = f"o-{teller.name}-2"
    teller.ask("BUYER_AMOUNT_QUOTA", 2, refund_fen=20_101, order_id=order_id)
    return teller


def once_an_order(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms, "strict")
    teller.ask("", refund_fen=9_900)
    teller.ask("PRIOR_REFUND_ON_ORDER ORDER_ALREADY_AUTO_APPROVED", 2, refund_fen=9_900)
    return teller


def payout_failed(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms)
    refund_id = f"r-{teller.name}-1"
    teller.ask("")
    teller.outcome(
        1, refund_id, refund_id=refund_id, kind="payout_failed", at_ms=now_ms
    )
    teller.expected[f"FR:{refund_id}:1:refund_failed", False] = frozenset(
        {"REFUND_FAILED"}
    )
    teller.ask("OPEN_REFUND_ON_ORDER", 2, wave=2)
    teller.ask(
        "REQUEST_EDITED_AFTER_APPROVAL OPEN_REFUND_ON_ORDER", wave=2, refund_version=2
    )
    return teller


def rejected_by_a_person(number: int, now_ms: int) -> Teller:
    teller = _told(number, now_ms)
    refund_id = f"r-{teller.name}-1"
    teller.ask("REFUND_AMOUNT_INVALID", refund_fen=19_901)
    teller.outcome(
        1, refund_id, refund_id=refund_id, kind="reviewed", result="rejected"
    )
    teller.ask("", 2, wave=2)
    return teller


SERIALS: Final[tuple[Story, ...]] = (
    vetoed,
    misrouted,
    second_after_approval,
    second_beside_open,
    late_version,
    edited_after_approval,
    edited_into_approval,
    withdrawn_after_approval,
    withdrawn_first,
    delivered_again,
    breaker,
    count_limit,
    quota,
    once_an_order,
    payout_failed,
    rejected_by_a_person,
)
ALL: Final = (*(single(case) for case in SINGLES), *SERIALS)


def policies(now_ms: int) -> Iterator[dict[str, Any]]:
    """The eras as records of ``refund.policies``."""
    for era in ERAS.values():
        yield {
            "family": "FR",
            "version": era.version,
            "effective_from_ms": now_ms + era.from_ms,
            "author": "faults",
            "reason": "an era of its own",
            "published_at_ms": now_ms,
            "allow": FAR_FROM_USUAL,
            **era.policy,
        }
