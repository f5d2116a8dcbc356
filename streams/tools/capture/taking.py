"""Take a capture from the brokers into parts, and resume an interrupted one."""

from pathlib import Path
from typing import TextIO

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams import __version__
from streams.errors import UsageError
from streams.families.fast_refund.topics import CODE
from streams.kafka.topic_admin import admin_client
from streams.processing.topics import DEAD_LETTERS
from streams.settings import Settings
from streams.settings.topics import topic_name
from streams.tools.capture.filling import Filling
from streams.tools.capture.manifest import FILE, Asked, Manifest, Span, load, save
from streams.tools.capture.ranges import (
    Bounds,
    Place,
    read_ranges,
    spans_of,
    whole_topics,
)
from streams.tools.capture.redaction import Redactor, buyer_keyed, refuse_events
from streams.tools.folders import made
from streams.tools.reading import broker_errors, partitions_of, reader


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of ``refund capture``."""

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
    """Capture topics into a folder, or finish an interrupted capture.

    Parameters
    ----------
    now_ms
        UTC ms, noted in the manifest.

    Raises
    ------
    UsageError
        The folder holds something else, or topics or offsets are missing.
    SourceError
        The brokers cannot be reached, or deleted records before they were captured.
    """
    redactor = _redactor(settings, request)
    asked = _asked(request, redactor)
    manifest = _known(request.folder, asked)
    if manifest is None or not manifest.done:
        with made(request.folder), broker_errors(settings.kafka):
            partitions = await partitions_of(settings.kafka, request.topics)
            async with reader(settings.kafka, "none") as consumer:
                manifest = manifest or Manifest(
                    app_version=__version__,
                    created_at_ms=now_ms,
                    cluster_id=await _cluster_id(settings),
                    prefix=settings.topics.prefix,
                    partitions=settings.partitions_of(CODE),
                    asked=asked,
                    spans=await _spans(consumer, settings, request, partitions),
                )
                await _check_cluster(settings, request.folder, manifest)
                save(request.folder, manifest)
                await Filling(request.folder, manifest, redactor).run(consumer, out)
    left_out = f", {manifest.blanked} values left out" if manifest.blanked else ""
    print(
        f"{manifest.records} records of {len(manifest.spans)} partitions in "
        f"{request.folder}{left_out}",
        file=out,
    )


def _asked(request: Request, redactor: Redactor | None) -> Asked:
    return Asked(
        topics=request.topics,
        from_ms=request.from_ms,
        until_ms=request.until_ms,
        ranges=request.ranges,
        facts=request.facts,
        format=request.format,
        redaction=redactor.fingerprint if redactor else None,
    )


async def _check_cluster(settings: Settings, folder: Path, manifest: Manifest) -> None:
    """Refuse to continue with offsets of another cluster."""
    if manifest.cluster_id != await _cluster_id(settings):
        raise UsageError([f"{folder}: holds a capture of another cluster"])


def _redactor(settings: Settings, request: Request) -> Redactor | None:
    if request.redact == "nothing":
        return None
    refuse_events(request.topics, settings.topics.events)
    return Redactor(
        settings.tools.redaction_key,
        settings.partitions_of(CODE),
        buyer_keyed(settings),
        topic_name(DEAD_LETTERS, settings.topics),
    )


def _known(folder: Path, asked: Asked) -> Manifest | None:
    """Return the manifest to continue; None = a new capture."""
    if not (folder / FILE).exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                [f"{folder}: exists and is not a capture; name another folder"]
            )
        return None
    manifest = load(folder)
    if manifest.asked != asked:
        raise UsageError(
            [f"{folder}: holds a capture with other options; name another folder"]
        )
    named = {part.file for part in manifest.parts} | {FILE}
    for path in folder.iterdir():  # unfinished files of an interruption
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
    return spans_of(bounds, ranges, whole_topics(settings, request.facts), timed=timed)


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
