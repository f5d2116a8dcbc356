"""All conversations by subject, and what the real broker said in each of them.

``transcripts/SUBJECT.txt`` was recorded from the Kafka of ``testkit/jars.py``. A test
on the real broker holds them all again and rewrites the files with
``--update-cases``; the simulated broker must say the same, on machines without Java
too.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from testkit.simulated.conversations import (
    admin,
    bad_batches,
    fencing,
    fetch,
    group_admin,
    groups,
    idempotence,
    kept_batches,
    list_offsets,
    metadata,
    nodes,
    odd_members,
    offsets,
    produce,
    producer_state,
    rebalances,
    static_members,
    topics,
    transactional_offsets,
    transactions,
    versions_in_use,
    waiting_fetches,
)
from testkit.simulated.conversations.talk import Conversation
from testkit.simulated.conversations.versions import Versions

SUBJECTS: Final[Mapping[str, tuple[Conversation, ...]]] = MappingProxyType(
    {
        "idempotence": idempotence.CONVERSATIONS,
        "producer_state": producer_state.CONVERSATIONS,
        "produce": produce.CONVERSATIONS,
        "bad_batches": bad_batches.CONVERSATIONS,
        "kept_batches": kept_batches.CONVERSATIONS,
        "fetch": fetch.CONVERSATIONS,
        "waiting_fetches": waiting_fetches.CONVERSATIONS,
        "list_offsets": list_offsets.CONVERSATIONS,
        "transactions": transactions.CONVERSATIONS,
        "fencing": fencing.CONVERSATIONS,
        "transactional_offsets": transactional_offsets.CONVERSATIONS,
        "groups": groups.CONVERSATIONS,
        "rebalances": rebalances.CONVERSATIONS,
        "odd_members": odd_members.CONVERSATIONS,
        "group_admin": group_admin.CONVERSATIONS,
        "static_members": static_members.CONVERSATIONS,
        "offsets": offsets.CONVERSATIONS,
        "topics": topics.CONVERSATIONS,
        "metadata": metadata.CONVERSATIONS,
        "admin": admin.CONVERSATIONS,
        "versions_in_use": versions_in_use.CONVERSATIONS,
    }
)
"""Those with a single node."""

THREE_NODES: Final[Mapping[str, tuple[Conversation, ...]]] = MappingProxyType(
    {"nodes": nodes.CONVERSATIONS}
)
"""Those with a cluster of three."""

_TRANSCRIPTS: Final = Path(__file__).with_name("transcripts")
_VERSIONS: Final = _TRANSCRIPTS / "api_versions.txt"
_HEAD: Final = "== "


def every() -> list[tuple[str, Conversation]]:
    """Return subject and conversation of all."""
    subjects = {**SUBJECTS, **THREE_NODES}
    return [(subject, talk) for subject, talks in subjects.items() for talk in talks]


def nodes_for(subject: str) -> int:
    """Return how many nodes a subject needs."""
    return 3 if subject in THREE_NODES else 1


def kept(subject: str) -> dict[str, list[str]]:
    """Read what the real broker said: name of the conversation -> lines."""
    path = _TRANSCRIPTS / f"{subject}.txt"
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(_HEAD):
            lines = found.setdefault(line.removeprefix(_HEAD), [])
        elif line:
            lines.append(line)
    return found


def keep(subject: str, said: Mapping[str, list[str]]) -> None:
    """Write down what the real broker said."""
    parts = ["\n".join([_HEAD + name, *lines, ""]) for name, lines in said.items()]
    _TRANSCRIPTS.mkdir(exist_ok=True)
    (_TRANSCRIPTS / f"{subject}.txt").write_text("\n".join(parts), encoding="utf-8")


def kept_versions() -> Versions:
    """Read which versions of requests the real broker offers."""
    rows = [row.split() for row in _VERSIONS.read_text(encoding="utf-8").splitlines()]
    return {int(key): (int(lowest), int(highest)) for key, lowest, highest in rows}


def keep_versions(found: Versions) -> None:
    """Write down which versions of requests the real broker offers."""
    rows = [f"{key} {least} {most}\n" for key, (least, most) in sorted(found.items())]
    _VERSIONS.write_text("".join(rows), encoding="utf-8")
