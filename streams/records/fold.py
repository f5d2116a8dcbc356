"""How readers fold our topics: of equal decision ids the first one counts.

A topic may hold a decision more than once: a request that was delivered again is
answered with the first decision's bytes, and a worker that slept through the loss of
its partitions may still write an answer of its own. The order of the log settles
both, for every reader alike. docs/readers.md tells it with an example.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class Identified(Protocol):
    """A record that names its decision, such as ``Decision``."""

    @property
    def decision_id(self) -> str:
        """``FR:refund_id:refund_version``."""
        ...


D = TypeVar("D", bound=Identified)


def fold(records: Iterable[D], known: set[str] | None = None) -> Iterator[D]:
    """Yield the first record of every decision id.

    Parameters
    ----------
    records
        Of one topic, each partition in the order of its log. Records of one decision
        are in one partition, so partitions may be mixed.
    known
        Ids that were dealt with before; new ones are added. A reader that keeps it
        over its restarts meets no decision twice.
    """
    ids = set[str]() if known is None else known
    for record in records:
        if record.decision_id not in ids:
            ids.add(record.decision_id)
            yield record
