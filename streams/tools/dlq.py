"""``refund dlq list|show|replay``: list dead letters, and send them again.

A replay is a new record: the worker judges it as of then. The dead letter stays until
its topic deletes it, so the operator must note what was replayed.
"""

from typing import Final, TextIO

from aiokafka import AIOKafkaProducer, TopicPartition

from streams.errors import UsageError
from streams.kafka.aiokafka_internals.tested import client_arguments
from streams.kafka.ending import SHORT_MS, disconnect
from streams.kafka.starting import connect
from streams.records.dead_letters import PREFIX, last_text
from streams.records.record import Placed
from streams.records.record_format import Header
from streams.settings import Settings
from streams.tools import show as display
from streams.tools.letters import (
    Choice,
    find,
    inputs,
    is_cut,
    letters_topic,
    place,
    where,
)
from streams.tools.reading import broker_errors, fetch_one, partitions_of, reader
from streams.visible import visible

_HEADER: Final = ("letter", "from", "stage", "error", "failed at", "key", "message")


async def list_letters(
    settings: Settings, choice: Choice, form: str, out: TextIO
) -> None:
    """Print dead letters: ``form`` is ``table`` or ``json`` (one object a line)."""
    records = await find(settings, choice)
    if form == "json":
        for record in records:
            print(display.json_line(_as_object(record)), file=out)
        return
    display.table(out, _HEADER, (_row(record) for record in records))


async def show_letter(settings: Settings, letter: str, out: TextIO) -> None:
    """Print one dead letter whole.

    Raises
    ------
    UsageError
        There is no dead letter at that offset.
    """
    partition, offset = where(letter)
    with broker_errors(settings.kafka):
        partitions = await partitions_of(settings.kafka, [letters_topic(settings)])
        wanted = TopicPartition(letters_topic(settings), partition)
        record = None
        if wanted in partitions:
            async with reader(settings.kafka) as consumer:
                record = await fetch_one(consumer, wanted, offset)
    if record is None:
        raise UsageError([f"{letter}: no such dead letter; see `refund dlq list`"])
    for name, value in (*record.headers, ("key", record.key), ("value", record.value)):
        print(visible(f"{name}: {display.text_or_hex(value)}"), file=out)
    if is_cut(record):
        print(visible(f"{place(record)}: {_why_not(record)}"), file=out)


async def replay(settings: Settings, choice: Choice, mode: str, out: TextIO) -> None:
    """Send dead letters back where they came from; ``mode`` is ``dry`` or ``send``.

    Key, value, headers and partition are those of the original. A cut letter cannot be
    sent: it is refused if it was named, and otherwise left out.

    Raises
    ------
    UsageError
        A letter came from a topic that we do not read, or is cut; then nothing is sent.
    """
    found = await find(settings, choice)
    cut = [f"{place(record)}: {_why_not(record)}" for record in found if is_cut(record)]
    if cut and choice.letters:
        raise UsageError(cut)
    for line in cut:
        print(visible(f"left out {line}"), file=out)
    records = [record for record in found if not is_cut(record)]
    targets = [_target(settings, record) for record in records]
    if mode != "send":
        for record, target in zip(records, targets, strict=True):
            print(f"would send {place(record)} to {_spot(target)}", file=out)
        print(f"{len(records)} would be sent; repeat with --yes", file=out)
        return
    with broker_errors(settings.kafka):
        producer: AIOKafkaProducer[bytes, bytes] = AIOKafkaProducer(
            **client_arguments(settings.kafka),
            acks="all",
            enable_idempotence=True,
            max_request_size=settings.kafka.max_request_bytes,
        )
        try:
            await connect(producer)
            for record, target in zip(records, targets, strict=True):
                await producer.send_and_wait(
                    target.topic,
                    record.value,
                    record.key,
                    partition=target.partition,
                    headers=_original(record),
                )
                print(f"sent {place(record)} to {_spot(target)}", file=out)
        finally:
            await disconnect([producer], SHORT_MS)
    print(f"{len(records)} sent", file=out)


def _target(settings: Settings, record: Placed) -> TopicPartition:
    """Return where a letter came from; its header is checked against our topics."""
    counts = inputs(settings)
    topic = last_text(record.headers, "topic")
    partition = last_text(record.headers, "partition")
    if topic not in counts:
        raise UsageError([f"{place(record)}: came from {topic}, which no worker reads"])
    if not (partition and partition.isdecimal() and int(partition) < counts[topic]):
        raise UsageError(
            [f"{place(record)}: came from partition {partition}, which does not exist"]
        )
    return TopicPartition(topic, int(partition))


def _why_not(record: Placed) -> str:
    """Say where the original of a cut letter is."""
    headers = record.headers
    where_from = (last_text(headers, name) for name in ("topic", "partition", "offset"))
    topic, partition, offset = where_from
    return (
        f"cut ({last_text(headers, 'cut')}), so it cannot be replayed; the original of "
        f"{last_text(headers, 'size')} bytes is in {topic} partition {partition} at offset "
        f"{offset} until that topic deletes it"
    )


def _spot(target: TopicPartition) -> str:
    return f"{target.topic} partition {target.partition}"


def _original(record: Placed) -> list[Header]:
    return [(key, value) for key, value in record.headers if not key.startswith(PREFIX)]


def _number(record: Placed, name: str) -> int | None:
    text = last_text(record.headers, name)
    return int(text) if text and text.isdecimal() else None


def _row(record: Placed) -> tuple[object, ...]:
    headers = record.headers
    origin = ":".join(
        last_text(headers, name) or "?" for name in ("topic", "partition", "offset")
    )
    return (
        place(record),
        origin,
        last_text(headers, "stage"),
        last_text(headers, "error"),
        display.moment(_number(record, "failed_at_ms")),
        display.text_or_hex(record.key),
        f"cut: {last_text(headers, 'message')}"
        if is_cut(record)
        else last_text(headers, "message"),
    )


def _as_object(record: Placed) -> dict[str, object]:
    return {
        "letter": place(record),
        "topic": last_text(record.headers, "topic"),
        "partition": _number(record, "partition"),
        "offset": _number(record, "offset"),
        "stage": last_text(record.headers, "stage"),
        "error": last_text(record.headers, "error"),
        "message": last_text(record.headers, "message"),
        "failed_at_ms": _number(record, "failed_at_ms"),
        "cut": (last_text(record.headers, "cut") or "").split(",")
        if is_cut(record)
        else [],
        "size": _number(record, "size"),
        "sha256": last_text(record.headers, "sha256"),
        "last_offset": _number(record, "last_offset"),
        "key": display.text_or_hex(record.key),
        "value": display.text_or_hex(record.value),
    }
