"""Check a proposed version against the policy book before it is published."""

from collections.abc import Iterator
from typing import Any

import msgspec

from streams.errors import PolicyError
from streams.processing.policies import AnyPolicy, Policies, PolicyBook
from streams.processing.policies.policy import P
from streams.processing.policies.publication import PolicyRecord
from streams.tools.policy.wording import dated


def check(
    record: PolicyRecord[Any],
    book: PolicyBook[Any],
    at_ms: int,
    more: tuple[str, ...] = (),
) -> None:
    """Refuse what a worker would refuse, and values that the author may not intend.

    Parameters
    ----------
    record
        The record, with the keys it allows and the waiting versions it may overtake.
    at_ms
        Current time, UTC ms.
    more
        Further doubts, from outside the book.

    Raises
    ------
    PolicyError
        One line per problem, with what to do or to allow.
    """
    lines = (
        *number_problems(record.policy, book),
        *book.doubts(record, at_ms),
        *more,
        *overtaking_problems(record, book, at_ms),
    )
    if lines:
        raise PolicyError(lines)


def number_problems(policy: AnyPolicy, book: PolicyBook[Any]) -> Iterator[str]:
    """Yield why a version number cannot be published: it is known, or not the next one."""
    published = {
        one.policy.version: one.policy
        for one in book.versions()
        if one.written_ms is not None
    }
    number = policy.version
    known = published.get(number)
    missing = book.policies.missing()
    following = book.policies.known_to + 1
    if known is not None:
        if known.policy_hash != policy.policy_hash:
            yield (
                f"version: {policy.name} is published with other content (hash "
                f"{known.policy_hash}); the next is {following}"
            )
    elif number not in {following, *missing} and not (
        not published and number == book.policies.known_to
    ):
        gaps = f", missing are {', '.join(map(str, missing))}" if missing else ""
        yield f"version: {number} would leave a gap; the next is {following}{gaps}"


def overtaken(policy: AnyPolicy, book: PolicyBook[Any], at_ms: int) -> list[AnyPolicy]:
    """Return the waiting versions that will never be in force if this one is published."""
    return [
        other
        for other in book.policies
        if other.version < policy.version
        and book.policies.state_of(other, at_ms) == "waiting"
        and policy.effective_from_ms <= other.effective_from_ms
    ]


def overtaking_problems(
    record: PolicyRecord[Any], book: PolicyBook[Any], at_ms: int
) -> Iterator[str]:
    """Yield a line for every waiting version that would be overtaken without being named."""
    for other in overtaken(record.policy, book, at_ms):
        if other.version not in record.publication.overtakes:
            yield (
                f"{other.name} waits for {dated(other.effective_from_ms)} and would never be "
                f"in force: give --overtake {other.version} if that is intended; its content can "
                "be published again under a higher version"
            )


def numbered(policy: P, book: PolicyBook[P], from_ms: int) -> P:
    """Return the content of a version as the next one, in force from a moment on."""
    return msgspec.structs.replace(
        policy, version=book.policies.known_to + 1, effective_from_ms=from_ms
    )


def before_now(policies: Policies[P], at_ms: int) -> P | None:
    """Return the version that was in force before the current one."""
    now = policies.at(at_ms)
    if now is None:
        return None
    lower = Policies(one for one in policies if one.version < now.version)
    return lower.at(at_ms)
