"""What a family needs of state and timers, in a few lines: tickets that nobody closed."""

from collections.abc import Iterable, Sequence

import msgspec

from streams.processing.event_time import EventTime
from streams.processing.state import MemoryState
from streams.processing.timers import DueTime, Timers
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


class Tickets:
    """One partition of tickets."""

    def __init__(self) -> None:
        self.state = MemoryState[Ticket]()
        self.timers = Timers("TK", self.state)
        self.marks = Watermarks()
        self.time = EventTime(self.marks)

    def take(self, ticket: Ticket) -> None:
        self.state.put(ticket.ticket_id, ticket, ticket.shop_id)
        self.timers.put("remind", ticket.ticket_id, due_of(ticket))

    def restore(self, tickets: Iterable[Ticket], written: Iterable[str]) -> None:
        for ticket in tickets:
            self.state.put(ticket.ticket_id, ticket, ticket.shop_id)
        for identity in written:
            self.state.note(identity)
        self.timers.rebuild(self.called_for())

    def called_for(self) -> Iterable[DueTime]:
        for ticket_id, ticket in self.state.items():
            due_ms = due_of(ticket)
            if due_ms is not None:
                yield "remind", ticket_id, due_ms

    def reconcile(self, now_ms: int) -> Sequence[str]:
        return [one.identity for one in self.timers.due(self.time.advance(now_ms))]

    def written_to(self, moment_ms: int) -> None:
        self.marks.apply(WATERMARK_KEY, samples.watermark(moment_ms))


def test_a_shop_is_reminded_of_an_open_ticket_and_not_of_a_closed_one() -> None:
    tickets = Tickets()
    tickets.take(Ticket("a", "s-1", 0))
    tickets.take(Ticket("b", "s-1", 0))
    tickets.take(Ticket("b", "s-1", 0, closed=True))
    assert tickets.reconcile(MINUTE_MS) == []  # no watermark, no event time
    tickets.written_to(999)
    assert tickets.reconcile(MINUTE_MS) == []
    tickets.written_to(1_000)
    assert tickets.reconcile(MINUTE_MS) == ["remind:TK:a:1000"]
    assert tickets.reconcile(MINUTE_MS) == []
    assert [one.closed for one in tickets.state.of_group("s-1")] == [False, True]


def test_after_a_kill_what_was_due_is_late_what_was_written_is_not_written_again() -> (
    None
):
    before = [Ticket("a", "s-1", 0), Ticket("b", "s-2", 0), Ticket("c", "s-2", 9_000)]
    tickets = Tickets()
    tickets.restore(before, written=["remind:TK:a:1000"])
    tickets.written_to(5_000)
    assert tickets.reconcile(MINUTE_MS) == ["remind:TK:b:1000"]
    tickets.written_to(10_000)
    assert tickets.reconcile(MINUTE_MS) == ["remind:TK:c:10000"]


def test_a_second_delivery_is_answered_with_the_first_decision() -> None:
    tickets = Tickets()
    first = tickets.state.remember("a", b'{"opened":true}')
    assert tickets.state.remember("a", b'{"opened":false}') == first
    assert tickets.state.rows()["decisions"] == 1
