"""The operator's reset of breakers: a record beside the policy versions.

Approvals before the reset no longer count for the breakers it names, and open ones
close. It changes nothing else: every rule judges as before, and a breaker opens again
as soon as its maximum is exceeded.
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Final, Literal

import msgspec

from streams.errors import PolicyError
from streams.processing.news import News, NewsQueue
from streams.processing.policies.keys import breaker_key
from streams.processing.policies.operator_record import checked
from streams.processing.policies.plausible import EARLIEST_MS, short
from streams.processing.policies.policy import Name, Span
from streams.processing.policies.publication import Refusal
from streams.records.json_values import Unreadable, decode_object

AHEAD_MS: Final = 300_000
"""A reset concerns the past: clocks may differ by at most this much, ms."""
_KEPT: Final = 50
"""Most resets that are kept; the newest ones."""


class BreakerReset(msgspec.Struct, frozen=True, kw_only=True):
    """An operator's record that closes open breakers and restarts their counts."""

    family: Name
    """Code of the rule family whose breakers are reset."""
    scope: Literal["all", "global", "shop"]
    """``all`` = the global breaker and that of every shop."""
    from_ms: Span
    """UTC ms; approvals decided before it no longer count, those at it do."""
    author: Name
    reason: Name
    published_at_ms: Span
    """UTC ms."""
    shop_id: Name | None = None
    """The shop, with ``scope`` shop; else null."""

    @property
    def what(self) -> str:
        """Return the breakers that are reset, in words."""
        if self.scope == "shop":
            return f"the breaker of shop {self.shop_id}"
        return "all breakers" if self.scope == "all" else "the global breaker"


def parse_breaker_reset(
    fields: Mapping[str, object], code: str, breakers: Collection[str], at_ms: int
) -> BreakerReset:
    """Check a record that resets breakers.

    Parameters
    ----------
    code
        Code of the family that the record must name.
    breakers
        Scopes of the family's breakers.
    at_ms
        Timestamp of the record, UTC ms.

    Raises
    ------
    PolicyError
        With one line for every problem found.
    """
    values, problems = checked(BreakerReset, fields, code)
    scope, shop_id = values.get("scope"), values.get("shop_id")
    if not breakers:
        problems.append(f"family: {code} has no breakers")
    elif scope not in (None, "all", *breakers):
        problems.append(f"scope: {code} has no breaker {scope}")
    if scope == "shop" and fields.get("shop_id") is None:
        problems.append("shop_id: required with scope shop; add it")
    if scope in ("all", "global") and shop_id is not None:
        problems.append(f"shop_id: stands only with scope shop, not {scope}")
    begin, said = values.get("from_ms"), values.get("published_at_ms")
    if isinstance(begin, int):
        if begin < EARLIEST_MS:
            why = f"{short(begin)} lies before 2015; is it in seconds?"
            problems.append(f"from_ms: {why}")
        elif isinstance(said, int) and begin > said:
            why = f"{short(begin)} lies after published_at_ms {short(said)}"
            problems.append(f"from_ms: {why}")
        elif EARLIEST_MS <= at_ms < begin - AHEAD_MS:
            why = f"{short(begin)} lies ahead of the record, written at {at_ms}"
            problems.append(f"from_ms: {why}")
    if problems:
        raise PolicyError(problems)
    return msgspec.convert(values, BreakerReset)


class BreakerResets:
    """The resets of one family's breakers.

    Parameters
    ----------
    code
        Of the family.
    breakers
        Scopes of the family's breakers; none = every reset is refused.
    news
        Queue for log lines.
    refusals
        Receives refused records.
    """

    def __init__(
        self,
        code: str,
        breakers: Collection[str],
        news: NewsQueue,
        refusals: deque[Refusal],
    ) -> None:
        self._code = code
        self._breakers = breakers
        self._news = news
        self._refusals = refusals
        self._untaken: dict[tuple[str, str | None], BreakerReset] = {}
        self.last: BreakerReset | None = None
        """The last accepted reset."""
        self.all: deque[BreakerReset] = deque(maxlen=_KEPT)
        """The accepted resets, oldest first."""

    def take(self) -> Sequence[BreakerReset]:
        """Return the resets since the last call, once per breaker, with its latest moment."""
        if not self._untaken:
            return ()
        found = tuple(self._untaken.values())
        self._untaken.clear()
        return found

    def apply(self, value: bytes | None, at_ms: int) -> Unreadable | None:
        """Apply a reset; an unreadable record resets nothing.

        ``at_ms`` is the timestamp of the record, UTC ms.
        """
        if value is None:
            why = "a tombstone does not revoke a reset"
            return self._refuse(Unreadable("null_value", why), (why,), at_ms)
        found = decode_object(value)
        if isinstance(found, Unreadable):
            return self._refuse(found, (found.message,), at_ms)
        try:
            reset = parse_breaker_reset(found, self._code, self._breakers, at_ms)
        except PolicyError as problem:
            error = Unreadable("policy_refused", str(problem)[:200])
            return self._refuse(error, problem.problems, at_ms)
        self._take(reset)
        return None

    def _take(self, reset: BreakerReset) -> None:
        key = (reset.scope, reset.shop_id)
        before = self._untaken.get(key)
        if before is None or before.from_ms < reset.from_ms:
            self._untaken[key] = reset
        self.last = reset
        self.all.append(reset)
        text = (
            f"{reset.what} reset, approvals before {reset.from_ms} count no more, "
            f"by {reset.author}: {reset.reason}"
        )
        self._news.append(News("warning", text))

    def _refuse(
        self, error: Unreadable, problems: Sequence[str], at_ms: int
    ) -> Unreadable:
        name = breaker_key(self._code)
        self._refusals.append(Refusal(name, error.error, tuple(problems), at_ms))
        text = f"the record {name} is refused and resets nothing: {'; '.join(problems)}"
        self._news.append(News("warning", text[:1000]))
        return error
