"""Moments as people give them on the command line."""

from datetime import UTC, datetime
from typing import Final

from streams.errors import UsageError

_MS: Final = 1000


def read_moment(option: str, text: str | None) -> int | None:
    """Read RFC 3339 with a zone, or UTC ms; None stays None.

    Raises
    ------
    UsageError
        It is neither.
    """
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise UsageError(
            [
                (
                    f"{option} {text}: write a moment with its zone, such as "
                    "2026-03-18T08:00:00+08:00 or 2026-03-18T00:00:00Z, or UTC ms"
                )
            ]
        )
    since = found.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _MS + since.microseconds // _MS
