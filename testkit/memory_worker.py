"""A worker of all partitions in memory: facts in, input in, outputs out.

It drives a family by the same calls as a real worker does (:mod:`streams.processing.family`),
one record after another, without a broker, an event loop or a clock.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from streams.processing.applied import Applied, Result
from streams.processing.family import Family, PartitionState
from streams.processing.partition import Partition
from streams.processing.site import Site
from streams.records.record import Record
from streams.records.record_format import Outgoing
from streams.tools.capture.record import Captured
from testkit.rows import PARTITIONS, Row


class Written(NamedTuple):
    """One output; its topic without prefix."""

    topic: str
    record: Outgoing


class MemoryWorker:
    """Takes one record after another; what it calls for is returned at once.

    Parameters
    ----------
    family
        Whose facts and input the records are.
    policies
        In force from the start.
    """

    def __init__(self, family: Family, policies: Any) -> None:  # noqa: ANN401 - the family's own
        topics = family.topics
        self._input = topics.input.name
        self._shared = {topic.name for topic in topics.shared_facts}
        site = Site(
            input_topic=self._input,
            partitions=PARTITIONS,
            record_max_bytes=65_536,
            source_name=f"/{self._input}",
            app_version="1",
        )
        self._process = family.process(site, policies)
        self._partitions = [Partition(self._process, at) for at in range(PARTITIONS)]
        self._offsets: Counter[tuple[str, int]] = Counter()

    def take(self, row: Row, at_ms: int) -> list[Written]:
        """Apply a fact or judge an input record at a moment, UTC ms."""
        place = row.topic, row.partition
        record: Record = Captured(
            *place, self._offsets[place], at_ms, 0, row.key, row.value
        )
        self._offsets[place] += 1
        if row.topic == self._input:
            return list(self._judged(row.partition, record, at_ms))
        if row.topic in self._shared:
            self._process.shared.apply(row.topic, row.partition, record)
            return [one for at in range(PARTITIONS) for one in self._due(at, (), at_ms)]
        own = self._partitions[row.partition]
        keys = _keys(own.apply(row.topic, record), own.state)
        return list(self._due(row.partition, keys, at_ms))

    def _judged(self, partition: int, record: Record, at_ms: int) -> Iterator[Written]:
        own = self._partitions[partition]
        own.state.read_to_end(at_ms)
        judged = own.judge([record], at_ms)
        for one in judged.outputs:
            yield Written(one.topic, one.record)
        yield from self._due(partition, judged.touched, at_ms)

    def _due(
        self, partition: int, keys: Sequence[str], at_ms: int
    ) -> Iterator[Written]:
        """Yield what these keys and the partition call for, and note it as written."""
        for one in self._partitions[partition].reconcile(keys, at_ms):
            yield Written(one.topic, one.record)


def _keys(result: Result, state: PartitionState) -> Sequence[str]:
    """Return the keys that may call for an output after a record of facts."""
    if not isinstance(result, Applied):
        return ()
    keys = () if result.key is None else (result.key,)
    return keys if result.group is None else (*keys, *state.keys_of(result.group))
