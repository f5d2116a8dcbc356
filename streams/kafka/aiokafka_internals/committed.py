"""Read a group's committed offsets with the metadata text of each."""

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition


async def committed(
    member: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, tuple[int, str]]:
    """Return the committed offset and metadata text of each partition, in one request.

    aiokafka's own ``committed`` asks for one partition at a time and omits the text.

    Raises
    ------
    KafkaError
        The broker does not answer.
    """
    coordinator = member._coordinator
    found = await coordinator.fetch_committed_offsets(list(partitions))
    return {where: (one.offset, one.metadata) for where, one in found.items()}
