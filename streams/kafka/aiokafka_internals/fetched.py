"""Read when a consumer's fetches were last answered."""

from collections.abc import Iterable, Iterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError


def newest_answer(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> int | None:
    """Return when a fetch of one of these partitions was last answered.

    Returns
    -------
    int or None
        Ms of aiokafka's clock; -1 = not yet; None = no partitions.
    """
    return max(_answers(consumer, partitions), default=None)


def _answers(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> Iterator[int]:
    for where in list(partitions):
        try:
            heard: int | None = consumer.last_poll_timestamp(where)
        except (IllegalStateError, AssertionError):
            continue  # revoked meanwhile
        yield -1 if heard is None else heard
