"""``refund policy publish|rollback|pause|resume``: show, write, read back, ask the workers."""

from typing import Any, Final, TextIO

import msgspec

from streams.errors import PolicyError, UnconfirmedError, UsageError
from streams.processing.policies import AnyPolicy, PolicyBook
from streams.processing.policies.keys import pause_key
from streams.processing.policies.pause import Pause
from streams.processing.policies.plausible import moment_doubts, unmeant
from streams.processing.policies.policy import P, full_name
from streams.processing.policies.publication import PolicyRecord, as_fields
from streams.tools.policies import Choice, Said, publication_of
from streams.tools.policy import topic, workers
from streams.tools.policy.proposal import before_now, check, numbered
from streams.tools.policy.roots import doubts_of_roots
from streams.tools.policy.shown import pause_words, print_proposal, standing
from streams.visible import visible

SEND: Final = "send"
"""``Said.mode`` with ``--yes``."""


async def publish(
    at: topic.PolicyTopic,
    record: PolicyRecord[Any],
    said: Said,
    out: TextIO,
    now_ms: int,
) -> None:
    """Publish a version, or show what would be published.

    Raises
    ------
    PolicyError
        It would be refused, or its author must allow a value.
    UnconfirmedError
        It was written, but its arrival is not confirmed.
    SourceError
        The brokers cannot be reached.
    """
    book = await at.read_book()
    if topic.held(book, record):
        name = full_name(record.policy.name, record.policy.policy_hash)
        print(f"{name} is published already", file=out)
        return
    await _publish(at, book, record, said, out, now_ms)


async def rollback(
    at: topic.PolicyTopic,
    version: int | None,
    choice: Choice,
    said: Said,
    out: TextIO,
    now_ms: int,
) -> None:
    """Publish the content of an earlier version again, as the next one.

    Parameters
    ----------
    version
        Its number; None = the one in force before the current one.

    Raises
    ------
    UsageError
        There is no such version; besides, as :func:`publish` does.
    """
    book = await at.read_book()
    old = (
        before_now(book.policies, now_ms)
        if version is None
        else next((one for one in book.policies if one.version == version), None)
    )
    if old is None:
        wanted = (
            "an earlier version" if version is None else f"{book.kind.code}@{version}"
        )
        raise UsageError([f"{wanted} is not on the topic; see refund policy history"])
    from_ms = now_ms if choice.from_ms is None else choice.from_ms
    record = PolicyRecord(
        numbered(old, book, from_ms), publication_of(choice, said, now_ms)
    )
    print(f"{record.policy.name} with the content of {old.name}", file=out)
    await _publish(at, book, record, said, out, now_ms)


async def _publish(
    at: topic.PolicyTopic,
    book: PolicyBook[Any],
    record: PolicyRecord[Any],
    said: Said,
    out: TextIO,
    now_ms: int,
) -> None:
    print_proposal(record, book, now_ms, out)
    check(record, book, now_ms, await doubts_of_roots(at.settings, record))
    policy = record.policy
    if said.mode != SEND:
        print("nothing was published; repeat with --yes", file=out)
        return
    await at.write(policy.name, topic.value_of(as_fields(record)))
    after = await at.read_book()
    name = full_name(policy.name, policy.policy_hash)
    if not topic.held(after, record):
        why = [line for one in after.refused_last for line in one.problems]
        raise UnconfirmedError(
            f"{name} was written and was not accepted: {'; '.join(why) or 'it cannot be found'}"
        )
    state = after.policies.state_of(_own(after, policy), now_ms)
    print(f"{name} is on {at.name}: {state}", file=out)
    await ask_workers(
        said,
        at.kind.code,
        workers.shows_version(policy.name, policy.policy_hash),
        name,
        out,
    )


def _own(book: PolicyBook[P], policy: AnyPolicy) -> P:
    return next(one for one in book.policies if one.version == policy.version)


async def pause(
    at: topic.PolicyTopic,
    span: tuple[int | None, int | None],
    said: Said,
    out: TextIO,
    now_ms: int,
) -> None:
    """Pause the service, at once or from and until a moment.

    Parameters
    ----------
    span
        From, inclusive, and until, exclusive, UTC ms; None = at once, until resumed.

    Raises
    ------
    PolicyError
        The moments are implausible; besides, as :func:`publish` does.
    """
    from_ms, until_ms = span
    record = Pause(
        family=at.kind.code,
        paused=True,
        author=said.author,
        reason=said.reason,
        published_at_ms=now_ms,
        from_ms=from_ms,
        until_ms=until_ms,
    )
    begins = now_ms if from_ms is None else from_ms
    problems = [
        line
        for option, at_ms in (("--from", from_ms), ("--until", until_ms))
        for line in unmeant(moment_doubts(option, at_ms, now_ms), ())
    ]
    if until_ms is not None and until_ms <= max(begins, now_ms):
        problems.append("--until: must be in the future, and after --from")
    if problems:
        raise PolicyError(problems)
    book = await at.read_book()
    for line in standing(book, now_ms):
        print(line, file=out)
    print(f"would publish: {pause_words(record)}", file=out)
    await _say(at, record, said, out)


async def resume(at: topic.PolicyTopic, said: Said, out: TextIO, now_ms: int) -> None:
    """End the pause in force, or cancel a future one.

    Raises
    ------
    UsageError
        The service is not paused; besides, as :func:`publish` does.
    """
    book = await at.read_book()
    last = book.pauses.last
    over = (
        last is None
        or not last.paused
        or (last.until_ms is not None and last.until_ms <= now_ms)
    )
    if book.pauses.readable and over:
        raise UsageError(["the service is not paused, and no pause is planned"])
    for line in standing(book, now_ms):
        print(line, file=out)
    record = Pause(
        family=at.kind.code,
        paused=False,
        author=said.author,
        reason=said.reason,
        published_at_ms=now_ms,
    )
    print(f"would publish: {pause_words(record)}", file=out)
    await _say(at, record, said, out)


async def _say(at: topic.PolicyTopic, record: Pause, said: Said, out: TextIO) -> None:
    if said.mode != SEND:
        print("nothing was published; repeat with --yes", file=out)
        return
    fields: dict[str, object] = msgspec.to_builtins(record)
    await at.write(pause_key(record.family), topic.value_of(fields))
    after = await at.read_book()
    if after.pauses.last != record or not after.pauses.readable:
        raise UnconfirmedError(
            "it was written, but a later record decides about the pause; see refund policy history"
        )
    what = "paused" if record.paused else "resumed"
    print(f"{what} on {at.name}", file=out)
    await ask_workers(
        said, at.kind.code, workers.shows_pause(record.published_at_ms), what, out
    )


async def ask_workers(
    said: Said, code: str, shows: workers.Shows, what: str, out: TextIO
) -> None:
    """Wait until the named workers show it, and print each.

    Raises
    ------
    UnconfirmedError
        One does not show it in time.
    """
    if not said.workers:
        return
    await workers.confirm(said.workers, code, shows)
    for address in said.workers:
        print(f"worker {visible(address)}: {what}", file=out)
