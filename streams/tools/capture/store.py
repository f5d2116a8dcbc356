"""Write the parts of a capture, and read a finished one in a fixed order."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from pathlib import Path
from typing import Final, NamedTuple

from streams.errors import UsageError
from streams.families.fast_refund import topics
from streams.families.fast_refund.topics import TOPICS
from streams.tools.capture import lines, parquet
from streams.tools.capture.manifest import Manifest, Part, Span, load, put_in_place
from streams.tools.capture.record import Captured


class Format(NamedTuple):
    """How parts are written and read."""

    suffix: str
    write: Callable[[Path, Sequence[Captured]], None]
    read: Callable[[Path], Iterator[Captured]]


FORMATS: Final[Mapping[str, Format]] = {
    "parquet": Format(parquet.SUFFIX, parquet.write, parquet.read),
    "jsonl": Format(lines.SUFFIX, lines.write, lines.read),
}

FACTS: Final = tuple(
    row.name for row in (*reversed(TOPICS.shared_facts), *TOPICS.facts)
)
"""Topics that come before requests of the same moment."""
DECISIONS: Final = tuple(row.name for row in topics.DECISIONS)
REQUESTS: Final = topics.REQUESTS.name


def write_part(folder: Path, form: str, records: Sequence[Captured]) -> Part:
    """Write consecutive records of one partition as a part, atomically."""
    chosen = FORMATS[form]
    first, last = records[0], records[-1]
    name = f"{first.topic}-{first.partition}-{first.offset:020d}{chosen.suffix}"
    fresh = folder / (name + ".new")
    chosen.write(fresh, records)
    put_in_place(fresh, folder / name)
    return Part(
        file=name,
        topic=first.topic,
        partition=first.partition,
        first_offset=first.offset,
        last_offset=last.offset,
        first_ms=first.timestamp,
        last_ms=max(record.timestamp for record in records),
        records=len(records),
    )


class Capture:
    """A finished capture.

    Parameters
    ----------
    folder
        Folder of its parts and manifest.

    Raises
    ------
    UsageError
        There is no capture, or it is incomplete.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Manifest = load(folder)
        left = [span for span in self.manifest.spans if not span.done]
        if left:
            raise UsageError(
                [
                    (
                        f"{folder}: the capture was interrupted, {len(left)} partitions are "
                        "incomplete; run the same `refund capture` again to finish it"
                    )
                ]
            )
        if self.manifest.asked.format not in FORMATS:
            raise UsageError([f"{folder}: parts of an unknown format"])

    def name(self, topic: str) -> str:
        """Return a topic's name without the prefix; a foreign name unchanged."""
        prefix = self.manifest.prefix
        return topic.removeprefix(prefix)

    def names(self) -> list[str]:
        """Return the captured topics, without prefix."""
        return [self.name(topic) for topic in self.manifest.asked.topics]

    def spans(self, name: str) -> list[Span]:
        """Return the spans of one topic."""
        return [one for one in self.manifest.spans if self.name(one.topic) == name]

    def parts(self, names: Collection[str]) -> list[Part]:
        """Return the parts of some topics."""
        return [one for one in self.manifest.parts if self.name(one.topic) in names]

    def records(self, names: Collection[str]) -> Iterator[Captured]:
        """Yield the records of some topics, by time.

        Within a partition log order applies, whatever the timestamps: a record counts
        as no earlier than the one before it. At the same moment facts come before
        requests.
        """
        streams = [
            self._timed(parts, self._rank(topic))
            for (topic, _), parts in self._by_partition().items()
            if self.name(topic) in names
        ]
        for *_, record in merge(*streams):
            yield record

    def partition(self, name: str, number: int) -> Iterator[Captured]:
        """Yield the records of one partition, by offset."""
        topic = self.topic(name)
        yield from self._read(self._by_partition().get((topic, number), []))

    def topic(self, name: str) -> str:
        """Return the captured topic with that name, given with or without prefix."""
        return next(
            (one for one in self.manifest.asked.topics if self.name(one) == name), name
        )

    def _by_partition(self) -> dict[tuple[str, int], list[Part]]:
        found: dict[tuple[str, int], list[Part]] = {}
        for part in sorted(self.manifest.parts, key=lambda one: one.first_offset):
            found.setdefault((part.topic, part.partition), []).append(part)
        return found

    def _rank(self, topic: str) -> int:
        name = self.name(topic)
        return FACTS.index(name) if name in FACTS else len(FACTS)

    def _timed(
        self, parts: Iterable[Part], rank: int
    ) -> Iterator[tuple[int, int, str, int, int, Captured]]:
        at_ms = 0
        for record in self._read(parts):
            at_ms = max(at_ms, record.timestamp)
            yield at_ms, rank, record.topic, record.partition, record.offset, record

    def _read(self, parts: Iterable[Part]) -> Iterator[Captured]:
        read = FORMATS[self.manifest.asked.format].read
        for part in parts:
            count = 0
            try:
                for record in read(self.folder / part.file):
                    count += 1
                    yield record
            except (OSError, ValueError) as problem:
                short = str(problem).partition("\n")[0][:120]
                raise UsageError(
                    [f"{self.folder / part.file}: cannot be read: {short}"]
                ) from None
            if count != part.records:
                raise UsageError(
                    [f"{self.folder / part.file}: {count} of {part.records} records"]
                )
