"""Sends requests at their intended times, whatever becomes of them (open loop).

Usage: ``python -m bench.generator JOB.json``. Prints READY, reads the start time
(monotonic ns) from standard input, and leaves the lateness of every record in a file:
handed to the producer minus intended, ns.
"""

import gc
import json
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from bench.kafka import now_ms
from bench.options import BenchError
from bench.world import KeyedValue, NumberedWorld, WorldSize


@dataclass(frozen=True, slots=True)
class SendingPace:
    """When rows are sent."""

    start_ns: int
    """Monotonic, of the first."""
    gap_ns: int
    """Between two."""
    nap_ns: int
    """Whoever is ahead sleeps so long at least: rows that are due meanwhile go together."""


def send(
    producer: Producer, topic: str, rows: list[KeyedValue], pace: SendingPace
) -> "array[int]":
    """Send each row at its time, or at once when that has passed."""
    late = array("q")
    produce, poll, clock = producer.produce, producer.poll, time.monotonic_ns
    start_ns, gap_ns, nap_ns = pace.start_ns, pace.gap_ns, pace.nap_ns
    for number, (key, value, partition) in enumerate(rows):
        intended_ns = start_ns + number * gap_ns
        wait_ns = intended_ns - clock()
        if wait_ns > 0:
            time.sleep(max(wait_ns, nap_ns) / 1e9)
        late.append(clock() - intended_ns)
        produce(topic, value, key, partition)
        poll(0)
    return late


def main(job: dict[str, Any]) -> None:
    """Do one job: build all records first, then wait for the start time."""
    world = NumberedWorld(WorldSize(**job["world"]))
    first, count, rate = job["first"], job["count"], job["rate"]
    built_ms = now_ms()
    rows = [
        world.request(first + number, built_ms + number * 1_000 // rate)
        for number in range(count)
    ]
    producer = Producer(
        {
            "bootstrap.servers": job["bootstrap"],
            "compression.type": job["compression"],
            "linger.ms": job["company_ms"],
            "acks": "all",
            "socket.nagle.disable": True,
        }
    )
    producer.list_topics(job["topic"])  # connected before the first record
    gc.collect()
    gc.disable()
    print("READY", flush=True)
    start_ns = int(sys.stdin.readline())
    pace = SendingPace(start_ns, 1_000_000_000 // rate, int(job["company_ms"] * 1e6))
    late = send(producer, job["topic"], rows, pace)
    if producer.flush(30):
        raise BenchError("the broker did not take all requests")
    with Path(job["out"]).open("wb") as out:
        late.tofile(out)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
