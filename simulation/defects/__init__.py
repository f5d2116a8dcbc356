"""Defects planted into the product, to see whether the simulation finds them."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

from simulation.defects import clients, committing, facts, notices, outputs, timers
from simulation.defects.planting import Defect

_ONCE: Final = "each request gets one answer"
_NOTICED: Final = "a notice is written once"

DEFECTS: Final[Mapping[str, Defect]] = {
    "ownership-unchecked": Defect(
        plant=committing.ownership_unchecked,
        breaks="only the owner of a partition judges its requests",
        expected=frozenset(
            {
                "exit_code:a_failure_has_a_reason",
                "doubled:every_offset_is_answered_once",
            }
        ),
    ),
    "watermark-before-its-data": Defect(
        plant=facts.watermark_before_its_data,
        breaks="a watermark vouches only for what was applied",
        expected=frozenset(
            {
                "unjust:facts_were_loaded",
                "unjust:codes_hold",
                "unjust:approvals_are_just",
            }
        ),
    ),
    "commit-before-acknowledgement": Defect(
        plant=committing.commit_before_acknowledgement,
        breaks="a committed offset stands behind acknowledged answers",
        expected=frozenset({"commit_ahead:commits_stay_behind"}),
    ),
    "offset-one-too-far": Defect(
        plant=committing.offset_one_too_far,
        breaks="no request is lost",
        expected=frozenset(
            {"commit_ahead:commits_stay_behind", "lost:every_offset_is_answered"}
        ),
    ),
    "answered-offsets-forgotten": Defect(
        plant=outputs.answered_offsets_forgotten,
        breaks=_ONCE,
        expected=frozenset({"doubled:every_offset_is_answered_once"}),
    ),
    "sink-goes-on": Defect(
        plant=outputs.sink_goes_on,
        breaks="no request is lost",
        expected=frozenset(
            {"commit_ahead:commits_stay_behind", "lost:every_offset_is_answered"}
        ),
        matters=outputs.loses_batches,
    ),
    "notice-without-its-id": Defect(
        plant=notices.notice_without_its_id,
        breaks=_NOTICED,
        expected=frozenset({"notice_doubled:notices_are_written_once"}),
    ),
    "notice-forgotten-at-takeover": Defect(
        plant=notices.notice_forgotten_at_takeover,
        breaks=_NOTICED,
        expected=frozenset({"notice_doubled:notices_are_written_once"}),
    ),
    "notice-not-noted": Defect(
        plant=notices.notice_not_noted,
        breaks=_NOTICED,
        expected=frozenset({"notice_doubled:notices_are_written_once"}),
    ),
    "aborted-requests-read": Defect(
        plant=clients.aborted_requests_read,
        breaks="an aborted request is no request",
        expected=frozenset({"unasked:every_offset_is_answered"}),
        matters=clients.asks_in_transactions,
    ),
    "timer-fired-twice": Defect(
        plant=timers.timer_fired_twice,
        breaks="a timer fires once",
        expected=frozenset({"notice_doubled:reminders_are_written_once"}),
        matters=timers.has_timers,
    ),
    "clients-stopped-in-turn": Defect(
        plant=clients.clients_stopped_in_turn,
        breaks="a stop closes every connection and ends with its exit code",
        expected=frozenset(
            {"exit_code:all_clients_are_closed", "exit_code:a_stop_is_clean"}
        ),
    ),
}
"""Name -> a defect."""


@contextlib.contextmanager
def planted(name: str | None) -> Iterator[None]:
    """Run with a defect of this name; None = with none."""
    if name is None:
        yield
        return
    with DEFECTS[name].plant():
        yield
