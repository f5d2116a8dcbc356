"""Actions on topics and their logs; topics without the prefix."""

from typing import TypeAlias

from typing_extensions import override

from simulation.actions.base import At, span


class CompactTopic(At, frozen=True, kw_only=True):
    """The cleaner runs over all partitions of a compacted topic."""

    topic: str

    @override
    def told(self) -> str:
        return f"{self.topic} is compacted"


class DeleteDecided(At, frozen=True, kw_only=True):
    """Retention deletes the requests of a partition up to the group's committed offset."""

    partition: int

    @override
    def told(self) -> str:
        return f"requests/{self.partition}: what is decided and committed is deleted"


class ForeignTransaction(At, frozen=True, kw_only=True):
    """Somebody else's transaction is open on a partition, and ends only later."""

    topic: str
    partition: int
    for_ms: int
    commit: bool

    @override
    def told(self) -> str:
        end = "committed" if self.commit else "aborted"
        return (
            f"a foreign transaction is open on {self.topic}/{self.partition}, "
            f"{end} after {span(self.for_ms)}"
        )


class ExpireProducers(At, frozen=True, kw_only=True):
    """Brokers forget the state of all idempotent producers."""

    @override
    def told(self) -> str:
        return "brokers forget all producer ids"


class RecreateTopic(At, frozen=True, kw_only=True):
    """A topic is deleted and created again: same name, another id, empty logs."""

    topic: str

    @override
    def told(self) -> str:
        return f"{self.topic} is deleted and created again"


class AddPartitions(At, frozen=True, kw_only=True):
    """A topic gets partitions; keys belong elsewhere now."""

    topic: str
    more: int

    @override
    def told(self) -> str:
        return f"{self.topic} gets {self.more} partitions more"


class TruncateLog(At, frozen=True, kw_only=True):
    """The end of a log is lost."""

    topic: str
    partition: int
    records: int
    """So many at most."""

    @override
    def told(self) -> str:
        return f"{self.topic}/{self.partition} loses its last {self.records} records"


class UncleanElection(At, frozen=True, kw_only=True):
    """A replica that is behind becomes leader; what it lacks is lost."""

    topic: str
    partition: int
    records: int
    """So many it lacks at most."""

    @override
    def told(self) -> str:
        return (
            f"{self.topic}/{self.partition} is led by a replica that lacks "
            f"{self.records} records"
        )


TopicAction: TypeAlias = (
    CompactTopic
    | DeleteDecided
    | ForeignTransaction
    | ExpireProducers
    | RecreateTopic
    | AddPartitions
    | TruncateLog
    | UncleanElection
)
