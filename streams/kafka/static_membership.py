"""Resolve two live workers with one static name: the one that started first ends.

Kafka gives the name to the member that joins last (KIP-345). The other one learns that
it is no member any more, and aiokafka joins again, which removes the newcomer: the two
would take each other's partitions for ever. So every member publishes when it started,
and one whose commit is refused checks who has its name.
"""

import asyncio
import logging
from typing import Final

from streams.errors import SettingsError
from streams.kafka.aiokafka_internals.group_members import (
    Assignor,
    telling_assignor,
    told_by_members,
)
from streams.kafka.errors import FOREIGN
from streams.kafka.topic_admin import admin_client
from streams.settings import Kafka

log = logging.getLogger(__name__)

_BETWEEN_LOOKS_S: Final = 0.2
_UUID: Final = 37
"""Suffix length: a static member's id is its name, a dash and a UUID."""


def dated_assignor(started_ms: int, policy_file: str = "") -> type[Assignor]:
    """Return a round-robin assignor that tells the group when this member started.

    ``policy_file`` (``FR@1:HASH``, empty = none) is the policy file it started with.
    """
    return telling_assignor(f"{started_ms} {policy_file}".strip())


async def watch(
    kafka: Kafka, group_id: str, started_ms: int, refused: asyncio.Event
) -> None:
    """Check after each refused commit whether a newer process has our name.

    Parameters
    ----------
    group_id
        The group whose members are checked.
    started_ms
        When this process started, UTC ms, as given to :func:`dated_assignor`.
    refused
        Set by the commit loop when the group refuses a commit; cleared here.

    Raises
    ------
    SettingsError
        Another process has the same ``kafka.group_instance_id`` and started later.
    """
    name = kafka.group_instance_id
    while name is not None:
        await refused.wait()
        refused.clear()
        try:
            holders = await _holders(kafka, group_id, name)
        except FOREIGN as problem:
            log.info("cannot read the members of the group: %s", problem)
            holders = []
        if any(other_ms > started_ms for other_ms in holders):
            told = (
                f"kafka.group_instance_id: {name!r} is also the name of a worker that "
                "started later"
            )
            raise SettingsError([f"{told}; give each worker a name of its own"])
        await asyncio.sleep(_BETWEEN_LOOKS_S)


async def policy_files(kafka: Kafka, group_id: str) -> dict[str, str]:
    """Ask the broker for the policy file that each member of a group started with.

    Returns
    -------
    dict
        Member id -> ``FR@1:HASH``; members that publish none are left out.

    Raises
    ------
    KafkaError, OSError
        The broker does not answer.
    """
    members = await _members(kafka, group_id)
    return {
        member_id: words[1] for member_id, words in members.items() if len(words) > 1
    }


async def _holders(kafka: Kafka, group_id: str, name: str) -> list[int]:
    """Return the start times of the members with a name; unknown ones are left out."""
    members = await _members(kafka, group_id)
    return [
        int(words[0])
        for member_id, words in members.items()
        if member_id[:-_UUID] == name and words and words[0].isdigit()
    ]


async def _members(kafka: Kafka, group_id: str) -> dict[str, list[str]]:
    """Return the words of each member's published text, by member id."""
    async with admin_client(kafka) as admin:
        return await told_by_members(admin, group_id)
