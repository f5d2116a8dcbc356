"""Find signs that another policy than this worker's judges, or has judged."""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, Generic

import msgspec

from streams.processing.news import News, NewsQueue
from streams.processing.policies.policy import P, full_name
from streams.processing.policies.versions import Policies

DISAGREEMENTS: Final = ("file", "decided", "missing", "member")
"""Kinds of :class:`Disagreement`."""

_KEPT: Final = 50
_RECENT_MS: Final = 86_400_000
_NUMBER: Final = re.compile("[0-9]{1,18}")


class Disagreement(msgspec.Struct, frozen=True):
    """A sign that another policy judges, or has judged."""

    kind: str
    """``file``: the topic has other content under the name of this worker's file;
    ``decided``: a decision was made under a version that has another content here;
    ``missing``: a decision names a version that is not available; ``member``: a worker
    of the group started with another file."""
    text: str


class Disagreements(Generic[P]):
    """Disagreements, counted by kind; each is logged once.

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
        self._told: set[tuple[str, str | None]] = set()
        self.newest: deque[Disagreement] = deque(maxlen=_KEPT)
        self.counts: dict[str, int] = dict.fromkeys(DISAGREEMENTS, 0)
        """Kind -> number of disagreements."""

    def file(self, file: P, published: P) -> None:
        """Compare a version of the policy file with the published version of the same name."""
        if file.policy_hash != published.policy_hash:
            self._note(
                "file",
                f"{published.name} of the policy file (hash {file.policy_hash}) is not the "
                f"published one (hash {published.policy_hash}); the published one judges",
            )

    def decisions(
        self,
        policies: Policies[P],
        named: Mapping[tuple[str, str | None], tuple[str, int]],
        now_ms: int,
    ) -> int:
        """Compare versions with the policies that decisions name.

        A disagreement older than a day is logged and not counted: it may have been
        repaired long ago, and decisions are read back at every start.

        Parameters
        ----------
        named
            (policy, hash) -> id and ``decided_at_ms`` of the last decision that names it;
            no hash in records of version 0.1.0.

        Returns
        -------
        int
            The highest version that a decision names and that is not available; 0 =
            none.
        """
        held = {policy.name: policy for policy in policies}
        highest, known_to = 0, policies.known_to
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
                self._note("decided", text, recent=recent)
                continue
            number = name.removeprefix(f"{self._code}@")
            version = int(number) if _NUMBER.fullmatch(number) else 0
            self._note(
                "missing",
                f"{made}, which is not known here",
                recent=recent and version > known_to,
            )
            highest = max(highest, version)
        return highest

    def members(self, base: Sequence[P], files: Mapping[str, str]) -> None:
        """Compare the policy file with those that other workers of the group started with.

        Parameters
        ----------
        base
            Versions of the file in use; without any there is nothing to compare.
        files
            Member -> ``FR@1:HASH`` of its file.
        """
        ours = [f"{policy.name}:{policy.policy_hash}" for policy in base]
        for member, theirs in files.items() if ours else ():
            if theirs not in ours and (theirs, member) not in self._told:
                self._told.add((theirs, member))
                self._note(
                    "member",
                    f"worker {member} of this group started with the policy file {theirs}, "
                    f"this one with {', '.join(ours)}",
                )

    def _note(self, kind: str, text: str, *, recent: bool = True) -> None:
        self.newest.append(Disagreement(kind, text))
        self.counts[kind] += recent
        self._news.append(News("error" if recent else "warning", text))
