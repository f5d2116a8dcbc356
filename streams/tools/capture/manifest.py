"""The manifest of a capture: request, progress and parts."""

import os
from pathlib import Path
from typing import Final

import msgspec

from streams.errors import UsageError

FILE: Final = "manifest.json"
VERSION: Final = 1


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The request of a capture; a resumed capture must have the same one."""

    topics: tuple[str, ...]
    from_ms: int | None
    until_ms: int | None
    ranges: tuple[str, ...]
    facts: str
    """``whole`` = fact topics from their beginning, ``range`` = like the others."""
    format: str
    redaction: str | None
    """Fingerprint of the redaction key; None = buyer ids are unchanged."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file: records of one partition, in offset order."""

    file: str
    topic: str
    partition: int
    first_offset: int
    last_offset: int
    first_ms: int
    """Timestamp of the first record."""
    last_ms: int
    """Latest timestamp."""
    records: int


class Span(msgspec.Struct, kw_only=True):
    """The requested offsets of one partition."""

    topic: str
    partition: int
    start: int
    end: int
    """End offset, exclusive."""
    next: int
    """Next offset to read; everything before it is in the parts."""

    @property
    def done(self) -> bool:
        """Whether the span is complete."""
        return self.next >= self.end


class Manifest(msgspec.Struct, kw_only=True):
    """All of ``manifest.json``."""

    version: int = VERSION
    app_version: str
    created_at_ms: int
    cluster_id: str | None
    """Id of the captured cluster."""
    prefix: str
    """Prefix of our topics."""
    partitions: int
    """Partitions of the topics partitioned by buyer."""
    asked: Asked
    spans: list[Span]
    parts: list[Part] = msgspec.field(default_factory=list)
    blanked: int = 0
    """Number of values left out because they cannot be redacted safely."""

    @property
    def done(self) -> bool:
        """Whether every span is complete."""
        return all(span.done for span in self.spans)

    @property
    def records(self) -> int:
        """Return the number of records in the parts."""
        return sum(part.records for part in self.parts)


def load(folder: Path) -> Manifest:
    """Read the manifest of a capture.

    Raises
    ------
    UsageError
        There is none, or another version wrote it.
    """
    path = folder / FILE
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        raise UsageError([f"{path}: {why}; name the folder of a capture"]) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise UsageError(
            [f"{path}: not the manifest of a capture: {problem}"]
        ) from None
    if found.version != VERSION:
        raise UsageError(
            [f"{path}: has version {found.version}, but this release reads {VERSION}"]
        )
    return found


def save(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest atomically."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    fresh = folder / (FILE + ".new")
    fresh.write_bytes(text + b"\n")
    put_in_place(fresh, folder / FILE)


def put_in_place(fresh: Path, path: Path) -> None:
    """Rename a file that is completely on disk, so that a crash leaves the old or the new one."""
    _to_disk(fresh)
    fresh.replace(path)
    _to_disk(path.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
