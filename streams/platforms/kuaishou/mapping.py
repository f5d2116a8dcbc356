"""Map one verdict and the platform's answers to the records to write.

Every record has its topic, its key, and the value from which its partition is derived:
the buyer, or the order while no buyer is known. All records of an order go to the
partition of its row on ``refund.orders``, whatever this process remembers.
"""

import json

import msgspec
import orjson

from streams.families.fast_refund.topics import ORDERS, OUTCOMES, REQUESTS
from streams.platforms.kuaishou.client import Answer, Failure, Unavailable
from streams.platforms.kuaishou.events import Event, RefundChanged, Suspect
from streams.platforms.kuaishou.memory import Known
from streams.platforms.kuaishou.names import Kind
from streams.platforms.kuaishou.reading import Verdict
from streams.platforms.kuaishou.requests import Case, event_id, refund_records
from streams.platforms.kuaishou.snapshot import (
    Categories,
    Sight,
    buyer_of,
    placeholder,
    take_snapshot,
)
from streams.platforms.kuaishou.values import as_object, is_time
from streams.processing.topics import DEAD_LETTERS

NOT_ASKED = Unavailable(Failure.REFUSED)
"""Stands for an answer that was not needed."""


class Emission(msgspec.Struct, frozen=True):
    """One record to write."""

    topic: str
    """Row name of the topic."""
    key: bytes
    """Empty on dead letters: they keep their original key."""
    value: bytes | None
    """Canonical JSON; on dead letters the original bytes; None ends an order's row."""
    partition_by: str | None
    """Buyer id if known, else order id; empty on dead letters. None = every partition,
    because it must be found whichever buyer it turns out to be."""


class Answers(msgspec.Struct, frozen=True):
    """The open platform's answers, and when it was asked (UTC ms)."""

    asked_at_ms: int
    order: Answer
    fee: Answer
    refund: Answer = NOT_ASKED


def emissions(
    raw: bytes,
    verdict: Verdict,
    known: Known,
    answers: Answers | None,
    categories: Categories,
) -> list[Emission]:
    """Return the records that one record becomes, in writing order.

    Parameters
    ----------
    raw
        The record's value, for a dead letter.
    verdict
        Its class.
    known
        What was known of its order right after classification.
    answers
        None = the platform was not asked.
    categories
        Leaf category id -> path from the root.
    """
    if verdict.kind is Kind.DEAD_LETTER:
        return [Emission(DEAD_LETTERS.name, b"", raw, "")]
    event = verdict.event
    if event is None:
        return []
    view = _view(event, known, answers)
    if isinstance(event, RefundChanged):
        return _of_refund(event, event.refund_id, view, categories)
    if not isinstance(event, Suspect):
        return _snapshot(event, view, categories, None)
    if event.refund_id is None:
        return [_veto(event, view.buyer_id)]
    return _of_refund(event, event.refund_id, view, categories)


def encode(record: dict[str, object]) -> bytes:
    """Encode one record as JSON; integers of any size are kept."""
    try:
        return orjson.dumps(record)
    except TypeError:  # beyond 64 bits
        return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


_Data = dict[str, object] | None


class _View(msgspec.Struct, frozen=True):
    """The usable answers (None = unavailable), and other known values."""

    known: Known
    asked_at_ms: int
    order: _Data
    fee: _Data
    refund: _Data

    @property
    def buyer_id(self) -> str | None:
        """Buyer by the order, then the refund, then earlier events."""
        return buyer_of(self.order) or buyer_of(self.refund) or self.known.buyer_id


def _snapshot(
    event: Event | Suspect, view: _View, categories: Categories, refund_id: int | None
) -> list[Emission]:
    """Emit the order row, and tombstones for its rows in other partitions.

    The tombstones come first: after a crash in between there is no row of a former
    buyer on which a request could still be approved.
    """
    sight = Sight(
        order_id=event.order_id,
        shop_id=event.shop_id,
        event_at_ms=event.at_ms or 0,
        known=msgspec.structs.replace(view.known, buyer_id=view.buyer_id),
        order=view.order,
        fee=view.fee,
        asked_at_ms=view.asked_at_ms,
        refund_id=refund_id,
    )
    return _place(event, view, take_snapshot(sight, categories))


def _place(
    event: Event | Suspect, view: _View, snapshot: dict[str, object]
) -> list[Emission]:
    key = str(event.order_id)
    owner = view.buyer_id or key
    left = [former for former in view.known.placed if former != owner]
    found = [Emission(ORDERS.name, key.encode(), None, former) for former in left]
    if any(former != key for former in left):
        # Decisions for the former buyer are in that buyer's partition and unknown here,
        # so refunds of this order go to a person.
        found.append(_veto(event, owner))
    found.append(Emission(ORDERS.name, key.encode(), encode(snapshot), owner))
    return found


def _of_refund(
    event: RefundChanged | Suspect, refund_id: int, view: _View, categories: Categories
) -> list[Emission]:
    """Emit the order first, so that it is known when the request is decided.

    Without an order detail no snapshot is written: the request says so itself, and an
    existing snapshot keeps its fields. If there is none, a row without amounts keeps
    the buyer, so that a copy goes to the same partition after a restart too.
    """
    found: list[Emission] = []
    if view.order is not None:
        found = _snapshot(event, view, categories, refund_id)
    elif view.buyer_id is not None and not view.known.placed:
        found = _place(event, view, placeholder(event.order_id, view.buyer_id))
    # Two answers with two buyers are left to the rules; the partition is one of them.
    case = Case(
        event=event,
        refund_id=refund_id,
        detail=view.refund,
        unavailable=_unavailable(view),
        buyer_id=buyer_of(view.refund) or view.buyer_id,
    )
    partition_by = _owner(event.order_id, view)
    for record in refund_records(case):
        topic = (REQUESTS if "action" in record else OUTCOMES).name
        found.append(
            Emission(topic, str(refund_id).encode(), encode(record), partition_by)
        )
    return found


def _owner(order_id: int, view: _View) -> str:
    """Return the key from which the partition of an order's records is derived."""
    placed = view.known.placed
    if view.order is None and placed:  # use the existing row's partition
        return view.known.buyer_id if view.known.buyer_id in placed else min(placed)
    return view.buyer_id or str(order_id)


def _veto(event: Event | Suspect, partition_by: str | None) -> Emission:
    key = str(event.order_id)
    record = {"order_id": key, "veto": True, "event_id": event_id(event.content_id)}
    return Emission(OUTCOMES.name, key.encode(), encode(record), partition_by)


def _view(event: Event | Suspect, known: Known, answers: Answers | None) -> _View:
    """Drop unavailable answers, and those older than the pushed event."""
    if answers is None:
        return _View(known, 0, None, None, None)
    order, refund = _data(answers.order), _data(answers.refund)
    base = as_object((order or {}).get("orderBaseInfo"))
    if _behind(base.get("updateTime"), known.at_ms):
        order = None
    if _behind((refund or {}).get("updateTime"), event.at_ms):
        refund = None
    return _View(known, answers.asked_at_ms, order, _data(answers.fee), refund)


def _data(answer: Answer) -> _Data:
    return None if isinstance(answer, Unavailable) else answer


def _behind(read_ms: object, pushed_ms: int | None) -> bool:
    """Whether an answer is too old; one without a readable time counts as too old."""
    return not is_time(read_ms) or (pushed_ms is not None and read_ms < pushed_ms)


def _unavailable(view: _View) -> tuple[str, ...]:
    lost = (
        ("order_status", view.order is None),
        # Half of all amounts are in the order detail.
        ("paid_amount", view.order is None or view.fee is None),
        ("refund_detail", view.refund is None),
    )
    return tuple(name for name, missing in lost if missing)
