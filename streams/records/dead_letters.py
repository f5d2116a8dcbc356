"""What nobody could read, kept byte for byte, with the reason beside it."""

from collections.abc import Sequence
from typing import Final

from streams.records.outgoing import Header

PREFIX: Final = "refund_dlq_"


def dead_letter_headers(
    original: Sequence[Header],
    origin: tuple[str, int, int],
    why: tuple[str, str, str],
    failed_at_ms: int,
    app_version: str,
) -> list[Header]:
    """Return the original headers and, after them, where and why the record failed.

    Parameters
    ----------
    origin
        Topic, partition, offset of the record.
    why
        Stage (``decode``, ``fact``, ``ingest``), error (closed list), message.
    failed_at_ms
        UTC ms.
    """
    topic, partition, offset = origin
    stage, error, message = why
    return [
        *original,
        (PREFIX + "topic", topic.encode()),
        (PREFIX + "partition", b"%d" % partition),
        (PREFIX + "offset", b"%d" % offset),
        (PREFIX + "stage", stage.encode()),
        (PREFIX + "error", error.encode()),
        (PREFIX + "message", message.encode()),
        (PREFIX + "failed_at_ms", b"%d" % failed_at_ms),
        (PREFIX + "app_version", app_version.encode()),
    ]


def last_text(headers: Sequence[Header], name: str) -> str | None:
    """Read one of our headers; the last one counts, because a letter may die twice."""
    for key, value in reversed(headers):
        if key == PREFIX + name:
            return None if value is None else value.decode(errors="replace")
    return None
