"""Read a group's committed offsets with the metadata text of each."""

import asyncio
from collections.abc import Collection
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka import errors as kafka_errors
from aiokafka.protocol.commit import OffsetFetchRequest

_NOTHING = -1
"""Offset of a partition for which nothing is committed."""


async def committed(
    member: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, tuple[int, str]]:
    """Return the committed offset and metadata text of each partition, in one request.

    aiokafka's own ``committed`` asks for one partition at a time and omits the text. It
    also takes an error of the whole group for "nothing is committed": from version 2 of the
    request on, a broker that no longer coordinates the group, or still loads it, names the
    error once and no partition.

    Raises
    ------
    KafkaError
        The group may not be read. Other errors are waited out, as aiokafka does.
    """
    coordinator = member._coordinator
    topics: dict[str, list[int]] = {}
    for where in partitions:
        topics.setdefault(where.topic, []).append(where.partition)
    request = OffsetFetchRequest(coordinator.group_id, list(topics.items()))
    while True:
        await coordinator.ensure_coordinator_known()
        try:
            return _offsets(await coordinator._send_req(request))
        except kafka_errors.NotCoordinatorForGroupError:
            coordinator.coordinator_dead()
        except kafka_errors.KafkaError as problem:
            if not problem.retriable:
                raise
        await asyncio.sleep(coordinator._retry_backoff_ms / 1000)


def _offsets(response: Any) -> dict[TopicPartition, tuple[int, str]]:  # noqa: ANN401 - a struct
    _raise_for(getattr(response, "error_code", 0))  # not in version 1
    found: dict[TopicPartition, tuple[int, str]] = {}
    for topic, rows in response.topics:
        for number, offset, text, error_code in rows:
            _raise_for(error_code)
            if offset != _NOTHING:
                found[TopicPartition(topic, number)] = (offset, text)
    return found


def _raise_for(error_code: int) -> None:
    if error_code:
        raise kafka_errors.for_code(error_code)
