"""Texts that group members publish to each other when they join.

They are sent as user data in a member's metadata of the consumer protocol, beside its
topics.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from typing_extensions import override

Assignor: TypeAlias = RoundRobinPartitionAssignor

_MEMBERS: Final = 5
"""Index of the members in a described group."""


def telling_assignor(told: str) -> type[Assignor]:
    """Return a round-robin assignor that publishes a text to the group."""
    user_data = told.encode()

    class Telling(RoundRobinPartitionAssignor):  # type: ignore[misc]  # aiokafka is untyped here
        """Carries the text as user data."""

        @classmethod
        @override
        def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
            return ConsumerProtocolMemberMetadata(cls.version, list(topics), user_data)

    return Telling


async def told_by_members(
    admin: AIOKafkaAdminClient, group_id: str
) -> dict[str, list[str]]:
    """Return the words of each member's text, by member id.

    Raises
    ------
    KafkaError
        The broker does not answer.
    """
    (answer,) = await admin.describe_consumer_groups([group_id])
    return {
        member_id: _words(metadata)
        for group in answer.groups
        for member_id, _, _, metadata, *_ in group[_MEMBERS]
    }


def _words(metadata: bytes) -> list[str]:
    try:
        told: bytes = ConsumerProtocolMemberMetadata.decode(metadata).user_data
        return told.decode().split() if told else []
    except ValueError:  # not ours, or between two states
        return []
