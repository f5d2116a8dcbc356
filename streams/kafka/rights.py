"""Check this user's rights on topics and groups before anything starts.

A missing right shows late and unclearly: aiokafka waits for a topic that it may not see
as for a missing one, and a group that it may not join ends a worker again and again.
Brokers older than 2.3 do not send rights; then nothing is checked here.
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
"""Bit numbers of operations (Kafka's ``AclOperation``)."""

_LOOKS: Final = 50
_POLL_S: Final = 0.1
_GROUP_REFUSED: Final = GroupAuthorizationFailedError.errno

Rights = Mapping[str, frozenset[str]]
"""Topic -> ``READ``, ``WRITE``; each includes the right to describe the topic."""


def rights(rows: Collection[Topic], settings: Settings) -> dict[str, frozenset[str]]:
    """Return the rights that the roles of this worker need, by topic."""
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
    """Ask which rights are missing.

    Parameters
    ----------
    topics
        Rights needed on each topic.
    groups
        Groups to join -> setting that names them.
    user
        Our user name, for the lines.

    Returns
    -------
    tuple
        Topic -> line on its missing rights; and the lines on groups.

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
    except (IncompatibleBrokerVersion, NotImplementedError):  # an old broker
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
                f"{topic}: {user} may not DESCRIBE it, nor see whether it "
                f"exists; grant {_listed(wanted)}, which includes DESCRIBE"
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
        await asyncio.sleep(_POLL_S)  # a new cluster has no group coordinator yet
    if not refused:
        return None
    return (
        f"{setting}: {user} may not {refused} the group {group}; grant READ on it, "
        "which includes DESCRIBE"
    )


async def _refused(admin: AIOKafkaAdminClient, group: str) -> str | None:
    """Return the missing right on a group; empty = none is missing, None = unknown yet."""
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
