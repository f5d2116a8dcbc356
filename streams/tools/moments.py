"""Read moments given on the command line."""

from streams.errors import UsageError
from streams.settings import moment_ms


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
    at_ms = moment_ms(text)
    if at_ms is None:
        raise UsageError(
            [
                (
                    f"{option} {text}: write a moment with its zone, such as "
                    "2026-03-18T08:00:00+08:00 or 2026-03-18T00:00:00Z, or UTC ms"
                )
            ]
        )
    return at_ms
