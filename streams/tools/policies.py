"""``refund policy check|show|diff|history``."""

from typing import Any, TextIO

import msgspec

from streams.errors import PolicyError
from streams.processing.policies import Policies, PolicyBook, PolicyType
from streams.processing.policies.policy import P
from streams.processing.policies.publication import PolicyRecord, Publication
from streams.settings import load_record
from streams.tools.policy.proposal import check as check_against
from streams.tools.policy.roots import doubts_of_roots
from streams.tools.policy.shown import print_diff, print_history
from streams.tools.policy.topic import PolicyTopic, held


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an author says about a record."""

    author: str
    reason: str
    mode: str
    """``send``, or ``tell`` = only show what would be sent."""
    workers: tuple[str, ...] = ()
    """Addresses of worker pages that must show it."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """An author's further choices for a version."""

    backtest: str | None = None
    allow: tuple[str, ...] = ()
    overtake: tuple[int, ...] = ()
    from_ms: int | None = None
    """UTC ms; None = as in the file, or now for a rollback."""


def publication_of(choice: Choice, said: Said, now_ms: int) -> Publication:
    """Return the publication keys of a record."""
    return Publication(
        author=said.author,
        reason=said.reason,
        published_at_ms=now_ms,
        backtest=choice.backtest,
        allow=choice.allow,
        overtakes=tuple(sorted(set(choice.overtake))),
    )


def record_of(
    kind: PolicyType[P],
    file: str | None,
    choice: Choice,
    said: Said | None,
    now_ms: int,
) -> PolicyRecord[P]:
    """Return the record that a policy file would be published as.

    Raises
    ------
    PolicyError
        One line per problem.
    """
    found = load_record(kind, file)
    unknown = [key for key in choice.allow if key not in kind.fields]
    if unknown:
        raise PolicyError(
            f"--allow {key}: not a key of a policy; see refund policy show"
            for key in unknown
        )
    allow = tuple(dict.fromkeys((*found.publication.allow, *choice.allow)))
    chosen = msgspec.structs.replace(choice, allow=allow)
    policy = found.policy
    if choice.from_ms is not None:
        policy = msgspec.structs.replace(policy, effective_from_ms=choice.from_ms)
    said = said or Said(author="-", reason="-", mode="tell")
    return PolicyRecord(policy, publication_of(chosen, said, now_ms))


async def check(
    file: str | None,
    choice: Choice,
    where: PolicyType[Any] | PolicyTopic,
    out: TextIO,
    now_ms: int,
) -> None:
    """Check that a policy file can be published, and say so.

    Parameters
    ----------
    where
        The topic; or only the policy type: then the file is compared with the default
        values alone.

    Raises
    ------
    PolicyError
        One line per problem.
    SourceError
        The brokers cannot be reached.
    """
    kind = where.kind if isinstance(where, PolicyTopic) else where
    record = record_of(kind, file, choice, None, now_ms)
    if not isinstance(where, PolicyTopic):
        lines = PolicyBook(kind, Policies()).doubts(record, now_ms)
        if lines:
            raise PolicyError(lines)
        print(f"{record.policy.name} is in order", file=out)
        return
    book = await where.read_book()
    if held(book, record):
        print(f"{record.policy.name} is published already", file=out)
        return
    check_against(record, book, now_ms, await doubts_of_roots(where.settings, record))
    print(f"{record.policy.name} is in order and can be published", file=out)


async def diff(file: str | None, at: PolicyTopic, out: TextIO, now_ms: int) -> None:
    """Print the policies in force and waiting, and how a file, or each waiting one, differs.

    Raises
    ------
    PolicyError
        The file cannot be read.
    SourceError
        The brokers cannot be reached.
    """
    policy = None if file is None else load_record(at.kind, file).policy
    print_diff(policy, await at.read_book(), now_ms, out)


async def history(at: PolicyTopic, form: str, out: TextIO, now_ms: int) -> None:
    """Print versions, refusals and pauses; ``form`` is ``table`` or ``json``.

    Raises
    ------
    SourceError
        The brokers cannot be reached.
    """
    print_history(await at.read_book(), now_ms, form, out)


def show(kind: PolicyType[Any], file: str | None, out: TextIO) -> None:
    """Print every key of a policy, defaults included, as flat TOML.

    Raises
    ------
    PolicyError
        One line per problem.
    """
    for key, value in msgspec.structs.asdict(load_record(kind, file).policy).items():
        if value is None:
            print(f"# {key} is off", file=out)
        else:
            print(f"{key} = {msgspec.json.encode(value).decode()}", file=out)
