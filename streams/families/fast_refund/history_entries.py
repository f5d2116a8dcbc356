"""What is remembered of one decision and of the fate of its refund."""

from typing import Final, TypeAlias

import msgspec

from streams.families.fast_refund.fast_record import Approval

APPROVED: Final = "auto_approve"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One decision."""

    refund_id: str
    version: int | None
    order_id: str | None
    buyer_id: str | None
    disposition: str
    outcome: str | None
    decided_at_ms: int
    refund_fen: int | None
    withdraws: bool
    """True = the record was a withdrawal, not a request for money."""
    reason_codes: tuple[str, ...]
    value: bytes
    """The decision record as written; a second delivery is answered with it."""


Remembered: TypeAlias = Entry | Approval
"""A plain approval is kept in its own form, with the attributes of an entry."""


class Fate(msgspec.Struct, frozen=True, gc=False):
    """The fate of one refund by ``refund.outcomes``: the last record of each kind."""

    payout: str | None = None
    """``payout_succeeded`` or ``payout_failed``."""
    payout_at_ms: int | None = None
    review: str | None = None
    """``approved`` or ``rejected``, by a person."""
    source_offset: int = -1
    """Offset of the payout record; the origin of the follow-up."""

    @property
    def failed(self) -> bool:
        """Whether the payout failed, and no later one succeeded."""
        return self.payout == "payout_failed"


UNKNOWN_FATE: Final = Fate()
"""No record on the refund yet."""
