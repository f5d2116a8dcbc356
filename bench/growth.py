"""What more orders in memory cost: a worker's work in one process, without a broker.

``python -m bench.growth`` loads tables of two sizes through the code that a worker loads
them with, judges the same number of requests on each, and puts the outputs into
batches. CPU time of this process only; each size in a process of its own.
"""

import argparse
import gc
import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from multiprocessing import get_context
from os import getpid
from statistics import median
from typing import Final

from aiokafka.record.default_records import DefaultRecord
from rich.console import Console
from rich.table import Table

from bench.options import BenchError
from bench.world import KeyedValue, NumberedWorld, WorldSize, watermark
from streams.families.fast_refund.breaker import Breaker
from streams.families.fast_refund.decision_codec import recover
from streams.families.fast_refund.decision_history import RefundHistory
from streams.families.fast_refund.judge import Judge
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.shared_tables import SharedTables
from streams.families.fast_refund.tables import PartitionTables
from streams.kafka.batches import RecordBatches
from streams.processing.answers import Answers
from streams.processing.site import Site
from streams.settings.policy_file import load_policy
from streams.worker.allocator import ProcessAllocator
from testkit.procfs import resident_mib

SIZES: Final = (50_000, 5_000_000)
_PARTITIONS: Final = 4
_BUYERS_PER_ORDER: Final = 5
_SLICE: Final = 500
_WARM_UP: Final = 10
"""Slices that are not counted."""
_SLICES: Final = 80
_LEAST: Final = 50_000
"""Orders for as many slices, whatever partitions they fall into."""
_CHUNK: Final = 2_000
_NOW_MS: Final = 1_790_000_000_000
_SITE: Final = Site(
    input_topic="refund.requests",
    partitions=_PARTITIONS,
    record_max_bytes=65_536,
    source_name="/refund.requests",
    app_version="bench",
)


@dataclass(frozen=True, slots=True)
class Growth:
    """Figures of one size."""

    orders: int
    load_us: float
    """CPU of reading one order into its table."""
    order_bytes: float
    """Growth of resident memory per order; tables of a doubled size included."""
    decide_us: float
    """CPU from an unpacked record to an output in its batch; median of slices."""
    decision_bytes: float
    """Length of the record of a decision."""
    read_back_us: float
    """CPU of reading one decision back into a memory."""


def measure(orders: int) -> Growth:
    """Load, decide, read back."""
    allocator = ProcessAllocator()
    allocator.tune()
    world = NumberedWorld(
        WorldSize(orders, max(1, orders // _BUYERS_PER_ORDER), _PARTITIONS)
    )
    tables = [PartitionTables(number, _PARTITIONS) for number in range(_PARTITIONS)]
    for key, value, partition in world.buyer_rows(_NOW_MS):
        tables[partition].apply_buyer(key, value)
    for table in tables:
        table.loading = True
    load_us, order_bytes = _load(world.order_rows(_NOW_MS), tables)
    for table in tables:
        table.loaded()
    allocator.set_aside()
    judge = Judge(_SITE, _shared(world, tables), Breaker())
    decide_us, values = _decide(world, tables, judge)
    return Growth(
        orders,
        load_us,
        order_bytes,
        decide_us,
        sum(map(len, values)) / len(values),
        _read_back(values),
    )


def _load(
    rows: Iterator[KeyedValue], tables: Sequence[PartitionTables]
) -> tuple[float, float]:
    """Return CPU in us and bytes of an order, without those of making the rows."""
    spent_ns = count = 0
    chunk = list(islice(rows, _CHUNK))
    before = resident_mib(getpid())
    while chunk:
        began_ns = time.process_time_ns()
        for key, value, partition in chunk:
            tables[partition].apply_order(key, value)
        spent_ns += time.process_time_ns() - began_ns
        count += len(chunk)
        chunk = list(islice(rows, _CHUNK))
    grown = resident_mib(getpid()) - before
    return spent_ns / count / 1_000, grown * 2**20 / count


def _shared(world: NumberedWorld, tables: Sequence[PartitionTables]) -> SharedTables:
    """Return shops and catalogue, and date every feed, those of the tables too."""
    shared = SharedTables(Policies((load_policy(None),)), _PARTITIONS)
    for name, (key, value, partition) in world.list_rows(_NOW_MS):
        apply = shared.apply_shop if name == "shops" else shared.apply_catalog
        apply(partition, key, value)
    mark = watermark(_NOW_MS)
    for table in tables:
        table.apply_order(*mark)
        table.apply_buyer(*mark)
        table.apply_outcome(*mark, 0)
        shared.apply_shop(table.partition, *mark)
        shared.apply_catalog(table.partition, *mark)
    return shared


def _decide(
    world: NumberedWorld, tables: Sequence[PartitionTables], judge: Judge
) -> tuple[float, list[bytes]]:
    """Return CPU in us of a request, and the decisions that were counted."""
    found: list[float] = []
    values: list[bytes] = []
    batches = RecordBatches(None, lambda: _NOW_MS)
    for number, (partition, records) in enumerate(_slices(world)):
        table = tables[partition]
        began_ns = time.process_time_ns()
        requests, _ = judge.read(records, Answers(), table)
        judged = judge.judge(records, requests, table, _NOW_MS)
        batch = batches.full()
        batch.add([output.record for output in judged.outputs])
        spent_ns = time.process_time_ns() - began_ns
        if judged.approved != len(records):
            raise BenchError("a request was not approved: too few orders for as many")
        if number >= _WARM_UP:
            found.append(spent_ns / len(records) / 1_000)
            values += [output.value or b"" for output in judged.outputs]
    return median(found), values


def _slices(world: NumberedWorld) -> Iterator[tuple[int, list[DefaultRecord]]]:
    waiting: list[list[DefaultRecord]] = [[] for _ in range(_PARTITIONS)]
    slices = number = 0
    while slices < _WARM_UP + _SLICES:
        key, value, partition = world.request(number, _NOW_MS)
        number += 1
        records = waiting[partition]
        records.append(DefaultRecord(number, _NOW_MS, 0, key, value, []))
        if len(records) == _SLICE:
            waiting[partition] = []
            slices += 1
            yield partition, records


def _read_back(values: Sequence[bytes]) -> float:
    """Return CPU in us of one decision."""
    ledger = RefundHistory()
    gc.collect()
    began_ns = time.process_time_ns()
    for value in values:
        found = recover(value)
        if found is not None:
            ledger.remember(found.entry)
    return (time.process_time_ns() - began_ns) / len(values) / 1_000


def _of_all(sizes: Sequence[int], rounds: int) -> list[Growth]:
    """Measure sizes in turn; each figure is the median of its rounds."""
    spawning = get_context("spawn")
    found: dict[int, list[Growth]] = {size: [] for size in sizes}
    for number in range(rounds):
        for size in sizes:
            sys.stderr.write(f"round {number + 1} of {rounds}: {size:,} orders\n")
            with ProcessPoolExecutor(1, spawning) as alone:
                found[size].append(alone.submit(measure, size).result())
    return [
        Growth(
            size,
            *(
                median([getattr(one, name) for one in runs])
                for name in Growth.__slots__[1:]
            ),
        )
        for size, runs in found.items()
    ]


def _table(found: Sequence[Growth]) -> Table:
    table = Table(title="What more orders in memory cost")
    for name in ("orders", "load us", "bytes", "decide us", "times", "read back us"):
        table.add_column(name, justify="right")
    for one in found:
        table.add_row(
            f"{one.orders:,}",
            f"{one.load_us:.2f}",
            f"{one.order_bytes:.0f}",
            f"{one.decide_us:.2f}",
            f"{one.decide_us / found[0].decide_us:.2f}",
            f"{one.read_back_us:.2f}",
        )
    return table


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m bench.growth", description=__doc__)
    parser.add_argument(
        "sizes", nargs="*", type=int, default=list(SIZES), help="orders in memory"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of each (default: 3)")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    options = parser.parse_args(arguments)
    if min(options.sizes) < _LEAST or options.rounds < 1:
        parser.error(f"at least {_LEAST} orders, each is asked for once, and one round")
    try:
        found = _of_all(options.sizes, options.rounds)
    except BenchError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    if options.json:
        sys.stdout.write(json.dumps([asdict(one) for one in found]) + "\n")
    else:
        Console().print(_table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
