"""The receiving process records when each answer came, and which request it answers.

It takes records one by one as they arrive: waiting for batches would add time.
"""

import gc
import time
from array import array
from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final

import msgspec
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from streams.errors import SourceError
from streams.records import headers
from streams.records.dead_letters import last_text
from streams.tools.drive.ipc import failures_sent

READY: Final = b"R"
ANSWERS: Final = b"N"
"""Message type; four 64-bit numbers per answer follow: partition and offset of the
request, arrival (monotonic ns), index of the topic."""
STOP: Final = b"S"
"""Message from the main process: stop."""
_POLL_S: Final = 0.02
_TELL_NUMBERS: Final = 4 * 512
_TELL_NS: Final = 20_000_000
_ANSWER_S: Final = 15.0
_ASK_AGAIN_S: Final = 0.1
_NO_LEADER: Final = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
)


class ReceivingJob(msgspec.Struct, frozen=True):
    """The job of the process."""

    client: dict[str, Any]
    requests: str
    """Topic of the requests: only answers to it count."""
    topics: tuple[str, ...]
    """Topics of answers, read from their current ends on."""
    partitions: int


def origin(
    found: Sequence[tuple[str, bytes | None]], requests: str
) -> tuple[int, int] | None:
    """Return partition and offset of the request that a record answers.

    Decisions have it in ``source_`` headers, dead letters in other headers; None = it
    answers none of these requests.
    """
    if headers.text(found, headers.SOURCE_TOPIC) == requests:
        partition = headers.number(found, headers.SOURCE_PARTITION)
        offset = headers.number(found, headers.SOURCE_OFFSET)
    elif last_text(found, "topic") == requests:
        texts = last_text(found, "partition"), last_text(found, "offset")
        partition, offset = (int(t) if t and t.isdecimal() else None for t in texts)
    else:
        return None
    return None if partition is None or offset is None else (partition, offset)


def _ends(consumer: Consumer, job: ReceivingJob) -> Iterable[TopicPartition]:
    for topic in job.topics:
        for number in range(job.partitions):
            end = _end(consumer, TopicPartition(topic, number))
            yield TopicPartition(topic, number, end)


def _end(consumer: Consumer, where: TopicPartition) -> int:
    """Return the end of a partition; a new topic may not have a leader yet."""
    until_s = time.monotonic() + _ANSWER_S
    while True:
        try:
            return int(consumer.get_watermark_offsets(where, timeout=_ANSWER_S)[1])
        except KafkaException as refused:
            if time.monotonic() > until_s or refused.args[0].code() not in _NO_LEADER:
                raise
            time.sleep(_ASK_AGAIN_S)


def _receive(consumer: Consumer, job: ReceivingJob, pipe: Connection) -> None:
    index = {topic: number for number, topic in enumerate(job.topics)}
    answers = array("q")
    told_ns = time.monotonic_ns()
    while True:
        message: Message | None = consumer.poll(_POLL_S)
        at_ns = time.monotonic_ns()
        if message is not None:
            if (error := message.error()) is not None:
                raise SourceError(f"reading answers: {error.str()}")
            asked = origin(message.headers() or (), job.requests)  # type: ignore[arg-type]
            if asked is not None:
                answers.extend((*asked, at_ns, index[str(message.topic())]))
        if len(answers) >= _TELL_NUMBERS or at_ns - told_ns > _TELL_NS:
            if answers:
                pipe.send_bytes(ANSWERS + answers.tobytes())
                del answers[:]
            told_ns = at_ns
            if pipe.poll():  # a stop message, or the main process is gone
                return


def main(job: ReceivingJob, pipe: Connection) -> None:
    """Run the process until the main process sends a stop."""
    with failures_sent(pipe):
        consumer = Consumer(
            job.client
            | {
                "group.id": "refund-tools",  # none is joined
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
                "socket.nagle.disable": True,
            }
        )
        consumer.assign(list(_ends(consumer, job)))
        consumer.poll(0.5)  # starts fetching
        gc.collect()
        gc.disable()
        pipe.send_bytes(READY)
        _receive(consumer, job, pipe)
        consumer.close()
