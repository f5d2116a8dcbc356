"""Output records as the oracles read them: no reader of the product takes part."""

from collections.abc import Sequence
from typing import Final

import msgspec

from faults.judge.view import Place, Rec, answered_place

FOLLOW_UP: Final = ":refund_failed"
"""End of the id of the review that a failed payout opens."""


class _Seen(msgspec.Struct, gc=False):
    action: object = None


class _Decision(msgspec.Struct, gc=False):
    decision_id: str
    refund_id: str
    payout_key: str | None
    seen: _Seen | None = None


class _Notice(msgspec.Struct, gc=False):
    notice_id: str
    kind: str
    decision_id: str | None


_RACES: Final = ("race_detected", "ship_after_refund")
"""Both tell how one race ended, so only one of them may be written."""
_DECISION: Final = msgspec.json.Decoder(_Decision)
_NOTICE: Final = msgspec.json.Decoder(_Notice)


class Written(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One output record; each is equal to itself only."""

    rec: Rec
    stale: bool
    """Whether its writer did not own the partition when the broker appended it."""
    answers: Place | None = None
    """The input offset it says it answers; None = something else."""
    identity: tuple[str, bool] | None = None
    """Decision id and whether it answers a withdrawal; of a notice its id; None = a
    dead letter."""
    refund_id: str = ""
    payout_key: str | None = None
    told: tuple[str, str] | None = None
    """Of a notice: what it tells of which decision."""

    @property
    def lane(self) -> tuple[str, int]:
        """Topic, without the prefix, and partition."""
        return self.rec.topic, self.rec.partition

    def says(self, other: "Written") -> bool:
        """Whether both have one content; a second dead letter has another moment."""
        mine, its = self.rec, other.rec
        return (mine.topic, mine.value) == (its.topic, its.value)


def decision(rec: Rec, input_topic: str, *, stale: bool) -> Written:
    """Read a decision.

    Raises
    ------
    ValueError
        It is none.
    """
    found = _DECISION.decode(rec.value or b"")
    withdraws = found.seen is not None and found.seen.action == "withdraw"
    return Written(
        rec=rec,
        stale=stale,
        answers=answered_place(rec, input_topic),
        identity=(found.decision_id, withdraws),
        refund_id=found.refund_id,
        payout_key=found.payout_key,
    )


def letter(rec: Rec, input_topic: str, *, stale: bool) -> Written:
    """Read a dead letter; one of a fact answers nothing."""
    return Written(rec=rec, stale=stale, answers=answered_place(rec, input_topic))


def notice(rec: Rec, *, stale: bool) -> Written:
    """Read a notice.

    Raises
    ------
    ValueError
        It is none.
    """
    found = _NOTICE.decode(rec.value or b"")
    told = None
    if found.decision_id is not None:
        kind = "race" if found.kind in _RACES else found.kind
        told = kind, found.decision_id
    identity = found.notice_id, False
    return Written(rec=rec, stale=stale, identity=identity, told=told)


def first_other(known: Sequence[Written], one: Written) -> Written | None:
    """Return the first of the records known that does not say the same."""
    return next((other for other in known if not one.says(other)), None)
