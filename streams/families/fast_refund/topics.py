"""The topics of the fast refund."""

from typing import Final

import msgspec

from streams.processing.topics import (
    COMPACTED,
    DEAD_LETTERS,
    KEPT_14_DAYS,
    KEPT_180_DAYS,
    POLICIES,
    FamilyTopics,
    Kind,
    Retention,
    Topic,
)

CODE: Final = "FR"
_DECIDING: Final = ("decide", "watch")


def _topic(
    name: str,
    kind: Kind,
    key: str,
    retention: Retention,
    records: tuple[str, ...],
    written_by: tuple[str, ...],
) -> Topic:
    return Topic(
        name=name,
        kind=kind,
        family=CODE,
        key=key,
        partition_key="key" if kind == "shared_fact" else "buyer_id",
        retention=retention,
        records=records,
        written_by=written_by,
        read_by=_DECIDING,
    )


REQUESTS: Final = _topic(
    "requests", "input", "`refund_id`", KEPT_14_DAYS, ("request",), ("edge", "ingest")
)
ORDERS: Final = msgspec.structs.replace(
    _topic(
        "orders",
        "fact",
        "`order_id`",
        COMPACTED,
        ("order", "watermark"),
        ("edge", "ingest"),
    ),
    read_by=(*_DECIDING, "ingest"),
)
BUYERS: Final = _topic(
    "buyers", "fact", "`buyer_id`", COMPACTED, ("buyer", "watermark"), ("platform",)
)
OUTCOMES: Final = _topic(
    "outcomes",
    "fact",
    "`refund_id`; of a veto `order_id`",
    KEPT_180_DAYS,
    ("outcome", "watermark"),
    ("payout", "reviewers", "ingest"),
)
SHOPS: Final = _topic(
    "shops", "shared_fact", "`shop_id`", COMPACTED, ("shop", "watermark"), ("operator",)
)
CATALOG: Final = _topic(
    "catalog",
    "shared_fact",
    "`category:NAME`, `sku:ID`",
    COMPACTED,
    ("catalog", "watermark"),
    ("operator",),
)
APPROVALS: Final = _topic(
    "approvals", "output", "of the request", KEPT_180_DAYS, ("decision",), ("decide",)
)
REVIEWS: Final = _topic(
    "reviews", "output", "of the request", KEPT_180_DAYS, ("decision",), _DECIDING
)
SKIPPED: Final = _topic(
    "skipped", "output", "of the request", KEPT_180_DAYS, ("decision",), ("decide",)
)
NOTICES: Final = _topic(
    "notices",
    "output",
    "`order_id`, else `refund_id`, `shop_id`",
    KEPT_180_DAYS,
    ("notice",),
    ("watch",),
)

DECISIONS: Final = (APPROVALS, REVIEWS, SKIPPED)
"""Every readable request is answered by one record in one of these topics."""

TOPICS: Final = FamilyTopics(
    input=REQUESTS,
    facts=(ORDERS, BUYERS, OUTCOMES),
    shared_facts=(SHOPS, CATALOG, POLICIES),
    outputs=(*DECISIONS, NOTICES, DEAD_LETTERS),
    dated=OUTCOMES.name,  # the absence of a veto permits an approval
    audited=ORDERS.name,
)
