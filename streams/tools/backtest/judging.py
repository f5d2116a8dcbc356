"""Judge a capture's requests again with the worker's own function."""

from collections.abc import Iterator
from typing import Final

import msgspec

from streams.families.fast_refund.decision_codec import decode_decision
from streams.families.fast_refund.family import FAMILY
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.topics import APPROVALS, DECISIONS
from streams.processing.partition import Partition
from streams.processing.policies.keys import breaker_key, pause_key
from streams.processing.site import Site
from streams.processing.topics import POLICIES
from streams.records.unread import Bounds, bounded, recalled
from streams.tools.backtest.recorded import Recorded
from streams.tools.backtest.timeline import Slice, events
from streams.tools.capture.record import Captured
from streams.tools.capture.store import REQUESTS, Capture

_DECIDED: Final = tuple(row.name for row in DECISIONS)
_BESIDE: Final = {key(FAMILY.code).encode() for key in (pause_key, breaker_key)}
_SHARED: Final = {row.name for row in FAMILY.topics.shared_facts}


class Versions(msgspec.Struct, frozen=True):
    """The policies under which requests are judged."""

    first: Policies
    follow: str
    """``capture`` = versions of the capture come into force as recorded, ``none`` =
    only these versions."""
    record_max_bytes: int
    """``worker.record_max_bytes`` of the recorded workers: larger records are not
    read."""


class Court:
    """The tables, history and judge of one pass over a capture."""

    def __init__(self, capture: Capture, versions: Versions) -> None:
        self._capture = capture
        self._follow = versions.follow
        self._bounds = Bounds(versions.record_max_bytes, versions.record_max_bytes)
        partitions = capture.manifest.partitions
        site = Site(
            input_topic=capture.topic(REQUESTS),
            partitions=partitions,
            record_max_bytes=versions.record_max_bytes,
            source_name="/backtest",
            app_version="backtest",
        )
        process = FAMILY.process(site, versions.first)
        self._shared = process.shared
        self._partitions = [Partition(process, number) for number in range(partitions)]
        self.dead = 0

    def decisions(self, recorded: Recorded) -> Iterator[Decision]:
        """Yield the decision on every request, including repeats, in order."""
        for partition, _, value in sorted(recorded.earlier):
            self._partitions[partition].restore(APPROVALS.name, value)
        for event in events(self._capture, recorded):
            if isinstance(event, Slice):
                yield from self._decide(event)
            else:
                self._apply(event)

    def _apply(self, record: Captured) -> None:
        """Apply a fact; an unreadable one makes unknown what was known, as in a worker."""
        name = self._capture.name(record.topic)
        (read,) = bounded([recalled(record)], self._bounds)
        if name == POLICIES.name and self._follow != "capture":
            # A pause or a reset of the operators counts whatever the policy says.
            if read.key in _BESIDE:
                self._shared.apply(name, record.partition, read)
            return
        if name in _SHARED:
            self._shared.apply(name, record.partition, read)
        else:
            self._partitions[record.partition].apply(name, read)

    def _decide(self, piece: Slice) -> Iterator[Decision]:
        partition = self._partitions[piece.partition]
        # A worker has always read the vetoes to their end when it decides.
        partition.state.read_to_end(piece.at_ms)
        records = bounded([recalled(one) for one in piece.records], self._bounds)
        for output in partition.judge(records, piece.at_ms).outputs:
            if output.topic in _DECIDED and output.value is not None:
                yield decode_decision(output.value)
            else:
                self.dead += 1
