"""A worker of all partitions in memory: facts in, requests in, decisions out."""

from collections import Counter
from collections.abc import Iterable
from typing import cast

from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.judge import Judge
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.tables import PartitionTables, SharedTables
from streams.processing.answers import Answers
from streams.processing.site import Site
from streams.processing.slice_result import Output
from streams.records.record import Record
from streams.tools.capture.record import Captured
from testkit.rows import PARTITIONS


class MemoryWorker:
    """Takes one record after another, by the readers and the judge of a worker."""

    def __init__(self, policies: Policies) -> None:
        self._shared = SharedTables(policies, PARTITIONS)
        self._tables = [PartitionTables(at, PARTITIONS) for at in range(PARTITIONS)]
        site = Site(
            input_topic="requests",
            partitions=PARTITIONS,
            record_max_bytes=65_536,
            source_name="/requests",
            app_version="1",
        )
        self._judge = Judge(site, self._shared, Breaker())
        self._offsets: Counter[int] = Counter()

    def take(
        self,
        topic: str,
        partition: int,
        record: tuple[bytes | None, bytes | None],
        at_ms: int,
    ) -> Iterable[Output]:
        """Apply a fact, or judge a request at a moment; yields what came of it.

        Parameters
        ----------
        record
            Key and value.
        """
        own = self._tables[partition]
        match topic:
            case "policies":
                self._shared.apply_policy(*record, at_ms)
            case "shops":
                self._shared.apply_shop(partition, *record)
            case "catalog":
                self._shared.apply_catalog(partition, *record)
            case "buyers":
                own.apply_buyer(*record)
            case "orders":
                own.apply_order(*record)
            case "outcomes":
                own.apply_outcome(*record, at_ms)
            case _:
                return self._judged(partition, record, at_ms)
        return ()

    def _judged(
        self,
        partition: int,
        record: tuple[bytes | None, bytes | None],
        at_ms: int,
    ) -> Iterable[Output]:
        own = self._tables[partition]
        own.vetoes_known_ms = at_ms
        offset = self._offsets[partition]
        self._offsets[partition] += 1
        captured = Captured("requests", partition, offset, at_ms, 0, *record)
        records = cast("list[Record]", [captured])
        asked, _ = self._judge.read(records, Answers(), own)
        return self._judge.judge(records, asked, own, at_ms).outputs
