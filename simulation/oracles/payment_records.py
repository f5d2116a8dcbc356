"""Records of the second family as its oracle reads them: no reader of the family takes part."""

from typing import Final

import msgspec

from faults.judge.view import Place, Rec

INPUT: Final = "payments"
DECISIONS: Final = "payment-decisions"
REMINDERS: Final = "payment-reminders"
REMIND_AFTER_MS: Final = 1_000
"""After which a timer reminds of a payment that waits for a person."""


class Payment(msgspec.Struct, frozen=True):
    """A record of the input."""

    payment_id: str
    amount_fen: int
    at_ms: int


class Decision(msgspec.Struct, frozen=True):
    """What the family says of a payment."""

    decision_id: str
    outcome: str
    reason_codes: tuple[str, ...]


class Reminder(msgspec.Struct, frozen=True):
    """The output of a timer."""

    notice_id: str
    payment_id: str
    due_ms: int


class Asked(msgspec.Struct, frozen=True):
    """A payment in the log."""

    rec: Rec
    payment: Payment

    @property
    def place(self) -> Place:
        """Input partition and offset."""
        return self.rec.partition, self.rec.offset

    @property
    def name(self) -> str:
        """The place, as a person reads it."""
        return f"{INPUT}/{self.rec.partition}@{self.rec.offset}"

    @property
    def decision_id(self) -> str:
        """Id of the decision on it."""
        return f"TF:{self.payment.payment_id}"

    @property
    def reminder_id(self) -> str:
        """Id of the reminder of it, if it waits for a person."""
        return f"remind:{self.decision_id}:{self.payment.at_ms + REMIND_AFTER_MS}"


class Decided(msgspec.Struct, frozen=True):
    """A decision in the log."""

    rec: Rec
    decision: Decision
    answers: Place | None
    stale: bool


class Reminded(msgspec.Struct, frozen=True):
    """A reminder in the log."""

    rec: Rec
    reminder: Reminder
    stale: bool
