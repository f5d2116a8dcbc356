"""What a group has committed, with the text beside each offset."""

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition


async def committed(
    member: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, tuple[int, str]]:
    """Return offset and text of each partition that the group has committed; asks it once.

    aiokafka's own ``committed`` asks for one partition at a time, and leaves the text out.

    Raises
    ------
    KafkaError
        The broker does not tell.
    """
    coordinator = member._coordinator
    found = await coordinator.fetch_committed_offsets(list(partitions))
    return {where: (one.offset, one.metadata) for where, one in found.items()}
