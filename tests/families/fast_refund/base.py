"""The base case of the worked cases, and how to change one thing about it."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.model import (
    Buyer,
    Catalog,
    Decision,
    Facts,
    Goods,
    Order,
    Quality,
    Request,
    Shop,
)
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.seen import see

T: Final = 1_773_800_100_000
NOW: Final = T + 1_000
FILE: Final = Path(__file__).parents[3] / "config" / "policy.toml"
SHIPPED: Final = POLICY.parse(tomllib.loads(FILE.read_text(encoding="utf-8")))

REQUEST: Final = Request(
    refund_id="r-1",
    refund_version=1,
    action="open",
    order_id="o-1",
    buyer_id="b-1",
    shop_id="s-1",
    refund_kind="refund_only",
    special_refund_type=0,
    refund_fen=19_900,
    requested_at_ms=T,
    expire_at_ms=T + 172_800_000,
)
ORDER: Final = Order(
    order_id="o-1",
    order_version=1,
    buyer_id="b-1",
    shop_id="s-1",
    currency="CNY",
    order_status="paid",
    paid_fen=19_900,
    refundable_left_fen=19_900,
    as_of_ms=NOW,
    paid_at_ms=T - 3_600_000,
    goods=Goods(
        skus=("k-1",),
        paths=(("clothing", "shirts"),),
        quantities=(1,),
        shipped_counts=(0,),
        customs=(False,),
    ),
    pay_type=1,
)
BUYER: Final = Buyer("b-1", (Quality(T - 1_000_000, "quality"),), (), NOW)
SHOP: Final = Shop("s-1", enabled=True, standing="good", as_of_ms=NOW)
CATALOG: Final = Catalog(
    {"category:virtual": ("virtual",), "category:custom": ("custom",)}, NOW
)
FACTS: Final = Facts(ORDER, NOW, BUYER, NOW, SHOP, CATALOG, NOW)


def policy(**changes: object) -> Policy:
    return POLICY.override(SHIPPED, changes)


SAME: Final[Mapping[str, object]] = {}


def facts(order: Mapping[str, object] | None = SAME, /, **changes: object) -> Facts:
    """Change fields of the order or its goods (None = no order), or facts by name."""
    snapshot = None if order is None else changed_order(order)
    return msgspec.structs.replace(FACTS, order=snapshot, **changes)


def changed_order(changes: Mapping[str, object]) -> Order:
    """Change fields of the order, of its goods or of what is unusual about it."""
    order, nested = (
        dict(changes),
        {"goods": ORDER.goods, "rare_fields": ORDER.rare_fields},
    )
    for name, part in nested.items():
        fields = {
            field: order.pop(field)
            for field in part.__struct_fields__
            if field in order
        }
        if fields:
            order[name] = msgspec.structs.replace(part, **fields)
    return msgspec.structs.replace(ORDER, **order)


def request(**changes: object) -> Request:
    return msgspec.structs.replace(REQUEST, **changes)


def judge(
    asked: Request = REQUEST,
    known: Facts = FACTS,
    by: Policy | None = SHIPPED,
    now_ms: int = NOW,
) -> Decision:
    return decide(asked, see(asked, known, by, now_ms), by, now_ms)


def codes(
    asked: Request = REQUEST,
    known: Facts = FACTS,
    by: Policy | None = SHIPPED,
    now_ms: int = NOW,
) -> list[str]:
    return list(judge(asked, known, by, now_ms).reason_codes)


PASSED: Final = ["FR_ALL_CONDITIONS_MET"]
