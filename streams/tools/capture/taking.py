"""Taking a capture: from the brokers into parts, going on where it was interrupted."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from streams import __version__
from streams.errors import SourceError, UsageError
from streams.kafka.topics import admin_client
from streams.settings import Settings
from streams.tools.capture.manifest import FILE, Asked, Manifest, Span, load, save
from streams.tools.capture.ranges import (
    Bounds,
    Place,
    read_ranges,
    spans_of,
    whole_topics,
)
from streams.tools.capture.record import Captured, size_bytes
from streams.tools.capture.redaction import Redactor, refuse_events
from streams.tools.capture.store import write_part
from streams.tools.progress import Progress
from streams.tools.reading import broker_errors, partitions_of, reader

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer

_POLL_MS: Final = 500
PART_BYTES: Final = 32_000_000
"""Records held in memory before they are written, about; an interruption loses no
more than reading them again."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What ``refund capture`` was called with."""

    folder: Path
    topics: tuple[str, ...]
    """Full names."""
    from_ms: int | None = None
    until_ms: int | None = None
    ranges: tuple[str, ...] = ()
    facts: str = "whole"
    format: str = "parquet"
    redact: str = "nothing"
    """``nothing`` or ``buyers``."""


async def capture(
    settings: Settings, request: Request, out: TextIO, now_ms: int
) -> None:
    """Capture topics into a folder, or finish what is there.

    Parameters
    ----------
    now_ms
        UTC ms, noted in the manifest.

    Raises
    ------
    UsageError
        The folder holds something else, topics or offsets are not there.
    SourceError
        The brokers cannot be reached, or deleted records before they were captured.
    """
    redactor = _redactor(settings, request)
    asked = Asked(
        topics=request.topics,
        from_ms=request.from_ms,
        until_ms=request.until_ms,
        ranges=request.ranges,
        facts=request.facts,
        format=request.format,
        redaction=redactor.fingerprint if redactor else None,
    )
    manifest = _known(request.folder, asked)
    if manifest is None or not manifest.done:
        with broker_errors(settings.kafka):
            partitions = await partitions_of(settings.kafka, request.topics)
            async with reader(settings.kafka, "none") as consumer:
                manifest = manifest or Manifest(
                    app_version=__version__,
                    created_at_ms=now_ms,
                    cluster_id=await _cluster_id(settings),
                    prefix=settings.topics.prefix,
                    partitions=settings.topics.partitions,
                    asked=asked,
                    spans=await _spans(consumer, settings, request, partitions),
                )
                await _check_cluster(settings, request.folder, manifest)
                save(request.folder, manifest)
                await _Taking(request.folder, manifest, redactor).run(consumer, out)
    left_out = f", {manifest.blanked} values left out" if manifest.blanked else ""
    print(
        f"{manifest.records} records of {len(manifest.spans)} partitions in "
        f"{request.folder}{left_out}",
        file=out,
    )


async def _check_cluster(settings: Settings, folder: Path, manifest: Manifest) -> None:
    """Refuse to go on with offsets of another cluster."""
    if manifest.cluster_id != await _cluster_id(settings):
        raise UsageError([f"{folder}: holds a capture of another cluster"])


def _redactor(settings: Settings, request: Request) -> Redactor | None:
    if request.redact == "nothing":
        return None
    refuse_events(request.topics, settings.topics.events)
    return Redactor(
        settings.tools.redaction_key,
        settings.topics.partitions,
        settings.topics.prefix,
    )


def _known(folder: Path, asked: Asked) -> Manifest | None:
    """Return the manifest to go on with; make the folder when there is none."""
    if not (folder / FILE).exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError([f"{folder}: is there and holds no capture; name another"])
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise UsageError([f"{folder}: {problem.strerror}"]) from None
        return None
    manifest = load(folder)
    if manifest.asked != asked:
        raise UsageError(
            [f"{folder}: holds a capture that was asked otherwise; name another folder"]
        )
    named = {part.file for part in manifest.parts} | {FILE}
    for path in folder.iterdir():  # what an interruption left half done
        if path.name not in named:
            path.unlink()
    return manifest


async def _cluster_id(settings: Settings) -> str | None:
    async with admin_client(settings.kafka) as admin:
        found: str | None = (await admin.describe_cluster()).get("cluster_id")
        return found


async def _spans(
    consumer: "AIOKafkaConsumer[bytes, bytes]",
    settings: Settings,
    request: Request,
    partitions: list[TopicPartition],
) -> list[Span]:
    prefix = settings.topics.prefix
    ranges = read_ranges(request.ranges, request.topics, prefix)
    bounds = Bounds(
        first=_places(await consumer.beginning_offsets(partitions)),
        end=_places(await consumer.end_offsets(partitions)),
        at_from=await _at(consumer, partitions, request.from_ms),
        at_until=await _at(consumer, partitions, request.until_ms),
    )
    timed = request.from_ms is not None
    return spans_of(bounds, ranges, whole_topics(prefix, request.facts), timed=timed)


def _places(offsets: dict[TopicPartition, int]) -> dict[Place, int]:
    return {(where.topic, where.partition): at for where, at in offsets.items()}


async def _at(
    consumer: "AIOKafkaConsumer[bytes, bytes]",
    partitions: list[TopicPartition],
    at_ms: int | None,
) -> dict[Place, int]:
    if at_ms is None:
        return {}
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, at_ms))
    return {
        (where.topic, where.partition): one.offset
        for where, one in found.items()
        if one is not None
    }


class _Taking:
    """One run: fills buffers, writes them as parts, keeps the manifest."""

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
            raise SourceError(
                "records were deleted before they were captured: "
                f"{', '.join(str(one) for one in problem.args)[:200]}; begin later, in "
                "another folder"
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
        """Write what is held; only the manifest makes it count."""
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
    # aiokafka's record; its type is not ours to name
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
