"""Reconcile outputs: write what the state calls for and the outputs lack.

An output that follows from facts has no input offset that could be committed after it.
So it is not written in reaction to a change, but whenever a check finds it missing:
after a load, a fact, a decision or a due time. Its id is derived from its subject, so a
crash may delay it but never loses or duplicates it.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from streams.records.record_format import Outgoing

AT_ONCE: Final = 200
"""Most keys checked between two turns of the event loop."""


class ReconcileRequest(msgspec.Struct, frozen=True, gc=False):
    """What to check again in one partition; dead letters of its facts are always written."""

    partition: int
    keys: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class DueOutput(msgspec.Struct, frozen=True, gc=False):
    """An output that should exist and does not."""

    identity: str
    """Its id, as read back from the outputs after a restart."""
    kind: str
    """Its kind, from a closed list, for metrics."""
    topic: str
    """Name of an output topic, without prefix."""
    record: Outgoing


def pieces(wanted: ReconcileRequest, keys: Sequence[str]) -> Sequence[ReconcileRequest]:
    """Split a request for many keys into requests for a few."""
    if len(keys) <= AT_ONCE:
        return (wanted,)
    return [
        ReconcileRequest(wanted.partition, tuple(keys[begin : begin + AT_ONCE]))
        for begin in range(0, len(keys), AT_ONCE)
    ]


def everything(partition: int, keys: Sequence[str]) -> Iterator[ReconcileRequest]:
    """Yield the requests that reconcile a whole partition after its load."""
    yield ReconcileRequest(partition)
    for begin in range(0, len(keys), AT_ONCE):
        yield ReconcileRequest(partition, tuple(keys[begin : begin + AT_ONCE]))
