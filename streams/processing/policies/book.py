"""The policy book turns records of ``policies`` into versions, a pause, resets, refusals.

Workers and commands keep the same book, so what a command checks is what a worker will
accept. Acceptance depends on the records and their order alone: a known version keeps
its content, whatever is published under its name later.

All families share the topic. A book leaves records that are named after another family
(``XX@1``, ``XX:pause``, ``XX:breaker``) to that family's book, whether or not this worker
has one: workers of one topic need not run the same families.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final, Generic

from streams.errors import PolicyError
from streams.processing.news import News, news_queue
from streams.processing.policies.breaker_reset import BreakerResets
from streams.processing.policies.disagreements import Disagreements
from streams.processing.policies.keys import Place, called_by, place_of, text_of
from streams.processing.policies.pause import Pauses
from streams.processing.policies.plausible import unmeant
from streams.processing.policies.policy import P, full_name
from streams.processing.policies.policy_type import PolicyType
from streams.processing.policies.publication import (
    PolicyRecord,
    Refusal,
    Version,
    parse_record,
)
from streams.processing.policies.versions import Policies
from streams.records.dead_letters import PolicyRefused, UnreadableError
from streams.records.json_values import Unreadable, decode_object

KEPT: Final = 50
"""Most refusals that are kept; the newest ones."""


class PolicyBook(Generic[P]):
    """The known versions of one family's policy, and its pause.

    Parameters
    ----------
    kind
        The policy type that the family declares.
    base
        Versions from a file; they judge until the topic replaces them.
    """

    def __init__(self, kind: PolicyType[P], base: Policies[P]) -> None:
        self.kind = kind
        self._base = {policy.version: policy for policy in base}
        self._published: dict[int, Version[P]] = {}
        self._known_to = 0
        self._base_lost = False
        self.policies = base
        self.refusals: deque[Refusal] = deque(maxlen=KEPT)
        self.refused_last: tuple[Refusal, ...] = ()
        """Refusals since the last accepted version."""
        self.news = news_queue()
        """Lines that are not logged yet."""
        self.pauses = Pauses(kind.code, self.news)
        self.resets = BreakerResets(kind.code, kind.breakers, self.news, self.refusals)
        self._compared: Disagreements[P] = Disagreements(kind.code, self.news)
        self.disagreements = self._compared.newest
        self.disagreed = self._compared.counts
        """Kind -> number of disagreements."""

    # -- queries ---------------------------------------------------------------

    def versions(self) -> tuple[Version[P], ...]:
        """Return the versions in use, lowest first."""
        return tuple(
            self._published.get(policy.version, Version(policy))
            for policy in self.policies
        )

    def baseline(self, at_ms: int) -> P:
        """Return the policy that a version published at a moment is compared with (plausibility).

        The topic's version in force then; before the first one, the defaults, because
        files may differ from worker to worker.
        """
        published = Policies(one.policy for one in self._published.values())
        return published.at(at_ms) or self.kind.defaults

    def doubts(self, record: PolicyRecord[P], at_ms: int) -> tuple[str, ...]:
        """Return one line for every implausible value whose key the record does not allow."""
        found = self.kind.doubts(record.policy, self.baseline(at_ms), at_ms)
        return unmeant(found, record.publication.allow)

    # -- records of the topic --------------------------------------------------

    def apply(
        self, key: bytes | None, value: bytes | None, at_ms: int
    ) -> Unreadable | None:
        """Apply a record; None = applied, or not for this family.

        Parameters
        ----------
        key
            ``FR@VERSION``, ``FR:pause`` or ``FR:breaker``. A key that names another
            family is left to that family's book, unless the content names this family:
            then the record is refused. Any other key, such as ``FR`` of version 0.1.0,
            belongs to a version published before keys named versions, if the content
            names this family.
        at_ms
            Timestamp of the record, UTC ms.
        """
        code, name = self.kind.code, text_of(key)
        place = place_of(name, code)
        if place in ("pause", "breaker"):
            to_pause = place == "pause"
            return (
                self.pauses.apply(value)
                if to_pause
                else self.resets.apply(value, at_ms)
            )
        ours = place in ("dated", "undated")
        if value is None:
            if not ours:
                return None
            why = "a tombstone does not withdraw a version; publish a higher version"
            return self._refuse(f"{name}", "null_value", (why,), at_ms)
        found = decode_object(value)
        if not ours and not self._claims(found, place):
            return None
        if isinstance(found, Unreadable):
            self._refuse(name or code, found.error, (found.message,), at_ms)
            return found
        return self._apply_version(name or "", found, place, at_ms)

    def _claims(self, found: Mapping[str, object] | Unreadable, place: Place) -> bool:
        """Whether a record whose key does not name this family is for this book.

        An unreadable record without a family in its key is refused once, not by every
        family's book: by the book of the family that published before keys named
        versions.
        """
        if isinstance(found, Unreadable):
            return place == "nobody's" and self.kind.undated_doubts is not None
        return found.get("family") == self.kind.code

    def _apply_version(
        self, name: str, found: Mapping[str, object], place: Place, at_ms: int
    ) -> Unreadable | None:
        dated = place in ("dated", "theirs")
        try:
            record = parse_record(self.kind, found)
        except PolicyError as refused:
            called = name if dated else called_by(found, self.kind.code)
            return self._refuse(called, "policy_refused", refused.problems, at_ms)
        policy = record.policy
        known = self._published.get(policy.version)
        named = not dated or name == policy.name
        if named and known and known.policy.policy_hash == policy.policy_hash:
            return None
        objection = self._objection(record, name if dated else None, at_ms)
        if objection is not None:
            return self._refuse(name if dated else policy.name, *objection, at_ms)
        self._accept(Version(policy, record.publication, at_ms))
        return None

    def _objection(
        self, record: PolicyRecord[P], name: str | None, at_ms: int
    ) -> tuple[PolicyRefused, tuple[str, ...]] | None:
        """Return why a readable version is refused; None = it is accepted.

        Parameters
        ----------
        name
            The name in the key of its record; None = the key names no version.
        """
        policy = record.policy
        if name not in (None, policy.name):
            why = f"version: the key of the record is {name}, its content {policy.name}"
            return "policy_refused", (why,)
        known = self._published.get(policy.version)
        if known is not None:
            why = (
                f"{policy.name} is published already with other content "
                f"(hash {known.policy.policy_hash}, this one {policy.policy_hash}); "
                "publish a higher version"
            )
            return "policy_conflict", (why,)
        if name is not None:
            doubts = self.doubts(record, at_ms)
        elif self.kind.undated_doubts is not None:
            found = self.kind.undated_doubts(policy)
            doubts = unmeant(found, record.publication.allow)
        else:
            why = f"version: the key of the record must be {policy.name}"
            return "policy_refused", (why,)
        return ("policy_implausible", doubts) if doubts else None

    def _accept(self, version: Version[P]) -> None:
        policy, said = version.policy, version.publication
        file = self._base.get(policy.version)
        if file is not None:
            self._compared.file(file, policy)
        self._published[policy.version] = version
        self.refused_last = ()
        self._gather()
        text = (
            f"policy {full_name(policy.name, policy.policy_hash)} accepted: for requests "
            f"made from {policy.effective_from_ms} on, published by "
            f"{said.author or 'an unnamed author'}: {said.reason or 'no reason given'}"
        )
        self.news.append(News("info", text))

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
        text = f"policy record {name} refused: {'; '.join(lines)}"
        self.news.append(News("warning", text[:1000]))
        return Unreadable(error, "; ".join(lines)[:200])

    # -- other sources of versions ---------------------------------------------

    def head_deleted(self) -> None:
        """Record that the topic's oldest records were deleted: the policy file no longer counts.

        They may have held versions, so the file may be any number of versions behind.
        """
        if self._base and not self._base_lost:
            self._base_lost = True
            self._gather()
            text = (
                "the oldest records of the policy topic were deleted, so the policy file is "
                "not used; publish the policy in force again"
            )
            self.news.append(News("error", text))

    def heard(
        self, named: Mapping[tuple[str, str | None], tuple[str, int]], now_ms: int
    ) -> None:
        """Compare with the policies that decisions name; see :class:`Disagreements`."""
        missing = self._compared.decisions(self.policies, named, now_ms)
        self._known_to = max(self._known_to, missing)
        self._gather()

    def members(self, files: Mapping[str, str]) -> None:
        """Compare with the policy files of other workers; see :class:`Disagreements`."""
        judging = [one for one in self._base.values() if one in self.policies]
        self._compared.members(judging, files)

    def _gather(self) -> None:
        base = {} if self._base_lost else self._base
        published = {number: one.policy for number, one in self._published.items()}
        self.policies = Policies((base | published).values(), self._known_to)
