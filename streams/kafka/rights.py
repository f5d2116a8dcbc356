"""What the brokers let this user do, asked before anything starts.

A right that is missing shows late and badly: aiokafka waits for a topic it may not see
as for one that is not there, and a group that it may not join ends a worker again and
again. Brokers older than 2.3 do not tell rights; then nothing is checked here.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    TopicAuthorizationFailedError,
)

from streams.kafka.aiokafka_internals.rights_requests import (
    UNTOLD,
    ask_coordinator,
    ask_group,
    ask_topics,
)
from streams.processing.topics import Topic
from streams.settings import Settings
from streams.settings.topics import read_by, topic_name, written_by

READ: Final = "READ"
WRITE: Final = "WRITE"

_BITS: Final = {READ: 3, WRITE: 4}
"""Place of an operation in the bits of what is allowed (Kafka's ``AclOperation``)."""

_LOOKS: Final = 50
_POLL_S: Final = 0.1
_GROUP_REFUSED: Final = GroupAuthorizationFailedError.errno

Rights = Mapping[str, frozenset[str]]
"""Topic -> ``READ``, ``WRITE``; each of them includes the right to describe it."""


def rights(rows: Collection[Topic], settings: Settings) -> dict[str, frozenset[str]]:
    """Return what the roles of this worker do with each topic."""
    found: dict[str, frozenset[str]] = {}
    for operation, mine in (
        (WRITE, written_by(rows, settings.worker.roles)),
        (READ, read_by(rows, settings.worker.roles)),
    ):
        for row in mine:
            name = topic_name(row, settings.topics)
            found[name] = found.get(name, frozenset()) | {operation}
    return found


async def missing(
    admin: AIOKafkaAdminClient, topics: Rights, groups: Mapping[str, str], user: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Ask what is not allowed.

    Parameters
    ----------
    topics
        What is needed of each.
    groups
        Those that are joined, each with the setting that names it.
    user
        Who we are, for the lines.

    Returns
    -------
    tuple
        A line for each topic that lacks something, by topic; the lines of the groups.

    Raises
    ------
    KafkaError
        The broker does not answer now.
    """
    try:
        lines = await _of_topics(admin, topics, user)
        refused = [
            await _of_group(admin, group, setting, user)
            for group, setting in groups.items()
        ]
    except (IncompatibleBrokerVersion, NotImplementedError):  # as aiokafka says it
        return {}, ()
    return lines, tuple(line for line in refused if line is not None)


async def _of_topics(
    admin: AIOKafkaAdminClient, needed: Rights, user: str
) -> dict[str, str]:
    lines: dict[str, str] = {}
    for code, topic, allowed in await ask_topics(admin, sorted(needed)):
        wanted = needed[topic]
        lacking = _lacking(wanted, allowed)
        if code == TopicAuthorizationFailedError.errno:
            lines[topic] = (
                f"{topic}: {user} may not DESCRIBE it, nor see whether it is there; "
                f"grant {_listed(wanted)}, which includes DESCRIBE"
            )
        elif code == 0 and lacking:
            lines[topic] = f"{topic}: {user} may not {_listed(lacking)} it; grant that"
    return lines


async def _of_group(
    admin: AIOKafkaAdminClient, group: str, setting: str, user: str
) -> str | None:
    refused = None
    for _ in range(_LOOKS):
        refused = await _refused(admin, group)
        if refused is not None:
            break
        await asyncio.sleep(_POLL_S)  # a new cluster has nobody who keeps groups yet
    if not refused:
        return None
    return (
        f"{setting}: {user} may not {refused} the group {group}; grant READ on it, "
        "which includes DESCRIBE"
    )


async def _refused(admin: AIOKafkaAdminClient, group: str) -> str | None:
    """Return what is refused of a group, empty = nothing; None = nobody can say yet."""
    code, node = await ask_coordinator(admin, group)
    if code == _GROUP_REFUSED:
        return "DESCRIBE"
    if code:
        return None
    code, allowed = await ask_group(admin, group, node)
    if code == _GROUP_REFUSED:
        return "DESCRIBE"
    if code:
        return None
    return READ if _lacking(frozenset({READ}), allowed) else ""


def _lacking(wanted: frozenset[str], allowed: int) -> frozenset[str]:
    if allowed == UNTOLD:
        return frozenset()
    return frozenset(name for name in wanted if not allowed & (1 << _BITS[name]))


def _listed(names: frozenset[str]) -> str:
    return " and ".join(sorted(names))
