"""Notices: events around a decision, never the decision itself.

Their ids are built from the decision, so that a notice that is already written is not
written again.
"""

from typing import Final

import msgspec

FOLLOW_UP_SUFFIX: Final = ":refund_failed"
"""Suffix of the decision id of the review that a failed payout opens (case 72)."""


class Notice(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One record of ``refund.notices``."""

    notice_id: str
    kind: str
    """``race_detected``, ``ship_after_refund``, ``loss_recorded``,
    ``withdrawn_after_approval`` or ``merchant_switch_ignored``."""
    decision_id: str | None
    refund_id: str | None
    order_id: str | None
    shop_id: str | None
    noticed_at_ms: int
    gap_ms: int | None = None
    """Never negative: how long before the decision (``race_detected``) or after it
    (``ship_after_refund``) the goods left."""
    basis: str | None = None
    """The time that it is based on: ``picked_up``, ``first_trace``, ``shipped``,
    ``unknown``."""
    handed_over_at_ms: int | None = None
    bearer: str | None = None
    """Who bears the loss: ``merchant`` (FR-1.6a)."""
    amount_fen: int | None = None
    text_zh: str | None = None
    text_en: str | None = None


class _Id(msgspec.Struct, gc=False):
    notice_id: str


_ENCODER: Final = msgspec.json.Encoder()
_ID: Final = msgspec.json.Decoder(_Id)

encode_notice = _ENCODER.encode
"""Encode a notice."""


def recover_notice(value: bytes) -> str | None:
    """Return the id of a notice that was read back; None when it is not ours."""
    try:
        return _ID.decode(value).notice_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
