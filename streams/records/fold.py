"""Fold output topics as readers must: of equal ids the first record counts, in any partition.

A topic may hold a decision more than once: a second delivery is answered with the first
decision's bytes, and a suspended worker that lost its partitions may still write an
answer of its own. The order of the log resolves both, in the same way for every reader.
A sender may also have written one refund under two buyers, into two partitions whose
workers do not know of each other: only a reader of both can see that. docs/readers.md
has an example.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Identified(Protocol):
    """A record that names its decision, such as ``Decision``."""

    @property
    def decision_id(self) -> str:
        """``FR:refund_id:refund_version``."""
        ...


class Payable(Protocol):
    """A record that names its payout, such as ``Decision``."""

    @property
    def payout_key(self) -> str | None:
        """``pay:refund_id``; None unless it is an approval."""
        ...


D = TypeVar("D", bound=Identified)
P = TypeVar("P", bound=Payable)


def fold(records: Iterable[D], known: set[str] | None = None) -> Iterator[D]:
    """Yield the first record of every decision id.

    Parameters
    ----------
    records
        Records of all partitions of one topic, each partition in log order.
    known
        Ids that were processed before; new ones are added. A reader that keeps this set
        over restarts, for all partitions, gets no decision twice.
    """
    ids = set[str]() if known is None else known
    for record in records:
        if record.decision_id not in ids:
            ids.add(record.decision_id)
            yield record


def fold_payouts(approvals: Iterable[P], paid: set[str] | None = None) -> Iterator[P]:
    """Yield the first approval of every payout key: the refunds to pay.

    Parameters
    ----------
    approvals
        Records of all partitions of ``refund.approvals``, each in log order. Records
        that are no approval are skipped.
    paid
        Keys that were paid before; new ones are added. It must be one set for all
        partitions and all processes, kept together with the payments.
    """
    keys = set[str]() if paid is None else paid
    for record in approvals:
        key = record.payout_key
        if key is not None and key not in keys:
            keys.add(key)
            yield record
