"""Reconciliation: what should be written by the state, minus what the outputs hold.

An output that follows from facts has no input offset that could be committed behind it.
So it is not written in reaction to a change, but whenever a look shows that it is
missing: after a load, a fact, a decision, a due time. Its id is made from what it is
about, so a crash may delay it, and never loses or doubles it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from streams.records.record_format import Outgoing

AT_ONCE: Final = 200
"""Keys looked at between two turns of the event loop."""


class ReconcileRequest(msgspec.Struct, frozen=True, gc=False):
    """What to look at again, in one partition; its dead facts in any case."""

    partition: int
    keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class DueOutput(msgspec.Struct, frozen=True, gc=False):
    """A record that should exist and does not."""

    identity: str
    """As the outputs will tell it after a restart."""
    kind: str
    """For the metrics; of a closed list."""
    topic: str
    """Name of an output topic, without prefix."""
    record: Outgoing


def pieces(wanted: ReconcileRequest, keys: Sequence[str]) -> Sequence[ReconcileRequest]:
    """Cut a request for many keys into some for a few."""
    if len(keys) <= AT_ONCE:
        return (wanted,)
    return [
        ReconcileRequest(wanted.partition, tuple(keys[begin : begin + AT_ONCE]))
        for begin in range(0, len(keys), AT_ONCE)
    ]


def everything(partition: int, keys: Sequence[str]) -> Iterator[ReconcileRequest]:
    """Yield the requests that reconcile a partition after its load."""
    yield ReconcileRequest(partition)
    for begin in range(0, len(keys), AT_ONCE):
        yield ReconcileRequest(partition, tuple(keys[begin : begin + AT_ONCE]))
