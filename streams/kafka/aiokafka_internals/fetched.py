"""When a consumer's fetches were last answered."""

from collections.abc import Iterable, Iterator

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError


def newest_answer(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> int | None:
    """Return the newest moment at which one of these partitions was answered about.

    Returns
    -------
    int or None
        Ms of aiokafka's clock; -1 = not yet; None = there are no partitions.
    """
    return max(_answers(consumer, partitions), default=None)


def _answers(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> Iterator[int]:
    for where in list(partitions):
        try:
            heard: int | None = consumer.last_poll_timestamp(where)
        except (IllegalStateError, AssertionError):
            continue  # taken away meanwhile
        yield -1 if heard is None else heard
