"""``refund replay --verify``: recompute recorded decisions, byte for byte.

A decision record holds everything that the rules read, so the same policy must give the
same bytes. The first byte that differs is named.
"""

from collections.abc import Iterator
from typing import Final, TextIO

import msgspec

from streams.errors import UsageError
from streams.families.fast_refund.decide import judge_again
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policies, Policy
from streams.processing.policies.policy import full_name
from streams.records.notices import FOLLOW_UP_SUFFIX
from streams.tools.capture.record import Captured
from streams.tools.capture.store import DECISIONS, Capture
from streams.tools.policy_records import policies_of
from streams.tools.progress import Progress

_SHOWN_BYTES: Final = 24


class Difference(msgspec.Struct, frozen=True):
    """The first byte at which a recorded decision differs from the recomputed one."""

    place: str
    """``TOPIC partition P offset O``."""
    decision_id: str
    byte: int
    """Position in the recorded value, from 0."""
    recorded: str
    """The recorded text from that byte on, for people."""
    computed: str


class Verified(msgspec.Struct):
    """The result of a verification."""

    same: int = 0
    follow_ups: int = 0
    """Reviews of failed payouts: they record an event and are not judged."""
    unseen: int = 0
    """Records without ``seen``."""
    difference: Difference | None = None

    @property
    def passed(self) -> bool:
        """Whether at least one decision was recomputed and all are equal."""
        return self.difference is None and self.same > 0


def verify(capture: Capture, base: Policy, out: TextIO) -> Verified:
    """Recompute every decision until one differs.

    Parameters
    ----------
    base
        The policy of the file; versions in the capture extend it.
    out
        Shows the progress.

    Raises
    ------
    UsageError
        The capture holds no decisions, or a policy that they name is missing.
    """
    policies = policies_of(capture, base)
    found = Verified()
    total = sum(part.records for part in capture.parts(DECISIONS))
    with Progress(out, "verified", total) as progress:
        for number, record in enumerate(_decisions(capture), start=1):
            if record.value:
                _verify_one(record, record.value, policies, found)
            if found.difference is not None:
                break
            progress.reach(number)
    return found


def _decisions(capture: Capture) -> Iterator[Captured]:
    names = [name for name in DECISIONS if capture.spans(name)]
    if not names:
        raise UsageError(
            [
                (
                    f"{capture.folder}: holds no decisions; capture the topics approvals, "
                    "reviews, skipped and policies"
                )
            ]
        )
    for name in names:
        for span in capture.spans(name):
            yield from capture.partition(name, span.partition)


def _verify_one(
    record: Captured, value: bytes, policies: Policies, found: Verified
) -> None:
    place = f"{record.topic} partition {record.partition} offset {record.offset}"
    try:
        decision = decode_decision(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        found.difference = Difference(place, "-", 0, _shown(value, 0), str(problem))
        return
    if decision.decision_id.endswith(FOLLOW_UP_SUFFIX):
        found.follow_ups += 1
        return
    if decision.seen is None:
        found.unseen += 1
        return
    policy = _policy_of(decision, policies, place)
    computed = encode_decision(judge_again(decision, policy))
    at = first_difference(value, computed)
    if at is None:
        found.same += 1
        return
    found.difference = Difference(
        place, decision.decision_id, at, _shown(value, at), _shown(computed, at)
    )


def _policy_of(decision: Decision, policies: Policies, place: str) -> Policy | None:
    if decision.policy is None:
        return None
    policy = policies.named(decision.policy, decision.policy_hash)
    if policy is None:
        under = full_name(decision.policy, decision.policy_hash)
        raise UsageError(
            [
                (
                    f"{place}: {decision.decision_id} was decided under {under}, "
                    "which is neither in the capture nor the file: "
                    "name its file with --policy"
                )
            ]
        )
    return policy


def first_difference(one: bytes, other: bytes) -> int | None:
    """Return the first position at which two values differ; None = equal."""
    if one == other:
        return None
    pairs = zip(one, other, strict=False)
    shorter = min(len(one), len(other))
    return next((at for at, (a, b) in enumerate(pairs) if a != b), shorter)


def _shown(value: bytes, at: int) -> str:
    return value[at : at + _SHOWN_BYTES].decode(errors="replace") or "(its end)"
