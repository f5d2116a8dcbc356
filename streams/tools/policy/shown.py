"""``refund policy diff|history``: print policies and their differences."""

from collections.abc import Iterator
from typing import Any, TextIO

from streams.processing.policies import AnyPolicy, PolicyBook
from streams.processing.policies.breaker_reset import BreakerReset
from streams.processing.policies.keys import breaker_key, pause_key
from streams.processing.policies.pause import Pause
from streams.processing.policies.policy import full_name
from streams.processing.policies.publication import PolicyRecord, Version
from streams.tools import show
from streams.tools.policy.proposal import overtaken
from streams.tools.policy.wording import dated, differences
from streams.visible import visible


def pause_words(one: Pause) -> str:
    """Return a pause record in words."""
    by = f"by {visible(one.author)}: {visible(one.reason)}"
    if not one.paused:
        return f"resumed {by}"
    begin = "at once" if one.from_ms is None else f"from {dated(one.from_ms)}"
    end = "until resumed" if one.until_ms is None else f"until {dated(one.until_ms)}"
    return f"paused {begin} {end}, {by}"


def reset_words(one: BreakerReset) -> str:
    """Return a reset of breakers as people read it."""
    said = f"by {visible(one.author)}: {visible(one.reason)}"
    return f"{visible(one.what)} reset from {dated(one.from_ms)} on, {said}"


def standing(book: PolicyBook[Any], at_ms: int) -> Iterator[str]:
    """Yield what is in force, what waits, what is missing, the pause, and the last reset."""
    policies = book.policies
    now = policies.at(at_ms)
    yield f"in force: {_named(now) if now is not None else 'none, every request goes to a person'}"
    for policy in policies:
        state = policies.state_of(policy, at_ms)
        if state in ("waiting", "overtaken"):
            yield f"{state}: {_named(policy)} from {dated(policy.effective_from_ms)}"
    for number in policies.missing():
        yield f"missing: {book.kind.code}@{number}"
    if not book.pauses.readable:
        yield "pause: the last record cannot be read, so the service is paused"
    elif book.pauses.last is not None:
        yield f"pause: {pause_words(book.pauses.last)}"
    if book.resets.last is not None:
        yield f"breakers: {reset_words(book.resets.last)}"


def changes(policy: AnyPolicy, book: PolicyBook[Any], at_ms: int) -> Iterator[str]:
    """Yield how a version differs from the one in force and from waiting ones."""
    now = book.policies.at(at_ms)
    others = [] if now is None else [("in force", now)]
    others += [
        ("waiting", one)
        for one in book.policies
        if book.policies.state_of(one, at_ms) == "waiting"
    ]
    for state, other in others:
        rows = list(differences(other, policy))
        yield f"{policy.name} against {other.name}, {state}:" + (
            "" if rows else " the same"
        )
        for key, before, after in rows:
            yield f"  {key}: {visible(before)} -> {visible(after)}"


def print_proposal(
    record: PolicyRecord[Any], book: PolicyBook[Any], at_ms: int, out: TextIO
) -> None:
    """Print the proposed version and its changes."""
    policy, said = record.policy, record.publication
    print(
        f"{_named(policy)}, for requests made from {dated(policy.effective_from_ms)} on",
        file=out,
    )
    print(f"by {visible(said.author or '-')}: {visible(said.reason or '-')}", file=out)
    if said.backtest:
        print(f"backtest: {visible(said.backtest)}", file=out)
    for line in (*standing(book, at_ms), *changes(policy, book, at_ms)):
        print(line, file=out)
    for other in overtaken(policy, book, at_ms):
        print(f"overtakes: {other.name} will never be in force", file=out)


def print_diff(
    policy: AnyPolicy | None, book: PolicyBook[Any], at_ms: int, out: TextIO
) -> None:
    """Print the policies in force and waiting, and how a policy, or each waiting one, differs."""
    for line in standing(book, at_ms):
        print(line, file=out)
    if policy is not None:
        for line in changes(policy, book, at_ms):
            print(line, file=out)
        return
    now = book.policies.at(at_ms)
    for other in book.policies:
        if now is None or book.policies.state_of(other, at_ms) != "waiting":
            continue
        print(f"{other.name}, waiting, against {now.name}, in force:", file=out)
        for key, before, after in differences(now, other):
            print(f"  {key}: {visible(before)} -> {visible(after)}", file=out)


HEADER = (
    "when",
    "what",
    "hash",
    "state",
    "in force from",
    "author",
    "reason",
    "backtest",
)


def print_history(book: PolicyBook[Any], at_ms: int, form: str, out: TextIO) -> None:
    """Print every version, refusal, pause and reset of breakers, oldest first.

    Parameters
    ----------
    form
        ``table``, or ``json`` = one object per line.
    """
    rows = sorted(_history(book, at_ms), key=_when)
    if form == "json":
        for row in rows:
            print(show.json_line(row), file=out)
        return
    show.table(
        out,
        HEADER,
        [
            (
                show.moment(row["when_ms"]) if row["when_ms"] else "(file)",
                *(visible(str(row[key] or "")) for key in ("what", "hash", "state")),
                show.moment(row["from_ms"]),
                *(visible(row[key] or "") for key in ("author", "reason", "backtest")),
            )
            for row in rows
        ],
    )


def _when(row: dict[str, Any]) -> int:
    at_ms: int = row["when_ms"]
    return at_ms


def _history(book: PolicyBook[Any], at_ms: int) -> Iterator[dict[str, Any]]:
    for version in book.versions():
        yield _version_row(version, book, at_ms)
    for refusal in book.refusals:
        yield _row(refusal.written_ms, refusal.name) | {
            "state": f"refused ({refusal.error})",
            "reason": "; ".join(refusal.problems),
        }
    for one in book.pauses.all:
        yield _row(one.published_at_ms, pause_key(one.family)) | {
            "state": "paused" if one.paused else "resumed",
            "from_ms": one.from_ms,
            "until_ms": one.until_ms,
            "author": one.author,
            "reason": one.reason,
        }
    for reset in book.resets.all:
        yield _row(reset.published_at_ms, breaker_key(reset.family)) | {
            "state": f"{reset.what} reset",
            "from_ms": reset.from_ms,
            "author": reset.author,
            "reason": reset.reason,
        }


def _version_row(
    version: Version[Any], book: PolicyBook[Any], at_ms: int
) -> dict[str, Any]:
    policy, said = version.policy, version.publication
    return _row(version.written_ms or 0, policy.name) | {
        "hash": policy.policy_hash,
        "state": book.policies.state_of(policy, at_ms),
        "from_ms": policy.effective_from_ms,
        "author": said.author,
        "reason": said.reason,
        "backtest": said.backtest,
        "allow": said.allow,
        "overtakes": said.overtakes,
    }


def _row(when_ms: int, what: str) -> dict[str, Any]:
    return {
        "when_ms": when_ms,
        "what": what,
        "hash": None,
        "state": None,
        "from_ms": None,
        "author": None,
        "reason": None,
        "backtest": None,
    }


def _named(policy: AnyPolicy) -> str:
    return full_name(policy.name, policy.policy_hash)
