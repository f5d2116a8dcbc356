"""The topics of one family as brokers know them: full names and partitions."""

from collections.abc import Mapping

from aiokafka import TopicPartition

from streams.processing.topics import FamilyTopics
from streams.settings import Settings
from streams.settings.topics import placed


class FamilyNames:
    """Translates between registry rows and the topics of an installation."""

    def __init__(self, topics: FamilyTopics, settings: Settings) -> None:
        there = {one.row.name: one for one in placed(topics.rows(), settings)}
        self._whole = {name: one.name for name, one in there.items()}
        self._short = {one.name: name for name, one in there.items()}
        self.input = self._whole[topics.input.name]
        self.partitions = there[topics.input.name].partitions
        self.dead_letters = self._whole[topics.outputs[-1].name]
        self.policies = TopicPartition(self._whole[topics.shared_facts[-1].name], 0)
        """The one partition of the policies."""
        self.dated = self._optional(topics.dated)
        """The fact topic whose reads to the end are dated; None = no topic."""
        self.audited = self._optional(topics.audited)
        """The fact topic whose loaded rows are checked; None = no topic."""
        self._facts = [self._whole[row.name] for row in topics.facts]
        self._shared = {
            self._whole[row.name]: there[row.name].partitions
            for row in topics.shared_facts
        }
        self._outputs_of: dict[int, dict[str, TopicPartition]] = {}
        self._outputs = [row.name for row in topics.outputs]
        self._compacted = {
            one.name for one in there.values() if one.row.retention.cleanup == "compact"
        }

    def _optional(self, name: str | None) -> str | None:
        return None if name is None else self._whole[name]

    def whole(self, name: str) -> str:
        """Return the full name of a topic, as brokers know it."""
        return self._whole[name]

    def short(self, topic: str) -> str:
        """Return the row name of a topic."""
        return self._short[topic]

    def fact_names(self) -> tuple[str, ...]:
        """Return the full names of the fact topics."""
        return (*self._facts, *self._shared)

    def output_names(self) -> tuple[str, ...]:
        """Return the full names of the output topics."""
        return tuple(self._whole[name] for name in self._outputs)

    def owned(self, number: int) -> tuple[TopicPartition, ...]:
        """Return the fact partitions that belong to one input partition."""
        return tuple(TopicPartition(name, number) for name in self._facts)

    def shared(self) -> tuple[TopicPartition, ...]:
        """Return the fact partitions that every worker reads."""
        return tuple(
            TopicPartition(name, number)
            for name, count in self._shared.items()
            for number in range(count)
        )

    def shared_partitions(self, topic: str) -> int:
        """Return how many partitions a shared fact topic has."""
        return self._shared[topic]

    def outputs(self, number: int) -> Mapping[str, TopicPartition]:
        """Return the output partitions of one input partition, by row name."""
        found = self._outputs_of.get(number)
        if found is None:
            found = self._outputs_of[number] = {
                name: TopicPartition(self._whole[name], number)
                for name in self._outputs
            }
        return found

    def is_compacted(self, topic: str) -> bool:
        """Whether only compaction removes records of a topic."""
        return topic in self._compacted
