"""Fill a capture: collect records, write them as parts, add the parts to the manifest."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from streams.kafka.errors import translated_for_command
from streams.tools.capture.manifest import Manifest, Span, save
from streams.tools.capture.record import Captured, size_bytes
from streams.tools.capture.redaction import Redactor
from streams.tools.capture.store import write_part
from streams.tools.progress import Progress

_POLL_MS: Final = 500
PART_BYTES: Final = 32_000_000
"""Approximate size of the records held in memory; after an interruption only they are
read again."""


class Filling:
    """One run: fills buffers, writes them as parts, updates the manifest."""

    def __init__(
        self, folder: Path, manifest: Manifest, redactor: Redactor | None
    ) -> None:
        self._folder = folder
        self._manifest = manifest
        self._redactor = redactor
        self._held: dict[TopicPartition, list[Captured]] = {}
        self._held_bytes = 0
        self._reached: dict[TopicPartition, int] = {}
        self._blanked_before = manifest.blanked

    async def run(
        self, consumer: "AIOKafkaConsumer[bytes, bytes]", out: TextIO
    ) -> None:
        """Read every span to its end."""
        spans = {
            TopicPartition(span.topic, span.partition): span
            for span in self._manifest.spans
        }
        left = {where for where, span in spans.items() if not span.done}
        if not left:
            return
        consumer.assign(sorted(left))
        for where in left:
            consumer.seek(where, spans[where].next)
        total = sum(span.end - span.start for span in spans.values())
        with Progress(out, "captured", total) as progress:
            while left:
                await self._poll(consumer, spans)
                for where in left:
                    at = await consumer.position(where)
                    self._reached[where] = min(at, spans[where].end)
                done = {one for one in left if self._reached[one] >= spans[one].end}
                consumer.pause(*done)
                left -= done
                if not left or self._held_bytes >= PART_BYTES:
                    self._write(spans)
                missing = sum(spans[one].end - self._reached[one] for one in left)
                progress.reach(total - missing)

    async def _poll(
        self,
        consumer: "AIOKafkaConsumer[bytes, bytes]",
        spans: dict[TopicPartition, Span],
    ) -> None:
        try:
            polled = await consumer.getmany(timeout_ms=_POLL_MS)
        except OffsetOutOfRangeError as problem:
            raise translated_for_command(
                problem,
                "the capture cannot continue; start it later, in another folder",
            ) from problem
        for where, records in polled.items():
            self._hold(where, [one for one in records if one.offset < spans[where].end])

    def _hold(self, where: TopicPartition, records: Sequence[object]) -> None:
        held = self._held.setdefault(where, [])
        for record in records:
            one = _captured(record)
            if self._redactor is not None:
                one = self._redactor.redact(one)
            held.append(one)
            self._held_bytes += size_bytes(one)

    def _write(self, spans: dict[TopicPartition, Span]) -> None:
        """Write the held records as parts, and then name them in the manifest."""
        form = self._manifest.asked.format
        for records in self._held.values():
            if records:
                self._manifest.parts.append(write_part(self._folder, form, records))
        for where, offset in self._reached.items():
            spans[where].next = offset
        if self._redactor is not None:
            self._manifest.blanked = self._blanked_before + self._redactor.blanked
        save(self._folder, self._manifest)
        self._held.clear()
        self._held_bytes = 0


def _captured(record: object) -> Captured:
    # aiokafka's record, which has no type
    return Captured(
        record.topic,  # type: ignore[attr-defined]
        record.partition,  # type: ignore[attr-defined]
        record.offset,  # type: ignore[attr-defined]
        record.timestamp,  # type: ignore[attr-defined]
        record.timestamp_type,  # type: ignore[attr-defined]
        record.key,  # type: ignore[attr-defined]
        record.value,  # type: ignore[attr-defined]
        tuple(record.headers),  # type: ignore[attr-defined]
    )
