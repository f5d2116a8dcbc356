"""The largest record that each topic accepts.

A broker refuses larger records, and a refused record ends the process, again at every
start. So the limits are read before anything else, and nothing is written that does not
fit: a decision quotes less of its facts, a dead letter is cut.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient

from streams.kafka.topic_admin import configs

DEFAULT_BYTES: Final = 1_048_588
"""Default ``max.message.bytes``; also used when the broker does not send the limit."""
LEAST_BYTES: Final = 131_072
"""With less, a decision with the longest ids and names does not fit."""
_FRAMING_BYTES: Final = 128
"""Overhead of a batch with one record, beside key, value and headers."""
_OWN_BYTES: Final = 4_096
"""Reserve beside a decision: its headers, and the additions of its follow-up."""


class Room(msgspec.Struct, frozen=True, gc=False):
    """``max.message.bytes`` by topic."""

    told: Mapping[str, int] = {}

    def of(self, topic: str) -> int:
        """Return the largest record of a topic, bytes, including key and headers."""
        return self.told.get(topic, DEFAULT_BYTES) - _FRAMING_BYTES

    def decision(self, topics: Iterable[str]) -> int:
        """Return how many bytes of key, value and headers fit all of these topics."""
        return min(self.of(topic) for topic in topics) - _OWN_BYTES

    def batch(self) -> int:
        """Return the largest batch, bytes, that every topic accepts."""
        return min(self.told.values(), default=DEFAULT_BYTES)

    def problems(self) -> Iterator[str]:
        """Yield a line for each topic whose limit is too small."""
        for topic, most in self.told.items():
            if most < LEAST_BYTES:
                yield (
                    f"{topic}: max.message.bytes={most}, too small for decisions and "
                    f"dead letters; set it to {LEAST_BYTES} or more"
                )


async def look(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> Room:
    """Ask for the limits of topics; the default where the brokers do not send one.

    Raises
    ------
    KafkaError
        The brokers do not answer.
    """
    names = list(topics)
    found = await configs(admin, names)
    told = {
        name: int(found.get(name, {}).get("max.message.bytes", DEFAULT_BYTES))
        for name in names
    }
    return Room(told)
