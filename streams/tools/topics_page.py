"""The table of topics, for terminals and for ``docs/topics.md``."""

from collections.abc import Iterator
from typing import Final, TextIO

from streams.platforms.registry import installed
from streams.processing.topics import Retention, Topic
from streams.settings import ROLES, Settings
from streams.settings.topics import PlacedTopic, placed
from streams.tools import show

_DAY_MS: Final = 86_400_000


def list_topics(settings: Settings, out: TextIO) -> None:
    """Print every topic of this installation, without asking a broker."""
    show.table(
        out,
        (
            *("topic", "family", "kind", "partitions", "key", "clean-up"),
            *("written by", "read by"),
        ),
        (
            (
                topic.name,
                _owner(topic.row),
                topic.row.kind.replace("_", " "),
                topic.partitions,
                topic.row.key.replace("`", ""),
                clean_up(topic.row.retention),
                ", ".join(topic.row.written_by),
                ", ".join(topic.row.read_by),
            )
            for topic in placed(installed(settings), settings)
        ),
    )


def topics_table(settings: Settings) -> str:
    """Return the table of ``docs/topics.md``."""
    head = "| topic | schema | key | clean-up | written by | read by |\n"
    rows = (_row(topic) for topic in placed(installed(settings), settings))
    return head + "|---|---|---|---|---|---|\n" + "".join(rows)


def clean_up(retention: Retention) -> str:
    """Return the clean-up of a topic in words: ``delete, 14 days``."""
    kept_ms = retention.kept_ms
    if retention.cleanup == "delete" and kept_ms is not None:
        return f"delete, {kept_ms // _DAY_MS} days"
    return "compact" if kept_ms is None else "compact, but nothing is removed"


def _owner(row: Topic) -> str:
    """Return the code of the owning family; other topics are shared or not ours."""
    if row.setting is not None:
        return "platform"
    return row.family or "all"


def _row(topic: PlacedTopic) -> str:
    row = topic.row
    schemas = [f"[{name}](schemas/{name}.json)" for name in row.records]
    cells = (
        f"`{topic.name}`",
        ", ".join(schemas) or "none: the original bytes",
        row.key,
        clean_up(row.retention),
        ", ".join(_marked(row.written_by)),
        ", ".join(_marked(row.read_by)),
    )
    return f"| {' | '.join(cells)} |\n"


def _marked(names: tuple[str, ...]) -> Iterator[str]:
    """Yield names; worker roles are formatted as code."""
    return (f"`{name}`" if name in ROLES else name for name in names)
