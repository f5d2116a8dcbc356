"""What is remembered of one decision, and of what became of its refund."""

from typing import Final, TypeAlias

import msgspec

from streams.families.fast_refund.fast_record import Approval

APPROVED: Final = "auto_approve"


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One decision made."""

    refund_id: str
    version: int | None
    order_id: str | None
    buyer_id: str | None
    disposition: str
    outcome: str | None
    decided_at_ms: int
    refund_fen: int | None
    withdraws: bool
    """The record was a withdrawal, not a request for money."""
    reason_codes: tuple[str, ...]
    value: bytes
    """The decision record as written: what a second delivery gets again."""


Remembered: TypeAlias = Entry | Approval
"""A plain approval is remembered as it is: it tells all that an entry does."""


class Fate(msgspec.Struct, frozen=True, gc=False):
    """What ``refund.outcomes`` said of one refund, the last word of each kind."""

    payout: str | None = None
    """``payout_succeeded`` or ``payout_failed``."""
    payout_at_ms: int | None = None
    review: str | None = None
    """``approved`` or ``rejected``, by a person."""
    source_offset: int = -1
    """Where the payout was told; names the follow-up's origin."""

    @property
    def failed(self) -> bool:
        """Whether the payout failed, and no later one succeeded."""
        return self.payout == "payout_failed"


UNKNOWN_FATE: Final = Fate()
"""Nothing was said of a refund yet."""
