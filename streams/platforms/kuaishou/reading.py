"""The reading rules: classify every record into one of four classes.

``Reader`` adds memory to ``envelope`` (checks 1 to 5) and ``events`` (check 7 without
memory): repeated and late messages (check 6), undone ends and orders that go back
(check 7). It has no clock and does no I/O; the same records in the same order give the
same verdicts.

Our readings, where the rules leave room:

* An order message that goes to a person is kept out of state altogether, so its
  copy goes to a person again. A refund message that goes to a person is known
  afterwards, and its copy is ignored.
* A message of the very business time that is stored, but with another status, is
  neither a copy nor late. It counts as newer: undoing an end goes to a person.
* After such an undoing the stored end stays, so that later messages cannot build
  on it; the stored time moves on.
* A refund that names another order than before goes to a person.
* The mark of an order stays as long as the order is remembered.
"""

import msgspec

from streams.platforms.kuaishou import names
from streams.platforms.kuaishou.envelope import Closed, Message, open_envelope
from streams.platforms.kuaishou.events import (
    Event,
    FeeChanged,
    OrderAdded,
    OrderMoved,
    RefundChanged,
    Suspect,
    read_event,
    suspect,
    time_field,
)
from streams.platforms.kuaishou.memory import NOTHING, Horizon, Known, Recent
from streams.platforms.kuaishou.names import Kind, Reason
from streams.platforms.kuaishou.values import is_text, is_time, is_whole


class Verdict(msgspec.Struct, frozen=True):
    """The class of one record, with reason and event."""

    kind: Kind
    reason: Reason | None
    """None when accepted."""
    event: Event | Suspect | None = None
    """Typed event when accepted, ``Suspect`` on manual_review, else None."""


_Content = tuple[int, int | None, int | str, int]
_DEFAULT_HORIZON = Horizon()


class Reader:
    """Classifies records in order, with the memory that this needs.

    Parameters
    ----------
    horizon
        How long messages, orders and refunds are kept.
    """

    def __init__(self, horizon: Horizon = _DEFAULT_HORIZON) -> None:
        self._messages: Recent[str | _Content, None] = Recent(horizon.messages_ms)
        self._orders: Recent[int, Known] = Recent(horizon.entities_ms)
        self._refunds: Recent[int, Known] = Recent(horizon.entities_ms)

    @property
    def remembered(self) -> int:
        """Return the entries in memory: messages (by id and by content), orders and refunds."""
        return len(self._messages) + len(self._orders) + len(self._refunds)

    def advance(self, at_ms: int) -> None:
        """Set the current time (UTC ms), so that old entries can be dropped."""
        for recent in (self._messages, self._orders, self._refunds):
            recent.advance(at_ms)

    def order(self, order_id: int) -> Known:
        """Return what is known of an order; empty = nothing."""
        return self._orders.get(order_id, NOTHING)

    def learn_buyer(self, order_id: int, buyer_id: str) -> None:
        """Remember the buyer of an order, as read from the platform."""
        known = self.order(order_id)
        if known.buyer_id != buyer_id:
            self._orders.put(
                order_id, msgspec.structs.replace(known, buyer_id=buyer_id)
            )

    def learn_place(self, order_id: int, placed: tuple[str, ...]) -> None:
        """Remember the owners of an order's rows (``Known.placed``), and so its buyer."""
        known = self.order(order_id)
        buyers = [owner for owner in placed if owner != str(order_id)]
        # Several = a move was interrupted; the next answer about the order resolves it.
        buyer_id = known.buyer_id or min(buyers, default=None)
        learnt = msgspec.structs.replace(known, buyer_id=buyer_id, placed=placed)
        if learnt != known:
            self._orders.put(order_id, learnt)

    def classify(self, raw: bytes) -> Verdict:
        """Classify one record; never raises, whatever the bytes."""
        message = open_envelope(raw)
        if isinstance(message, Closed):
            return Verdict(message.kind, message.reason)
        reason = self._known_already(message)
        if reason is not None:
            return Verdict(Kind.IGNORED, reason)
        read = read_event(message)
        if not isinstance(read, Suspect):
            read = self._against_memory(message, read)
        if not isinstance(read, Suspect):
            self._remember(message, read)
            return Verdict(Kind.ACCEPTED, None, read)
        self._set_aside(message)
        return Verdict(Kind.MANUAL_REVIEW, read.problems[0], read)

    def _stored(self, message: Message) -> Known:
        if message.refund_id is None:
            return self.order(message.order_id)
        return self._refunds.get(message.refund_id, NOTHING)

    def _known_already(self, message: Message) -> Reason | None:
        """Rule 6: a copy by id or content, or older than the stored state."""
        if is_text(message.event_id) and message.event_id in self._messages:
            return Reason.EVENT_ID_REPEATED
        stored = self._stored(message)
        content = _content(message)
        if content is not None:
            same_order = stored.order_id in (None, message.order_id)
            if content in self._messages or (
                same_order and (stored.mark, stored.at_ms) == content[2:]
            ):
                return Reason.CONTENT_REPEATED
        at_ms = message.fields.get(time_field(message.tag))
        if is_time(at_ms) and stored.at_ms is not None and at_ms < stored.at_ms:
            return Reason.OLDER_THAN_STORED
        return None

    def _against_memory(self, message: Message, event: Event) -> Event | Suspect:
        """Rule 7 with memory: an end is final, orders only move forward, marks stay."""
        stored = self._stored(message)
        problems: list[Reason] = []
        if isinstance(event, RefundChanged):
            if stored.status in names.ENDED and event.status != stored.status:
                problems.append(Reason.REFUND_REOPENED)
            if stored.order_id not in (None, event.order_id):
                problems.append(Reason.REFUND_CHANGED_ORDER)
            if self.order(event.order_id).marked:
                problems.append(Reason.ORDER_MARKED)
            return suspect(message, tuple(problems), event) if problems else event
        if not isinstance(event, OrderMoved):  # no status that could go back
            return event
        went_on = stored.status is None or event.status >= stored.status
        return event if went_on else suspect(message, (Reason.ORDER_WENT_BACK,))

    def _remember(self, message: Message, event: Event) -> None:
        """Rule 8: an accepted message becomes the newest of its order or refund."""
        self._remember_message(message)
        stored = self._stored(message)
        if isinstance(event, RefundChanged):
            self._remember_refund(message, stored, event.status)
        else:
            self._orders.put(event.order_id, _moved_on(stored, event))

    def _set_aside(self, message: Message) -> None:
        """Rule 7: a bad order message stays out of state but marks its order."""
        if message.refund_id is None:
            marked = msgspec.structs.replace(self.order(message.order_id), marked=True)
            self._orders.put(message.order_id, marked)
            return
        self._remember_message(message)
        stored = self._stored(message)
        status = message.fields.get("status")
        if not is_whole(status) or status not in names.REFUND_STATUSES:
            status = stored.status
        ended = stored.status in names.ENDED
        self._remember_refund(message, stored, stored.status if ended else status)

    def _remember_refund(
        self, message: Message, stored: Known, status: int | None
    ) -> None:
        at_ms = message.fields.get(time_field(message.tag))
        sent = message.fields.get("status")
        self._refunds.put(
            message.refund_id or 0,
            msgspec.structs.replace(
                stored,
                at_ms=at_ms if is_time(at_ms) else stored.at_ms,
                mark=sent if is_time(at_ms) and is_whole(sent) else stored.mark,
                status=status,
                order_id=stored.order_id or message.order_id,
            ),
        )

    def _remember_message(self, message: Message) -> None:
        if is_text(message.event_id):
            self._messages.put(message.event_id, None)
        content = _content(message)
        if content is not None:
            self._messages.put(content, None)


def _moved_on(stored: Known, event: OrderAdded | OrderMoved | FeeChanged) -> Known:
    if isinstance(event, OrderMoved):
        return msgspec.structs.replace(
            stored, at_ms=event.at_ms, mark=event.status, status=event.status
        )
    known = msgspec.structs.replace(
        stored, at_ms=event.at_ms, mark=str(event.tag), buyer_id=event.buyer_id
    )
    if isinstance(event, FeeChanged):
        return msgspec.structs.replace(known, total_changed_at_ms=event.at_ms)
    return msgspec.structs.replace(known, customised_type=event.customised_type)


def _content(message: Message) -> _Content | None:
    """Return ids, status and business time as sent; None when one is no integer.

    A tag without a status counts as a status of its own, so that an addition and a fee
    change of the same moment are two messages.
    """
    at_ms = message.fields.get(time_field(message.tag))
    status = message.fields.get("status")
    if message.tag in (names.Tag.ORDER_ADDED, names.Tag.FEE_CHANGED):
        mark: int | str = str(message.tag)
    elif is_whole(status):
        mark = status
    else:
        return None
    if not is_whole(at_ms):
        return None
    return (message.order_id, message.refund_id, mark, at_ms)
