"""Reads outputs one by one as they come and notes when it saw each request's first.

Usage: ``python -m bench.receiver JOB.json``. Prints READY, then reads until every
request has its output, or it is told to give up (SIGTERM). Leaves monotonic ns by
request (0 = none) in a file and prints one line of JSON.
"""

import gc
import json
import signal
import sys
import threading
import time
from array import array
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, TopicPartition

from bench.kafka import Ends
from bench.names import request_number
from bench.options import BenchError

_POLL_S: Final = 0.2
_READY_S: Final = 60.0


def wait_until_fetching(consumer: Consumer, partitions: int) -> None:
    """Wait until every partition has been fetched to its end once.

    With hundreds of them that takes seconds, which would be counted as latency.
    """
    until = time.monotonic() + _READY_S
    reached: set[tuple[str | None, int | None]] = set()
    while len(reached) < partitions:
        message = consumer.poll(_POLL_S)
        if message is not None:  # an end, or an output of a run before
            reached.add((message.topic(), message.partition()))
        if time.monotonic() > until:
            raise BenchError(f"not all outputs could be fetched in {_READY_S:.0f} s")


def receive(
    consumer: Consumer, first: int, seen: "array[int]", over: threading.Event
) -> dict[str, int]:
    """Fill ``seen``; return counts of outputs, repeats and approvals.

    What answers other requests, such as those of a run before, is passed over.
    """
    poll, clock = consumer.poll, time.monotonic_ns
    outputs = repeats = approved = 0
    while outputs - repeats < len(seen) and not over.is_set():
        message = poll(_POLL_S)
        at_ns = clock()
        if message is None:
            continue
        if (error := message.error()) is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                continue
            raise BenchError(f"reading outputs failed: {error}")
        key, value = message.key(), message.value()
        if not isinstance(key, bytes):
            raise BenchError("an output has no key")
        number = request_number(key) - first
        if not 0 <= number < len(seen):
            continue
        outputs += 1
        approved += value is not None and b'"auto_approve"' in value
        if seen[number]:
            repeats += 1
        else:
            seen[number] = at_ns
    return {"outputs": outputs, "repeats": repeats, "approved": approved}


def main(job: dict[str, Any]) -> None:
    """Do one job, from the present ends of the output topics on."""
    consumer = Consumer(
        {
            "bootstrap.servers": job["bootstrap"],
            "group.id": "bench-receiver",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 50,  # how long an empty fetch waits; records end it at once
            "socket.nagle.disable": True,
            "enable.partition.eof": True,
        }
    )
    counter = Ends(job["bootstrap"], job["topics"], job["partitions"])
    ends = counter.by_partition()
    counter.close()
    consumer.assign(
        [TopicPartition(one.topic, one.partition, end) for one, end in ends.items()]
    )
    wait_until_fetching(consumer, len(ends))
    seen = array("q", bytes(8 * job["count"]))
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    gc.collect()
    gc.disable()
    print("READY", flush=True)
    counts = receive(consumer, job["first"], seen, over)
    consumer.close()
    with Path(job["out"]).open("wb") as out:
        seen.tofile(out)
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
