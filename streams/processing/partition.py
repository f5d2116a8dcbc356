"""One partition of one family without transport: state and judging.

Backtests, benchmarks and tests use it. A worker drives the same process and the same
state, with waits and ownership checks between the calls.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Generic

from streams.processing.answers import Answers
from streams.processing.applied import Result
from streams.processing.family import FamilyProcess, S, W
from streams.processing.reconcile import DueOutput
from streams.processing.slice_result import SliceResult
from streams.records.record import Record


class Partition(Generic[S, W]):
    """Takes facts and input, returns outputs; synchronous.

    Parameters
    ----------
    process
        Shared by all partitions of the family.
    """

    def __init__(self, process: FamilyProcess[S, W], number: int) -> None:
        self.number = number
        self.state: S = process.open(number)
        self._process = process

    def restore(self, topic: str, value: bytes) -> bool:
        """Restore an output that was written before; False = not an output of the family.

        Parameters
        ----------
        topic
            Name of an output topic, without prefix.
        """
        found: Any = self._process.restore(topic, value)
        if found is None:
            return False
        if isinstance(found, str):
            self.state.note(found)
        else:
            self._process.remember(self.state, found)
        return True

    def apply(self, topic: str, record: Record) -> Result:
        """Apply a record of a fact topic that is partitioned like the input."""
        return self._process.appliers[topic](self.state, record)

    def judge(self, records: Sequence[Record], now_ms: int) -> SliceResult:
        """Judge consecutive input records in one call.

        Parameters
        ----------
        now_ms
            ``decided_at_ms`` of all these decisions, UTC ms. Facts that are not applied
            by then count as missing.
        """
        piece, _ = self._process.read(records, Answers(), self.state)
        while self._process.prepare(self.state):
            pass
        return self._process.judge(piece, self.state, now_ms, _never)

    def reconcile(self, keys: Sequence[str], now_ms: int) -> Iterator[DueOutput]:
        """Yield the outputs that keys and the partition need; each is noted as written."""
        state = self.state
        for one in list(self._process.reconcile(self.number, keys, state, now_ms)):
            state.note(one.identity)
            yield one


def _never() -> bool:
    return False
