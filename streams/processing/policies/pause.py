"""The operator's pause of a family (FR-Q3): a record beside the policy versions.

A pause is no policy version: it neither overtakes a waiting version nor is overtaken by
one. It counts at the moment of the decision, not of the request.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from streams.errors import PolicyError
from streams.processing.news import News, NewsQueue
from streams.processing.policies.keys import pause_key
from streams.processing.policies.operator_record import checked
from streams.processing.policies.plausible import moment_doubts, unmeant
from streams.processing.policies.policy import Name, Span
from streams.records.json_values import Unreadable, decode_object

UNREADABLE_PAUSE: Final = "unreadable"
"""Recorded in decisions for an unreadable pause record: it might be a pause."""
_KEPT: Final = 50
"""Most pause records that are kept; the newest ones."""


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's record that pauses or resumes the service."""

    family: Name
    """Code of the rule family."""
    paused: bool
    """False = resumed."""
    author: Name
    reason: Name
    published_at_ms: Span
    """UTC ms; identifies the pause in decisions."""
    from_ms: Span | None = None
    """UTC ms, inclusive; null = from the moment a worker reads it."""
    until_ms: Span | None = None
    """UTC ms, exclusive; null = until it is resumed."""

    def holds(self, at_ms: int) -> bool:
        """Whether the service is paused at a moment, UTC ms."""
        return (
            self.paused
            and (self.from_ms is None or self.from_ms <= at_ms)
            and (self.until_ms is None or at_ms < self.until_ms)
        )


def parse_pause(fields: Mapping[str, object], code: str) -> Pause:
    """Check a pause record.

    Parameters
    ----------
    code
        Code of the family that the record must name.

    Raises
    ------
    PolicyError
        With one line for every problem found.
    """
    values, problems = checked(Pause, fields, code)
    begin, end = values.get("from_ms"), values.get("until_ms")
    if isinstance(begin, int) and isinstance(end, int) and end <= begin:
        problems.append(f"until_ms: {end} is not after from_ms {begin}")
    if problems:
        raise PolicyError(problems)
    return msgspec.convert(values, Pause)


class Pauses:
    """The pause records of one family; the last one counts.

    Parameters
    ----------
    code
        Of the family.
    news
        Queue for log lines.
    """

    def __init__(self, code: str, news: NewsQueue) -> None:
        self._code = code
        self._news = news
        self.last: Pause | None = None
        """The last readable record."""
        self.readable = True
        """False = an unreadable record followed it."""
        self.all: deque[Pause] = deque(maxlen=_KEPT)
        """The kept records, oldest first."""

    def at(self, at_ms: int) -> object:
        """Return what decisions record of the pause in force at a moment; None = no pause."""
        if not self.readable:
            return UNREADABLE_PAUSE
        pause = self.last
        if pause is None or not pause.holds(at_ms):
            return None
        return pause.published_at_ms

    def apply(self, value: bytes | None) -> Unreadable | None:
        """Apply a pause record; an unreadable one might be a pause, so it holds."""
        found = decode_object(value) if value is not None else None
        refused: Unreadable | None = None
        if found is None:
            refused = Unreadable("null_value", "a tombstone does not say who resumes")
        elif isinstance(found, Unreadable):
            refused = found
        else:
            try:
                self._take(parse_pause(found, self._code))
            except PolicyError as problem:
                refused = Unreadable("policy_refused", str(problem)[:200])
        if refused is not None:
            self.readable = False
            text = (
                f"the record {pause_key(self._code)} cannot be read ({refused.message}): "
                "every request goes to a person until a valid record arrives"
            )
            self._news.append(News("error", text))
        return refused

    def _take(self, pause: Pause) -> None:
        for key in ("from_ms", "until_ms"):
            doubts = moment_doubts(key, getattr(pause, key), pause.published_at_ms)
            lines = unmeant(doubts, ())
            if lines:
                raise PolicyError(lines)
        self.last, self.readable = pause, True
        self.all.append(pause)
        what = "paused" if pause.paused else "resumed"
        when = (
            f" from {pause.from_ms or 'now'} until {pause.until_ms or 'it is resumed'}"
            if pause.paused
            else ""
        )
        text = f"service {what}{when}, by {pause.author}: {pause.reason}"
        self._news.append(News("warning", text))
