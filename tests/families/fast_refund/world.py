"""One partition with the base case in its tables, and records to judge in it."""

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.judge import Judge
from streams.families.fast_refund.policy import Policies, Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.request_marks import mark_of
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.tables import PartitionTables
from streams.processing.answers import Answers, mark_of_letter
from streams.processing.site import Site
from streams.processing.slice_result import Output, SliceResult
from streams.records.record import Record
from streams.records.unread import Bounds, bounded
from testkit import samples
from testkit.fakes import FakeRecord, Headers
from testkit.samples import NOW, NUMBER, PARTITIONS

FILE: Final = Path(__file__).parents[3] / "config" / "policy.toml"
SHIPPED: Final = POLICY.parse(tomllib.loads(FILE.read_text(encoding="utf-8")))
SITE: Final = Site(
    input_topic="refund.requests",
    partitions=PARTITIONS,
    record_max_bytes=65_536,
    source_name="/refund.requests",
    app_version="1.2.3",
    topic_prefix="refund.",
)
BOUNDS: Final = Bounds(SITE.record_max_bytes, SITE.letter_max_bytes)
MARK: Final = b"__watermark__"


def policy(**changes: object) -> Policy:
    return POLICY.override(SHIPPED, changes)


def shared_tables(*policies: Policy, at_ms: int = NOW) -> SharedTables:
    tables = SharedTables(Policies(policies or (SHIPPED,)), PARTITIONS)
    fill(tables, at_ms)
    return tables


def fill(tables: SharedTables, at_ms: int = NOW) -> None:
    """Put the shops and the catalogue of the base case into tables."""
    for number in range(PARTITIONS):
        tables.apply_shop(number, MARK, samples.watermark(at_ms))
        tables.apply_catalog(number, MARK, samples.watermark(at_ms))
    for name in ("virtual", "custom"):
        tables.apply_catalog(
            0, None, samples.category(id=f"category:{name}", kind=name)
        )
    tables.apply_shop(0, None, samples.shop())


def partition_tables(number: int = NUMBER, at_ms: int = NOW) -> PartitionTables:
    tables = PartitionTables(number, PARTITIONS)
    tables.apply_order(None, samples.order(as_of_ms=at_ms))
    tables.apply_buyer(None, samples.buyer(as_of_ms=at_ms))
    tables.apply_buyer(MARK, samples.watermark(at_ms))
    tables.vetoes_known_ms = at_ms
    return tables


class World:
    """Judges records one slice after another, with the offsets of one partition."""

    def __init__(self, *policies: Policy, number: int = NUMBER) -> None:
        self.number = number
        self.shared = shared_tables(*policies)
        self.tables = partition_tables(number)
        self.breaker = Breaker()
        self.judge = Judge(SITE, self.shared, self.breaker)
        self.now_ms = NOW
        self.answered = Answers()
        self.outputs: list[Output] = []
        self._next = 0

    def record(
        self,
        value: bytes | None,
        key: bytes | None = b"r-1",
        headers: Headers = (),
    ) -> FakeRecord:
        self._next += 1
        return FakeRecord(
            SITE.input_topic,
            self.number,
            self._next - 1,
            key,
            value,
            tuple(headers),
            self.now_ms - 5,
        )

    def slice(self, given: Sequence[Record]) -> SliceResult:
        """Judge records as a consumer hands them out: what is too large is taken out."""
        records = bounded(list(given), BOUNDS)
        requests, _ = self.judge.read(records, self.answered, self.tables)
        judged = self.judge.judge(records, requests, self.tables, self.now_ms)
        self.outputs += judged.outputs
        return judged

    def decide(self, *values: bytes | None) -> list[dict[str, Any]]:
        """Judge some values as one slice; return the decisions."""
        judged = self.slice([self.record(value) for value in values])
        return [json.loads(one.value or b"null") for one in judged.outputs]

    def one(self, **changes: object) -> dict[str, Any]:
        """Judge the base request with some changes, as a slice of its own."""
        (found,) = self.decide(samples.request(**changes))
        return found

    def add_order(self, order_id: str, **changes: object) -> None:
        self.tables.apply_order(
            None, samples.order(order_id=order_id, as_of_ms=self.now_ms, **changes)
        )


def answers_to(*records: FakeRecord) -> Answers:
    """Return what outputs that answer these records would say."""
    found = Answers()
    for record in records:
        mark = mark_of(record)
        if mark is None:
            mark = mark_of_letter(record.key, record.value)
        found.add(record.offset, mark)
    return found


def verdict(decision: dict[str, Any]) -> object:
    """``A``, the codes of a manual review, or the codes with their disposition."""
    if decision["outcome"] == "auto_approve":
        return "A"
    codes = decision["reason_codes"]
    if decision["outcome"] == "manual_review":
        return codes
    return decision["disposition"], codes


def topics(judged: SliceResult) -> list[str]:
    return [one.topic.replace("-", "_") for one in judged.outputs]
