"""How large a record each topic takes.

A broker refuses what is larger, and a record that is refused ends the process, again at
every start. So the topics are asked before anything is read, and nothing is written that
does not fit: a decision quotes less, a dead letter is cut.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient

from streams.kafka.topic_admin import configs

DEFAULT_BYTES: Final = 1_048_588
"""``max.message.bytes`` of a topic that says nothing else, and of one that is not told."""
LEAST_BYTES: Final = 131_072
"""With less no decision has room for the longest ids and names."""
_FRAMING_BYTES: Final = 128
"""Of a batch with one record, above key, value and headers."""
_OWN_BYTES: Final = 4_096
"""Above a decision: its headers, and what its follow-up says more."""


class Room(msgspec.Struct, frozen=True, gc=False):
    """``max.message.bytes`` by topic."""

    told: Mapping[str, int] = {}

    def of(self, topic: str) -> int:
        """Return how many bytes a record of a topic may have, key and headers included."""
        return self.told.get(topic, DEFAULT_BYTES) - _FRAMING_BYTES

    def decision(self, topics: Iterable[str]) -> int:
        """Return how many bytes of key, value and headers fit every one of the topics."""
        return min(self.of(topic) for topic in topics) - _OWN_BYTES

    def batch(self) -> int:
        """Return how many bytes of a batch every topic takes."""
        return min(self.told.values(), default=DEFAULT_BYTES)

    def problems(self) -> Iterator[str]:
        """Yield a line for each topic that takes too little."""
        for topic, most in self.told.items():
            if most < LEAST_BYTES:
                yield (
                    f"{topic}: max.message.bytes={most}, decisions and dead letters "
                    f"would not fit; set it to {LEAST_BYTES} or more"
                )


async def look(admin: AIOKafkaAdminClient, topics: Iterable[str]) -> Room:
    """Ask how much topics take; one that the brokers do not tell has the default.

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
