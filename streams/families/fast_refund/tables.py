"""The facts in memory: one set of tables per partition, filled from compacted topics.

An unreadable record replaces what was known under its key: the current state is
unknown, so requests that need it go to a person. It is never skipped.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from streams.families.fast_refund.codec import (
    Outcome,
    decode_buyer,
    decode_outcome,
)
from streams.families.fast_refund.decision_history import RefundHistory
from streams.families.fast_refund.history_entries import UNKNOWN_FATE, Fate
from streams.families.fast_refund.model import Buyer, Order
from streams.families.fast_refund.orders import OrderReader
from streams.families.fast_refund.ship_race import have_left
from streams.families.fast_refund.topics import BUYERS, ORDERS, OUTCOMES
from streams.processing.applied import NOTHING, Applied, Misrouted, Result
from streams.processing.partitioner import misplaced, partition_of
from streams.processing.state import MemoryTable, Table
from streams.processing.watermarks import WATERMARK_KEY, Watermarks
from streams.records.json_values import Unreadable, key_text
from streams.records.record import Record

UNREADABLE: Final = "unreadable"
"""A value that no rule accepts, in place of an unreadable record."""


class PartitionTables:
    """Orders, buyers and refund history of one buyer partition."""

    def __init__(self, partition: int, partitions: int) -> None:
        self.partition = partition
        self._partitions = partitions
        self._orders: dict[str, Order] = {}
        self._buyers: dict[str, Buyer] = {}
        self.orders: Table[Order] = MemoryTable[Order](self._orders)
        self.buyers: Table[Buyer] = MemoryTable[Buyer](self._buyers)
        """Buyers of this partition only, as checked when applied."""
        self.ledger = RefundHistory()
        self.order_marks = Watermarks()
        self.buyer_marks = Watermarks()
        self.outcome_marks = Watermarks()
        self.vetoes_known_ms: int | None = None
        """When the veto feed was last read to its end, UTC ms."""
        self.loading = False
        """True = orders that name a buyer are not checked for their partition yet: see
        :meth:`loaded`."""
        self._reader = OrderReader()

    def apply_order(  # noqa: PLR0911 - a call costs as much as its checks
        self, key: bytes | None, value: bytes | None
    ) -> Result:
        """Apply a snapshot, a tombstone or a watermark of ``refund.orders``.

        A snapshot that belongs to another partition deletes the known order: it says
        that the order is no longer this buyer's, and compaction keeps nothing else.
        """
        if key is not None and key.startswith(WATERMARK_KEY):
            return self.order_marks.apply(key, value) or NOTHING
        if value is None:
            return self._end_order(key)
        order = self._reader.read(value)
        if type(order) is not Order:
            order_id = key_text(key)
            if order_id is not None:
                self._orders.pop(order_id, None)
            return order  # type: ignore[return-value]  # narrowed by type() above
        order_id = order.order_id
        if not self.loading or type(order.buyer_id) is not str:
            expected = self._elsewhere(order)
            if expected is not None:
                self._orders.pop(order_id, None)
                return Misrouted(expected)
        known = self._orders.setdefault(order_id, order)
        if known is not order and not self._replace(known, order):
            return NOTHING
        if self.ledger.on_order(order_id):
            return Applied(group=order_id)
        return NOTHING

    def marks(self, topic: str) -> Watermarks | None:
        """Return the watermarks of a fact topic."""
        return {
            ORDERS.name: self.order_marks,
            BUYERS.name: self.buyer_marks,
            OUTCOMES.name: self.outcome_marks,
        }[topic]

    def read_to_end(self, at_ms: int) -> None:
        """Note when the veto feed was last read to its end, UTC ms."""
        self.vetoes_known_ms = at_ms

    def keys(self) -> Sequence[str]:
        """Return every refund that has a decision."""
        return self.ledger.refund_ids()

    def is_due(self, now_ms: int) -> bool:  # noqa: ARG002 - see below
        """Return False: notices of the fast refund follow from facts, not from time."""
        return False

    def keys_of(self, group: str) -> Sequence[str]:
        """Return the approved refunds of an order, once its goods have left."""
        order = self.orders.get(group)
        if order is None or not have_left(order):
            return ()
        return self.ledger.approved_on(group)

    def noted(self, identity: str) -> bool:
        """Whether a notice with this id was written."""
        return self.ledger.noted(identity)

    def note(self, identity: str) -> None:
        """Note that a notice with this id was written."""
        self.ledger.note(identity)

    def rows(self) -> dict[str, int]:
        """Return the number of rows by table."""
        return {
            "orders": len(self.orders),
            "buyers": len(self.buyers),
            **self.ledger.rows(),
        }

    def _elsewhere(self, order: Order) -> int | None:
        """Return the partition of a snapshot, if it is another one than this."""
        buyer_id = order.buyer_id
        if type(buyer_id) is str:
            if buyer_id in self._buyers:
                return None
            known = self._orders.get(order.order_id)
            if known is not None and known is not order and known.buyer_id == buyer_id:
                return None  # checked before: hashing takes microseconds
        number, count = self.partition, self._partitions
        return misplaced(buyer_id, order.order_id, number, count)

    def loaded(self) -> Iterator[Misrouted | None]:
        """End the load; return an iterator that checks one loaded order per step.

        The check may take a while, and loading does not wait for it: no request is
        approved on an order in a wrong partition that names its buyer. A request that
        names this buyer is misrouted too, and one that names another contradicts the
        order (E-12, E-38).
        """
        self.loading = False
        return self._audit(list(self._orders.values()))

    def _audit(self, orders: list[Order]) -> Iterator[Misrouted | None]:
        for order in orders:
            expected = None
            if self._orders.get(order.order_id) is order:
                expected = self._elsewhere(order)
            if expected is None:
                yield None
            else:
                del self._orders[order.order_id]
                yield Misrouted(expected)

    def _end_order(self, key: bytes | None) -> Applied | Unreadable:
        order_id = key_text(key)
        if order_id is None:
            return Unreadable("no_id", "a tombstone without a key")
        self._orders.pop(order_id, None)
        return Applied(group=order_id)

    def _replace(self, known: Order, order: Order) -> bool:
        """Replace the known snapshot with a newer one; False = the new one is older."""
        new, old = order.order_version, known.order_version
        if type(new) is int and type(old) is int:
            if new < old:
                return False
        elif order.order_status != known.order_status:
            # it is unknown which of the two is newer
            order = msgspec.structs.replace(order, order_status=UNREADABLE)
        self._orders[order.order_id] = order
        return True

    def apply_buyer(self, key: bytes | None, value: bytes | None) -> Result:
        """Apply a row, a tombstone or a watermark of ``refund.buyers``."""
        if key is not None and key.startswith(WATERMARK_KEY):
            return self.buyer_marks.apply(key, value) or NOTHING
        buyer_id = key_text(key)
        if value is None:
            if buyer_id is None:
                return Unreadable("no_id", "a tombstone without a key")
            self._buyers.pop(buyer_id, None)
            return NOTHING
        buyer = decode_buyer(value)
        if isinstance(buyer, Unreadable):
            if buyer_id is not None and self._home(buyer_id) == self.partition:
                self._buyers[buyer_id] = Buyer(buyer_id)
            return buyer
        buyer_id = str(buyer.buyer_id)
        if buyer_id not in self._buyers:
            expected = self._home(buyer_id)
            if expected != self.partition:
                return Misrouted(expected)
        self._buyers[buyer_id] = buyer
        return NOTHING

    def _home(self, buyer_id: str) -> int:
        return partition_of(buyer_id, self._partitions)

    def apply_outcome(
        self, key: bytes | None, value: bytes | None, offset: int
    ) -> Result:
        """Apply a record of ``refund.outcomes``: payout, review or order veto.

        A record that names a buyer of another partition still counts: a veto must, and
        a payout of an unknown refund changes nothing.
        """
        if key is not None and key.startswith(WATERMARK_KEY):
            return self.outcome_marks.apply(key, value) or NOTHING
        outcome = decode_outcome(value)
        if isinstance(outcome, Unreadable):
            name = key_text(key)
            if name is not None:  # perhaps a veto: no approval until it is known
                self.ledger.put_veto(name, UNREADABLE)
            return outcome
        if outcome.veto is not None:
            self.ledger.put_veto(str(outcome.order_id), outcome.veto)
            applied = NOTHING
        else:
            applied = self._put_fate(str(outcome.refund_id), outcome, offset)
        if outcome.buyer_id is None:
            return applied
        number, count = self.partition, self._partitions
        expected = misplaced(outcome.buyer_id, None, number, count)
        return applied if expected is None else Misrouted(expected, applied)

    def _put_fate(self, refund_id: str, outcome: Outcome, offset: int) -> Applied:
        ledger = self.ledger
        fate = ledger.fate_of(refund_id, UNKNOWN_FATE)
        at_ms = outcome.at_ms if type(outcome.at_ms) is int else None
        if outcome.kind in ("payout_succeeded", "payout_failed"):
            if fate.payout == "payout_succeeded":
                return NOTHING  # the money is paid: no later record undoes that
            ledger.put_fate(refund_id, Fate(str(outcome.kind), at_ms, None, offset))
            return Applied(key=refund_id)
        # A tuple, because the value may be unhashable.
        if outcome.kind == "reviewed" and outcome.result in ("approved", "rejected"):
            reviewed = str(outcome.result)
            ledger.put_fate(
                refund_id,
                Fate(fate.payout, fate.payout_at_ms, reviewed, fate.source_offset),
            )
            return NOTHING
        return NOTHING


def _order(tables: PartitionTables, record: Record) -> Result:
    return tables.apply_order(record.key, record.value)


def _buyer(tables: PartitionTables, record: Record) -> Result:
    return tables.apply_buyer(record.key, record.value)


def _outcome(tables: PartitionTables, record: Record) -> Result:
    return tables.apply_outcome(record.key, record.value, record.offset)


APPLIERS: Final[Mapping[str, Callable[[PartitionTables, Record], Result]]] = {
    ORDERS.name: _order,
    BUYERS.name: _buyer,
    OUTCOMES.name: _outcome,
}
"""Fact topic -> method that applies its records."""
