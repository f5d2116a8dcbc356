"""What a family needs of state and timers, in a few lines: tickets that nobody closed."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from streams.processing.applied import NOTHING, PARTITION, Result
from streams.processing.event_time import EventTime
from streams.processing.state import MemoryState
from streams.processing.timers import DueTime, Timer, Timers
from streams.processing.watermarks import WATERMARK_KEY, Watermarks
from testkit import samples

REMIND_AFTER_MS = 1_000
MINUTE_MS = 60_000


class Ticket(msgspec.Struct, frozen=True):
    ticket_id: str
    shop_id: str
    opened_ms: int
    closed: bool = False


def due_of(ticket: Ticket) -> int | None:
    """Return when its shop is reminded: a function of the state and of nothing else."""
    return None if ticket.closed else ticket.opened_ms + REMIND_AFTER_MS


class Tickets(MemoryState[Ticket]):
    """One partition of tickets."""

    def __init__(self) -> None:
        super().__init__()
        self.timers = Timers("TK", self.noted)
        self.marks = Watermarks()
        self.time = EventTime(self.marks)

    def take(self, ticket: Ticket) -> None:
        self.put(ticket.ticket_id, ticket, ticket.shop_id)
        self.timers.put("remind", ticket.ticket_id, due_of(ticket))

    def watermark(self, moment_ms: int, now_ms: int) -> Result:
        refused = self.marks.apply(WATERMARK_KEY, samples.watermark(moment_ms))
        is_due = self.timers.is_due(self.time.advance(now_ms))
        return refused or (PARTITION if is_due else NOTHING)

    def restore(self, tickets: Iterable[Ticket], written: Iterable[str]) -> None:
        for ticket in tickets:
            self.put(ticket.ticket_id, ticket, ticket.shop_id)
        for identity in written:
            self.note(identity)
        self.timers.rebuild(self.called_for())

    def called_for(self) -> Iterator[DueTime]:
        for ticket_id, ticket in self.items():
            due_ms = due_of(ticket)
            if due_ms is not None:
                yield "remind", ticket_id, due_ms


def reconcile(state: Tickets, now_ms: int) -> Iterator[Timer]:
    """Yield what is due; the machinery sends it and notes its id, one by one."""
    yield from state.timers.due(state.time.advance(now_ms))


def written_by(state: Tickets) -> Sequence[str]:
    found = []
    for output in reconcile(state, MINUTE_MS):
        state.note(output.identity)
        found.append(output.identity)
    return found


def test_a_shop_is_reminded_of_an_open_ticket_and_not_of_a_closed_one() -> None:
    state = Tickets()
    state.take(Ticket("a", "s-1", 0))
    state.take(Ticket("b", "s-1", 0))
    state.take(Ticket("b", "s-1", 0, closed=True))
    assert written_by(state) == []  # no watermark, no event time
    assert state.watermark(999, MINUTE_MS) is NOTHING
    assert written_by(state) == []
    assert state.watermark(1_000, MINUTE_MS) is PARTITION
    assert written_by(state) == ["remind:TK:a:1000"]
    assert state.watermark(2_000, MINUTE_MS) is NOTHING
    assert written_by(state) == []
    assert [one.closed for one in state.of_group("s-1")] == [False, True]


def test_after_a_kill_what_was_due_is_late_what_was_written_is_not_written_again() -> (
    None
):
    before = [Ticket("a", "s-1", 0), Ticket("b", "s-2", 0), Ticket("c", "s-2", 9_000)]
    state = Tickets()
    state.restore(before, written=["remind:TK:a:1000"])
    state.watermark(5_000, MINUTE_MS)
    assert written_by(state) == ["remind:TK:b:1000"]
    state.watermark(10_000, MINUTE_MS)
    assert written_by(state) == ["remind:TK:c:10000"]


def test_a_second_delivery_is_answered_with_the_first_decision() -> None:
    state = Tickets()
    first = state.remember("a", b'{"opened":true}')
    assert state.remember("a", b'{"opened":false}') == first
    assert state.rows() == {"rows": 0, "decisions": 1, "notices": 0}
