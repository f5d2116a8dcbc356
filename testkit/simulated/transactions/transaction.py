"""A transactional id and its transaction, as their coordinator keeps them."""

from enum import StrEnum
from typing import Final

from aiokafka.structs import TopicPartition

from testkit.simulated.error_codes import ErrorCode, RefusedError
from testkit.simulated.timers import Timers

NO_EPOCH: Final = -1
LAST_EPOCH: Final = 32_766
"""One less than the highest: the highest stays free for a fence."""


class State(StrEnum):
    """Where a transaction is."""

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"


ENDING: Final = (State.PREPARE_COMMIT, State.PREPARE_ABORT)


class Transaction:
    """What one transactional id is about."""

    def __init__(self, transactional_id: str, producer_id: int, timers: Timers) -> None:
        self.transactional_id = transactional_id
        self.producer_id = producer_id
        self.epoch = NO_EPOCH
        self.timeout_ms = 0
        self.state = State.EMPTY
        self.partitions: dict[TopicPartition, None] = {}
        self.groups: dict[str, None] = {}
        """Groups whose offsets are part of the transaction."""
        self.started_ms = 0
        self.timers = timers

    def check_producer(self, producer_id: int, epoch: int) -> None:
        """Refuse a producer that is not the current one."""
        if producer_id != self.producer_id:
            raise RefusedError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        if epoch != self.epoch:
            raise RefusedError(ErrorCode.PRODUCER_FENCED)

    def check_not_ending(self) -> None:
        """Refuse what has to wait until the markers are written."""
        if self.state in ENDING:
            raise RefusedError(ErrorCode.CONCURRENT_TRANSACTIONS)

    def begin(self, now_ms: int) -> bool:
        """Be ongoing; tell whether the transaction begins only now."""
        if self.state is State.ONGOING:
            return False
        self.state = State.ONGOING
        self.started_ms = now_ms
        return True

    def check_end(self, *, commit: bool) -> bool:
        """Tell whether the end has come before; refuse one that cannot come."""
        done = State.COMPLETE_COMMIT if commit else State.COMPLETE_ABORT
        ending = State.PREPARE_COMMIT if commit else State.PREPARE_ABORT
        if self.state is done:
            return True
        if self.state is ending:
            raise RefusedError(ErrorCode.CONCURRENT_TRANSACTIONS)
        if self.state is not State.ONGOING:
            raise RefusedError(ErrorCode.INVALID_TXN_STATE)
        return False

    def prepare(self, *, commit: bool) -> None:
        """Decide how the transaction ends; the markers follow."""
        self.state = State.PREPARE_COMMIT if commit else State.PREPARE_ABORT

    def complete(self) -> None:
        """Have all markers written."""
        committed = self.state is State.PREPARE_COMMIT
        self.state = State.COMPLETE_COMMIT if committed else State.COMPLETE_ABORT
        self.partitions.clear()
        self.groups.clear()
