"""Order the facts and requests of a capture as the workers knew them."""

from collections.abc import Iterator
from heapq import merge
from itertools import groupby
from typing import Final

import msgspec

from streams.tools.backtest.recorded import Recorded
from streams.tools.capture.record import Captured
from streams.tools.capture.store import FACTS, REQUESTS, Capture

_FACT: Final = 0
_REQUEST: Final = 1


class Slice(msgspec.Struct, frozen=True):
    """Requests of one partition that were judged together."""

    partition: int
    at_ms: int
    records: list[Captured]


Event = Captured | Slice
"""A fact record, or requests to judge."""
_Placed = tuple[int, int, int, int, Captured]


def events(capture: Capture, recorded: Recorded) -> Iterator[Event]:
    """Yield facts, and slices of requests.

    A request is placed at the moment of its judging, and requests judged together stay
    together; one without an answer is placed at its timestamp. A fact is known from its
    timestamp on; at the same moment facts come first.
    """
    requests = [
        _requests(capture, span.partition, recorded) for span in capture.spans(REQUESTS)
    ]
    placed = merge(_facts(capture), *requests)
    for (at_ms, rank, partition), together in groupby(placed, lambda one: one[:3]):
        records = [record for *_, record in together]
        if rank == _REQUEST:
            yield Slice(partition, at_ms, records)
        else:
            yield from records


def _facts(capture: Capture) -> Iterator[_Placed]:
    at_ms = 0
    for number, record in enumerate(capture.records(FACTS)):
        at_ms = max(at_ms, record.timestamp)
        yield at_ms, _FACT, 0, number, record


def _requests(
    capture: Capture, partition: int, recorded: Recorded
) -> Iterator[_Placed]:
    at_ms = 0
    for record in capture.partition(REQUESTS, partition):
        judged_ms = recorded.moments.get((partition, record.offset), record.timestamp)
        at_ms = max(at_ms, judged_ms)
        yield at_ms, _REQUEST, partition, record.offset, record
