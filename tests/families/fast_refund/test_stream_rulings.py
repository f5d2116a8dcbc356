"""What ``refund decide`` says of a line, a worker says of the same records on topics."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest

from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.judge import Judge
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.tables import PartitionTables
from streams.processing.answers import Answers
from streams.processing.partitioner import partition_of
from streams.records.json_values import Unreadable
from streams.tools.decide import decide_lines
from streams.tools.decide_line import members_of
from testkit import samples
from testkit.fakes import FakeRecord
from testkit.samples import PARTITIONS
from tests.families.fast_refund.cases import CASES, NOW, SHIPPED, in_stream, raw_of
from tests.families.fast_refund.world import MARK, SITE, World, verdict

FACTS: Final = ("request", "order", "buyer", "shop", "catalog.excluded", "order_vetoed")
NUMBER: Final = partition_of("b-1", PARTITIONS)


def tells_facts_only(case: dict[str, Any]) -> bool:
    """Whether a case is told by records alone: no history, and no moment of a feed."""
    if in_stream(case) or not case.keys().isdisjoint(("raw", "history", "policy")):
        return False
    if case["title"].startswith("E-33: one category listed"):
        return False  # on the topic an id has one record
    paths = [*case.get("change", {}), *case.get("drop", []), *case.get("raw_at", {})]
    return all(
        path.startswith(FACTS)
        and not path.endswith("as_of_ms")
        and path not in ("request", "order_vetoed")
        for path in paths
    )


TOLD: Final = [case for case in CASES if tells_facts_only(case)]


class Partition:
    """A partition and the shared tables, filled from the members of a line."""

    def __init__(self, members: dict[str, bytes]) -> None:
        self.shared = SharedTables(Policies([SHIPPED]), PARTITIONS)
        self.tables = PartitionTables(NUMBER, PARTITIONS)
        self.dead: list[str] = []
        """Members that were a dead letter."""
        for number in range(PARTITIONS):
            self.shared.apply_shop(number, MARK, samples.watermark(NOW))
            self.shared.apply_catalog(number, MARK, samples.watermark(NOW))
        self.tables.apply_buyer(MARK, samples.watermark(NOW))
        self.tables.vetoes_known_ms = NOW
        self._fill(members)

    def _fill(self, members: dict[str, bytes]) -> None:
        shared, tables = self.shared, self.tables
        for name, key, apply in (
            ("order", b"o-1", tables.apply_order),
            ("buyer", b"b-1", tables.apply_buyer),
            ("shop", b"s-1", partial(shared.apply_shop, 0)),
        ):
            if members[name] != b"null":
                self._note(name, apply(key, members[name]))
        catalog = json.loads(members["catalog"].decode("latin-1"))
        for row in catalog["excluded"]:
            entry = json.dumps({**row, "excluded": True}).encode()
            found = shared.apply_catalog(0, str(row["id"]).encode(), entry)
            self._note("catalog", found)
        veto = json.loads(members["order_vetoed"])
        if veto is not False:
            tables.apply_outcome(None, samples.veto("o-1", on=veto), 1)

    def _note(self, name: str, found: object) -> None:
        if isinstance(found, Unreadable):
            self.dead.append(name)

    def verdict_on(self, value: bytes) -> object:
        """Judge a request as a worker does."""
        judge = Judge(SITE, self.shared, Breaker())
        record = FakeRecord("refund.requests", NUMBER, 0, b"r-1", value, (), 0)
        requests, _ = judge.read([record], Answers(), self.tables)
        (output,) = judge.judge([record], requests, self.tables, NOW).outputs
        if output.value == value:
            return "dead_letter"
        decision = json.loads(output.value or b"")
        codes = decision["reason_codes"]
        elsewhere = {"REQUEST_MISROUTED"}  # another buyer's request would be
        return verdict(
            {
                **decision,
                "reason_codes": [code for code in codes if code not in elsewhere],
            }
        )


@pytest.mark.parametrize("case", TOLD, ids=[case["title"] for case in TOLD])
def test_a_worker_decides_as_refund_decide_does(case: dict[str, Any]) -> None:
    raw = raw_of(case)
    (written,) = decide_lines([raw], SHIPPED)
    line = json.loads(written)
    members = {name: bytes(value) for name, value in members_of(raw).items()}
    partition = Partition(members)
    found = partition.verdict_on(members["request"])
    if "dead_letter" not in line:
        assert found == verdict(line)
        return
    (member, *_) = line["dead_letter"].partition(":")
    if member == "request":
        assert found == "dead_letter"
    else:  # a record of its own on its topic: it is one dead letter, the request another's
        assert partition.dead == [member.partition(".")[0]]


def test_most_worked_cases_are_told_by_facts_alone() -> None:
    assert len(TOLD) > 300
    rulings = {clause for case in TOLD for clause in case["clause"]}
    assert {f"E-{number}" for number in range(29, 36)} <= rulings


def test_an_article_that_is_listed_later_makes_lines_without_one_unknown() -> None:
    """E-29, also where the fast path has seen the goods before."""
    world = World()
    world.add_order("o-1", order_version=2, lines=[{**samples.LINE, "sku_id": None}])
    assert verdict(world.one(refund_id="r-1", order_id="o-1")) == "A"
    world.add_order("o-2", lines=[{**samples.LINE, "sku_id": None}])
    entry = samples.category(id="sku:k-9", kind="excluded")
    world.shared.apply_catalog(0, b"sku:k-9", entry)
    assert verdict(world.one(refund_id="r-2", order_id="o-2")) == ["SKU_UNKNOWN"]
    world.add_order("o-3", lines=[{**samples.LINE, "sku_id": None}])
    world.shared.apply_catalog(0, b"sku:k-9", None)
    assert verdict(world.one(refund_id="r-3", order_id="o-3")) == "A"
    off = samples.category(id="sku:k-9", kind="excluded", excluded=False)
    for value in (entry, off):
        world.shared.apply_catalog(0, b"sku:k-9", value)
    world.add_order("o-4", lines=[{**samples.LINE, "sku_id": None}])
    assert verdict(world.one(refund_id="r-4", order_id="o-4")) == "A"


UNREAD: Final = (
    ("order", "o-1", ["ORDER_DETAIL_UNKNOWN"]),
    ("buyer", samples.BUYER, ["BUYER_QUALITY_UNKNOWN", "LISTS_NOT_READY"]),
    ("shop", "s-1", ["LISTS_NOT_READY"]),
)


@pytest.mark.parametrize("spoilt", [b'"\xff"', b"9" * 4_301, b"{"], ids=["1", "2", "3"])
@pytest.mark.parametrize(("name", "key", "codes"), UNREAD)
def test_a_fact_that_cannot_be_read_takes_away_what_was_known_under_its_key(
    name: str, key: str, codes: list[str], spoilt: bytes
) -> None:
    """E-34, E-35: what was good before is not good for ever."""
    world = World()
    readers: dict[str, Callable[[bytes, bytes], object]] = {
        "order": world.tables.apply_order,
        "buyer": world.tables.apply_buyer,
        "shop": partial(world.shared.apply_shop, 0),
    }
    value = getattr(samples, name)(note="@").replace(b'"@"', spoilt)
    assert isinstance(readers[name](key.encode(), value), Unreadable)
    assert verdict(world.one()) == codes
