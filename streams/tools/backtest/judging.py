"""Judging a capture's requests again with the worker's own function."""

from collections.abc import Iterator
from typing import Final

import msgspec

from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.decision_codec import decode_decision, recover
from streams.families.fast_refund.judge import Judge
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.tables import PartitionTables, SharedTables
from streams.families.fast_refund.topics import (
    APPROVALS,
    BUYERS,
    CATALOG,
    ORDERS,
    REVIEWS,
    SHOPS,
    SKIPPED,
)
from streams.processing.answers import Answers
from streams.processing.policies.keys import pause_key
from streams.processing.site import Site
from streams.processing.topics import POLICIES
from streams.records.unread import Bounds, bounded, recalled
from streams.tools.backtest.recorded import Recorded
from streams.tools.backtest.timeline import Slice, events
from streams.tools.capture.record import Captured
from streams.tools.capture.store import REQUESTS, Capture

_DECIDED: Final = (APPROVALS.name, REVIEWS.name, SKIPPED.name)


class Versions(msgspec.Struct, frozen=True):
    """Under which policies requests are judged."""

    first: Policies
    follow: str
    """``capture`` = versions come into force as the capture says, ``none`` = these
    alone."""
    record_max_bytes: int
    """``worker.record_max_bytes`` of those who judged: what is larger is not read."""


class Court:
    """Tables, memory and judge of one pass over a capture."""

    def __init__(self, capture: Capture, versions: Versions) -> None:
        self._capture = capture
        self._follow = versions.follow
        self._bounds = Bounds(versions.record_max_bytes, versions.record_max_bytes)
        partitions = capture.manifest.partitions
        self._shared = SharedTables(versions.first, partitions)
        self._tables = {
            number: PartitionTables(number, partitions) for number in range(partitions)
        }
        site = Site(
            input_topic=capture.topic(REQUESTS),
            partitions=partitions,
            record_max_bytes=versions.record_max_bytes,
            source_name="/backtest",
            app_version="backtest",
        )
        self._judge = Judge(site, self._shared, Breaker())
        self.dead = 0

    def decisions(self, recorded: Recorded) -> Iterator[Decision]:
        """Yield what every request comes to, repeats included, in order."""
        for partition, _, value in sorted(recorded.earlier):
            self._remember(partition, value)
        for event in events(self._capture, recorded):
            if isinstance(event, Slice):
                yield from self._decide(event)
            else:
                self._apply(event)

    def _remember(self, partition: int, value: bytes) -> None:
        found = recover(value)
        if found is not None:
            self._tables[partition].ledger.remember(found.entry)

    def _apply(self, record: Captured) -> None:
        """Take a fact; one that cannot be read takes away what was known, as ever."""
        name = self._capture.name(record.topic)
        (read,) = bounded([recalled(record)], self._bounds)
        key, value, shared = read.key, read.value, self._shared
        if name == POLICIES.name:
            # The operators' pause held whatever the policy said.
            if self._follow == "capture" or key == pause_key("FR").encode():
                shared.apply_policy(key, value, record.timestamp)
            return
        if name == SHOPS.name:
            shared.apply_shop(record.partition, key, value)
        elif name == CATALOG.name:
            shared.apply_catalog(record.partition, key, value)
        elif name == ORDERS.name:
            self._tables[record.partition].apply_order(key, value)
        elif name == BUYERS.name:
            self._tables[record.partition].apply_buyer(key, value)
        else:
            tables = self._tables[record.partition]
            tables.apply_outcome(key, value, record.offset)

    def _decide(self, piece: Slice) -> Iterator[Decision]:
        tables = self._tables[piece.partition]
        # A worker has read the vetoes to their end whenever it decides.
        tables.vetoes_known_ms = piece.at_ms
        records = bounded([recalled(one) for one in piece.records], self._bounds)
        requests, _ = self._judge.read(records, Answers(), tables)
        judged = self._judge.judge(records, requests, tables, piece.at_ms)
        for output in judged.outputs:
            if output.topic in _DECIDED and output.value is not None:
                yield decode_decision(output.value)
            else:
                self.dead += 1
