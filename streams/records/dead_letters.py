"""Dead letters: unreadable records, kept byte for byte where they fit, with the reason."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, get_args

from streams.records.record_format import Header, Outgoing, block_of
from streams.records.remains import Remains

PREFIX: Final = "refund_dlq_"

UnreadableError: TypeAlias = Literal[
    "null_value", "too_large", "undecodable", "not_json", "not_object", "no_id"
]
"""Errors of a request or fact that cannot be read."""
PolicyRefused: TypeAlias = Literal[
    "policy_refused", "policy_conflict", "policy_implausible"
]
"""Errors of policy records that are readable but refused: keys or values are wrong, the
version is known with other content, or a value is implausible and not allowed by
name."""
EventError: TypeAlias = Literal[
    "too_large",
    "undecodable",
    "not_utf8",
    "not_json",
    "too_deep",
    "not_object",
    "lone_surrogate",
    "tag_missing",
    "info_not_text",
    "info_not_object",
    "order_id_invalid",
    "refund_id_invalid",
]
"""Errors of a platform event that cannot be brought to a person."""

ERRORS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "decode": get_args(UnreadableError),
        "fact": (*get_args(UnreadableError), *get_args(PolicyRefused)),
        "ingest": get_args(EventError),
    }
)
"""Stage -> every error that a dead letter can name: the closed list."""


def dead_letter(
    of: Remains,
    origin: tuple[str, int, int],
    why: tuple[str, str, str],
    failed_at_ms: int,
    app_version: str,
) -> Outgoing:
    """Return the dead letter of a record: its remains, and where and why it failed.

    See :func:`dead_letter_headers`; a cut letter has further headers that say so.
    """
    headers = dead_letter_headers(of.headers, origin, why, failed_at_ms, app_version)
    own: dict[str, str] = {}
    if of.cut:
        own["cut"] = ",".join(of.cut)
        own["size"] = str(of.size)
        own["sha256"] = of.checksum
    if of.last_offset is not None:
        own["last_offset"] = str(of.last_offset)
    headers += [(PREFIX + name, text.encode()) for name, text in own.items()]
    return of.key, of.value, block_of(headers)


def dead_letter_headers(
    original: Sequence[Header],
    origin: tuple[str, int, int],
    why: tuple[str, str, str],
    failed_at_ms: int,
    app_version: str,
) -> list[Header]:
    """Return the original headers, followed by where and why the record failed.

    Parameters
    ----------
    origin
        Topic, partition and offset of the record.
    why
        Stage and error of :data:`ERRORS`, and a message.
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
    """Read one of our headers; the last one counts, because a dead letter may fail again."""
    for key, value in reversed(headers):
        if key == PREFIX + name:
            return None if value is None else value.decode(errors="replace")
    return None
