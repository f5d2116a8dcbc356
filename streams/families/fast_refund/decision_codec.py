"""Encode and decode decision records: for judging, for the output scan and for tools."""

from typing import Final, TypeVar

import msgspec

from streams.families.fast_refund.decide import PASSED
from streams.families.fast_refund.decision_history import APPROVED, Entry
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.request_marks import mark_of_decision
from streams.records.plain_json import NoJsonError, parse

T = TypeVar("T")

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Decision)


class _SeenAction(msgspec.Struct, gc=False):
    action: str | None = None


class _Written(msgspec.Struct, gc=False):
    decision_id: str
    refund_id: str
    refund_version: int | None
    order_id: str | None
    buyer_id: str | None
    disposition: str
    outcome: str | None
    decided_at_ms: int
    refund_fen: int | None
    reason_codes: tuple[str, ...]
    seen: _SeenAction | None = None
    policy: str | None = None
    policy_hash: str | None = None


_WRITTEN: Final = msgspec.json.Decoder(_Written)

encode_decision = _ENCODER.encode
"""Encode a decision; the same decision gives the same bytes."""


def decode_decision(value: bytes) -> Decision:
    """Decode a whole decision record.

    Raises
    ------
    msgspec.DecodeError
        It is not our record.
    """
    return _read(_DECODER, Decision, value)


def _read(decoder: "msgspec.json.Decoder[T]", kind: type[T], value: bytes) -> T:
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as problem:
        # A negative integer of 4,300 digits can be encoded, but the fast decoder
        # refuses it.
        try:
            return msgspec.convert(parse(value), kind)
        except NoJsonError:
            raise problem from None


class Recovered(msgspec.Struct, frozen=True, gc=False):
    """A decision read back from an output topic."""

    decision_id: str
    entry: Entry
    policy: tuple[str, str | None] | None
    """Name and hash of the policy that judged; None = none was in force. Records of version
    0.1.0 have no hash."""

    @property
    def decided_at_ms(self) -> int:
        """Return when it was made, UTC ms."""
        return self.entry.decided_at_ms

    @property
    def rank(self) -> int:
        """Return 0 for an approval: it moves money, so of two answers to one offset it counts."""
        return int(self.entry.outcome != APPROVED)

    def mark(self, key: bytes | None) -> int:
        """Return the mark of the request that the decision answers."""
        entry = self.entry
        return mark_of_decision(
            key, entry.refund_id, entry.version, withdraws=entry.withdraws
        )


def recover(value: bytes) -> Recovered | None:
    """Decode what the partition state needs of a decision; None when it is not ours."""
    try:
        found = _read(_WRITTEN, _Written, value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    verdict = found.disposition, found.outcome, found.reason_codes
    if verdict == PASSED:
        verdict = PASSED  # one shared object for nearly all
    disposition, outcome, reason_codes = verdict
    return Recovered(
        found.decision_id,
        Entry(
            found.refund_id,
            found.refund_version,
            found.order_id,
            found.buyer_id,
            disposition,
            outcome,
            found.decided_at_ms,
            found.refund_fen,
            found.seen is not None and found.seen.action == "withdraw",
            reason_codes,
            value,
        ),
        None if found.policy is None else (found.policy, found.policy_hash),
    )
