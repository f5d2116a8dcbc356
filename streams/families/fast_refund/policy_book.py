"""The policy book: records of ``refund.policies`` into versions, a pause, and refusals.

Workers and commands keep the same book, so what a command checks is what a worker will
accept. What is accepted depends on the records and their order alone: a version that is
known keeps its content, whatever is published under its name later.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from streams.errors import PolicyError
from streams.families.fast_refund.pause import PAUSE_KEY, Pause, parse_pause
from streams.families.fast_refund.plausible import (
    change_doubts,
    moment_doubts,
    own_doubts,
    unmeant,
)
from streams.families.fast_refund.policy import Policies, Policy, full_name
from streams.families.fast_refund.publication import (
    NOT_SAID,
    PolicyRecord,
    Publication,
    parse_record,
)
from streams.families.fast_refund.rules import READINGS
from streams.processing.news import News, news_queue
from streams.records.dead_letters import PolicyRefused, UnreadableError
from streams.records.json_values import Unreadable, decode_object

FAMILY: Final = "FR"
UNREADABLE_PAUSE: Final = "unreadable"
"""Stands in decisions for a pause record that cannot be read: it might be a pause."""
_RECENT_MS: Final = 86_400_000
_NUMBER: Final = re.compile("[0-9]{1,18}")
KEPT: Final = 50
"""Refusals, pauses and disagreements that are remembered, the newest."""

DISAGREEMENTS: Final = ("file", "decided", "missing", "member")
"""Kinds of :class:`Disagreement`."""


class Version(msgspec.Struct, frozen=True):
    """A version that judges, and where it comes from."""

    policy: Policy
    publication: Publication = NOT_SAID
    written_ms: int | None = None
    """Timestamp of its record, UTC ms; None = from a file."""


class Refusal(msgspec.Struct, frozen=True):
    """A record that changed nothing."""

    name: str
    """``FR@7``, or the key of the record when it does not say."""
    error: UnreadableError | PolicyRefused
    problems: tuple[str, ...]
    written_ms: int


class Disagreement(msgspec.Struct, frozen=True):
    """A sign that somebody judges, or judged, by another policy."""

    kind: str
    """``file``: the topic has other content under the name of this worker's file;
    ``decided``: a decision was made under a version that has another content here;
    ``missing``: a decision names a version that is not at hand; ``member``: a worker of the
    group began with another file."""
    text: str


class PolicyBook:
    """What is known of the versions of the family and of its pause.

    Parameters
    ----------
    base
        Versions from a file: they hold until the topic says otherwise.
    """

    def __init__(self, base: Policies) -> None:
        self._base = {policy.version: policy for policy in base}
        self._published: dict[int, Version] = {}
        self._known_to = 0
        self._base_lost = False
        self._told: set[tuple[str, str | None]] = set()
        self.policies = base
        self.pause: Pause | None = None
        self.pause_readable = True
        self.pauses: deque[Pause] = deque(maxlen=KEPT)
        """Every word on the pause, oldest first."""
        self.refusals: deque[Refusal] = deque(maxlen=KEPT)
        self.refused_last: tuple[Refusal, ...] = ()
        """Those since a version was last accepted."""
        self.disagreements: deque[Disagreement] = deque(maxlen=KEPT)
        self.disagreed: dict[str, int] = dict.fromkeys(DISAGREEMENTS, 0)
        """Kind -> how many were noticed."""
        self.news = news_queue()
        """What nobody has logged yet."""

    # -- what callers ask for --------------------------------------------------

    def versions(self) -> tuple[Version, ...]:
        """Return the versions that judge, lowest first."""
        return tuple(
            self._published.get(policy.version, Version(policy))
            for policy in self.policies
        )

    def pause_at(self, at_ms: int) -> object:
        """Return what decisions record of the pause that holds at a moment; None = none."""
        if not self.pause_readable:
            return UNREADABLE_PAUSE
        pause = self.pause
        if pause is None or not pause.holds(at_ms):
            return None
        return pause.published_at_ms

    def baseline(self, at_ms: int) -> Policy:
        """Return what a version published at a moment is compared with (plausibility).

        The version of the topic in force then; before the first one the default
        readings, because files may differ from worker to worker.
        """
        published = Policies(one.policy for one in self._published.values())
        return published.at(at_ms) or READINGS

    def doubts(self, record: PolicyRecord, at_ms: int) -> tuple[str, ...]:
        """Return one line for every implausible value that is not allowed by name."""
        policy, allowed = record.policy, record.publication.allow
        own = unmeant(own_doubts(policy, at_ms), allowed)
        return own + unmeant(change_doubts(policy, self.baseline(at_ms)), allowed)

    # -- what the topic says ---------------------------------------------------

    def apply(
        self, key: bytes | None, value: bytes | None, at_ms: int
    ) -> Unreadable | None:
        """Take a record; None = taken, or not for this family.

        Parameters
        ----------
        key
            ``FR@VERSION`` or ``FR:pause``. Any other, such as ``FR`` of version 0.1.0,
            is that of a version published before keys named it.
        at_ms
            Timestamp of the record, UTC ms.
        """
        name = _text(key)
        if name == PAUSE_KEY:
            return self._apply_pause(value)
        ours = name is not None and name.partition("@")[0] == FAMILY
        if value is None:
            if not ours:
                return None
            why = "a tombstone takes no version back; publish a higher version"
            return self._refuse(f"{name}", "null_value", (why,), at_ms)
        found = decode_object(value)
        if isinstance(found, Unreadable):
            self._refuse(name or FAMILY, found.error, (found.message,), at_ms)
            return found
        if found.get("family") != FAMILY and not ours:
            return None  # another rule family's policy
        return self._apply_version(name, found, at_ms)

    def _apply_version(
        self, name: str | None, found: Mapping[str, object], at_ms: int
    ) -> Unreadable | None:
        dated = name is not None and name.startswith(f"{FAMILY}@")
        called = name if dated else _called(found)
        try:
            record = parse_record(found)
        except PolicyError as refused:
            return self._refuse(f"{called}", "policy_refused", refused.problems, at_ms)
        policy = record.policy
        if dated and name != policy.name:
            why = f"version: the key of the record is {name}, its content {policy.name}"
            return self._refuse(f"{name}", "policy_refused", (why,), at_ms)
        known = self._published.get(policy.version)
        if known is not None:
            if known.policy.policy_hash == policy.policy_hash:
                return None
            why = (
                f"{policy.name} is published already with other content "
                f"(hash {known.policy.policy_hash}, this one {policy.policy_hash}); "
                "publish a higher version"
            )
            return self._refuse(policy.name, "policy_conflict", (why,), at_ms)
        doubts = self.doubts(record, at_ms) if dated else _doubts_of_old(record, at_ms)
        if doubts:
            return self._refuse(policy.name, "policy_implausible", doubts, at_ms)
        self._accept(Version(policy, record.publication, at_ms))
        return None

    def _accept(self, version: Version) -> None:
        policy, said = version.policy, version.publication
        file = self._base.get(policy.version)
        if file is not None and file.policy_hash != policy.policy_hash:
            self._disagree(
                "file",
                f"{policy.name} of the policy file (hash {file.policy_hash}) is not the "
                f"published one (hash {policy.policy_hash}); the published one judges",
            )
        self._published[policy.version] = version
        self.refused_last = ()
        self._gather()
        self._say(
            "info",
            f"policy {full_name(policy.name, policy.policy_hash)} accepted: for requests "
            f"made from {policy.effective_from_ms} on, published by "
            f"{said.author or 'nobody who says so'}: {said.reason or 'no reason given'}",
        )

    def _refuse(
        self,
        name: str,
        error: UnreadableError | PolicyRefused,
        problems: Iterable[str],
        at_ms: int,
    ) -> Unreadable:
        lines = tuple(problems)
        refusal = Refusal(name, error, lines, at_ms)
        self.refusals.append(refusal)
        self.refused_last = (*self.refused_last[-KEPT:], refusal)
        self._say("warning", f"policy record {name} refused: {'; '.join(lines)}"[:1000])
        return Unreadable(error, "; ".join(lines)[:200])

    def _apply_pause(self, value: bytes | None) -> Unreadable | None:
        """Take a pause or its end; what cannot be read might be a pause, so it holds."""
        found = decode_object(value) if value is not None else None
        refused: Unreadable | None = None
        if found is None:
            refused = Unreadable("null_value", "a tombstone does not say who resumes")
        elif isinstance(found, Unreadable):
            refused = found
        else:
            try:
                self._take_pause(parse_pause(found))
            except PolicyError as problem:
                refused = Unreadable("policy_refused", str(problem)[:200])
        if refused is not None:
            self.pause_readable = False
            self._say(
                "error",
                f"the record {PAUSE_KEY} cannot be read ({refused.message}): everything "
                "goes to people until there is a good one",
            )
        return refused

    def _take_pause(self, pause: Pause) -> None:
        for key in ("from_ms", "until_ms"):
            doubts = moment_doubts(key, getattr(pause, key), pause.published_at_ms)
            lines = unmeant(doubts, ())
            if lines:
                raise PolicyError(lines)
        self.pause, self.pause_readable = pause, True
        self.pauses.append(pause)
        what = "paused" if pause.paused else "resumed"
        when = (
            f" from {pause.from_ms or 'now'} until {pause.until_ms or 'it is resumed'}"
            if pause.paused
            else ""
        )
        self._say("warning", f"service {what}{when}, by {pause.author}: {pause.reason}")

    # -- what else tells of versions -------------------------------------------

    def head_deleted(self) -> None:
        """Note that the oldest records of the topic are gone: the file counts no more.

        Versions may have been among them, and nobody can say how far the file's is
        behind.
        """
        if self._base and not self._base_lost:
            self._base_lost = True
            self._gather()
            self._say(
                "error",
                "the oldest records of the topic of policies have been deleted: the policy "
                "file is not used; publish the policy in force again",
            )

    def heard(
        self, named: Mapping[tuple[str, str | None], tuple[str, int]], now_ms: int
    ) -> None:
        """Compare with the policies that decisions name.

        What is older than a day is logged and not counted: it may have been mended long
        ago, and decisions are read back at every start.

        Parameters
        ----------
        named
            (policy, hash) -> id and ``decided_at_ms`` of the last decision that names it;
            no hash in records of version 0.1.0.
        """
        held = {policy.name: policy for policy in self.policies}
        for (name, policy_hash), (decision_id, at_ms) in named.items():
            policy = held.get(name)
            if policy is not None and policy_hash in (None, policy.policy_hash):
                continue
            if (name, policy_hash) in self._told:
                continue
            self._told.add((name, policy_hash))
            recent = now_ms - at_ms < _RECENT_MS
            made = f"{decision_id} was decided under {full_name(name, policy_hash)}"
            if policy is not None:
                text = f"{made}, which has the hash {policy.policy_hash} here"
                self._disagree("decided", text, recent=recent)
                continue
            number = name.removeprefix(f"{FAMILY}@")
            known = int(number) if _NUMBER.fullmatch(number) else 0
            newer = known > self.policies.known_to
            self._disagree(
                "missing", f"{made}, which is not at hand", recent=recent and newer
            )
            self._known_to = max(self._known_to, known)
        self._gather()

    def members(self, files: Mapping[str, str]) -> None:
        """Compare with the policy files that other workers of the group began with.

        Parameters
        ----------
        files
            Member -> ``FR@1:HASH`` of its file.
        """
        ours = [
            f"{policy.name}:{policy.policy_hash}"
            for policy in self._base.values()
            if policy in self.policies
        ]
        if not ours:
            return
        for member, theirs in files.items():
            if theirs not in ours and (theirs, member) not in self._told:
                self._told.add((theirs, member))
                self._disagree(
                    "member",
                    f"worker {member} of this group began with the policy file {theirs}, "
                    f"this one with {', '.join(ours)}",
                )

    def _disagree(self, kind: str, text: str, *, recent: bool = True) -> None:
        self.disagreements.append(Disagreement(kind, text))
        self.disagreed[kind] += recent
        self._say("error" if recent else "warning", text)

    def _say(self, level: Literal["info", "warning", "error"], text: str) -> None:
        self.news.append(News(level, text))

    def _gather(self) -> None:
        base = {} if self._base_lost else self._base
        published = {number: one.policy for number, one in self._published.items()}
        self.policies = Policies((base | published).values(), self._known_to)


def _doubts_of_old(record: PolicyRecord, at_ms: int) -> tuple[str, ...]:
    """Return what is implausible of a version under the old key.

    It may have been in force for long, and refusing a strict one would let a laxer one
    hold: so only a limit above its ceiling is doubted, unless the version pauses.
    """
    policy = record.policy
    doubts = (one for one in own_doubts(policy, at_ms) if one.key == "paid_limit_fen")
    return () if policy.service_paused else unmeant(doubts, record.publication.allow)


def _called(found: Mapping[str, object]) -> str:
    """Name a version that may not be readable."""
    version = found.get("version")
    return f"{FAMILY}@{version}" if type(version) is int else FAMILY


def _text(key: bytes | None) -> str | None:
    try:
        return key.decode() if key else None
    except UnicodeDecodeError:
        return None
