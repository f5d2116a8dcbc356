"""What the second family must not do: answers to payments, and reminders by a timer.

It shares nothing with the family but names of topics, the time after which a timer
reminds, and the bound of its policy. The logs are short, so every question is asked of all
records. A **stale** writer may repeat, as :mod:`simulation.oracles.answers` says.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from typing_extensions import override

from faults.judge.view import Rec, answered_place
from simulation.oracles import logs
from simulation.oracles.finding import Problem
from simulation.oracles.ownership import Ownership
from simulation.oracles.payment_records import (
    DECISIONS,
    INPUT,
    REMIND_AFTER_MS,
    REMINDERS,
    Asked,
    Decided,
    Decision,
    Payment,
    Reminded,
    Reminder,
)
from testkit.simulated.observer import NoObserver

if TYPE_CHECKING:
    from testkit.simulated.cluster import Cluster

_NO_POLICY: Final = ("TINY_POLICY_NOT_LOADED",)


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Where the second family runs."""

    prefix: str
    group: str
    limit_fen: int
    """A larger payment is for a person."""
    drain_ms: int
    """``worker.drain_timeout_ms``."""


class Payments(NoObserver):
    """Watches the topics of the second family.

    Parameters
    ----------
    find
        Takes what must not be.
    """

    def __init__(
        self,
        cluster: "Cluster",
        where: Where,
        find: Callable[[Iterable[Problem]], None],
    ) -> None:
        self._cluster = cluster
        self._where = where
        self._find = find
        self._topics = {
            where.prefix + name: name for name in (INPUT, DECISIONS, REMINDERS)
        }
        self._ownership = Ownership(
            lambda: cluster.groups.written(where.group),
            where.prefix + INPUT,
            where.drain_ms,
        )
        self._asked: list[Asked] = []
        self._decided: list[Decided] = []
        self._reminded: list[Reminded] = []

    # -- what the universe asks --------------------------------------------------

    def lagging(self) -> list[str]:
        """Return what is not answered yet, and reminders that are due and not written."""
        return [one.name for one in self._unanswered()] + self._missing()

    def at_end(self, *, progress: bool) -> None:
        """Judge the logs as a whole; ``progress``: everything must be answered."""
        committed = {
            int(partition): offset
            for (topic, partition), (offset, _) in self._cluster.groups.committed(
                self._where.group
            ).items()
            if topic == self._where.prefix + INPUT
        }
        for one in self._unanswered():
            passed = one.rec.offset < committed.get(one.rec.partition, 0)
            if passed or progress:
                kind: Literal["lost", "stuck"] = "lost" if passed else "stuck"
                text = f"{one.rec} has no answer"
                rule = "every_payment_is_answered"
                self._find([Problem(kind, rule, one.name, text)])
        for identity in self._missing() if progress else ():
            text = f"{identity} is due, and is not written"
            self._find([Problem("lost", "every_reminder_is_written", identity, text)])
        large = {one.reminder_id for one in self._asked if self._waits(one)}
        for found in self._reminded if progress else ():
            identity = found.reminder.notice_id
            if identity not in large:
                text = f"{found.rec} reminds of what waits for nobody: {identity}"
                self._find([Problem("unfit", "reminders_fit", str(found.rec), text)])

    def _unanswered(self) -> list[Asked]:
        answered = {one.answers for one in self._decided}
        return [one for one in self._asked if one.place not in answered]

    def _missing(self) -> list[str]:
        written = {one.reminder.notice_id for one in self._reminded}
        due = {
            one.reminder_id: None
            for one in self._asked
            if self._waits(one)
            and one.payment.at_ms + REMIND_AFTER_MS <= self._event_ms(one.rec.partition)
        }
        return [identity for identity in due if identity not in written]

    def _waits(self, asked: Asked) -> bool:
        """Whether the first decision on a payment leaves it to a person."""
        said = asked.decision_id
        first = (one for one in self._decided if one.decision.decision_id == said)
        found = next(first, None)
        return found is not None and found.decision.outcome == "manual_review"

    def _event_ms(self, partition: int) -> int:
        """Return the event time of a partition: the latest moment of a payment."""
        moments = [
            one.payment.at_ms for one in self._asked if one.rec.partition == partition
        ]
        return max(moments, default=0)

    # -- what the cluster says ---------------------------------------------------

    @override
    def requested(self, node: int, api_key: int, version: int, client: str) -> None:
        self._ownership.requested(api_key, client, self._cluster.now_ms())

    @override
    def appended(self, topic: str, partition: int, base_offset: int, end: int) -> None:
        name = self._topics.get(topic)
        found = (
            None if name is None else self._cluster.topics.partition(topic, partition)
        )
        if name is None or found is None:
            return
        stored = logs.appended(found.log, (name, partition), base_offset, end)
        stale = name != INPUT and self._ownership.writes_stale(
            partition, self._cluster.now_ms()
        )
        for rec in stored.records:
            try:
                self._find(self._take(rec, stale=stale))
            except msgspec.MsgspecError as problem:
                text = f"{rec} cannot be read: {problem}"
                self._find([Problem("unfit", "payments_fit", str(rec), text)])

    @override
    def truncated(self, topic: str, partition: int, end: int) -> None:
        name = self._topics.get(topic)
        if name is None:
            return

        def stays(one: Asked | Decided | Reminded) -> bool:
            where = one.rec.topic, one.rec.partition
            return where != (name, partition) or one.rec.offset < end

        self._asked = list(filter(stays, self._asked))
        self._decided = list(filter(stays, self._decided))
        self._reminded = list(filter(stays, self._reminded))

    def _take(self, rec: Rec, *, stale: bool) -> Iterator[Problem]:
        value = rec.value or b""
        if rec.topic == INPUT:
            self._asked.append(Asked(rec, msgspec.json.decode(value, type=Payment)))
        elif rec.topic == DECISIONS:
            decision = msgspec.json.decode(value, type=Decision)
            place = answered_place(rec, self._where.prefix + INPUT)
            decided = Decided(rec, decision, place, stale)
            yield from self._decide(decided)
            self._decided.append(decided)
        else:
            reminder = msgspec.json.decode(value, type=Reminder)
            reminded = Reminded(rec, reminder, stale)
            yield from self._remind(reminded)
            self._reminded.append(reminded)

    # -- at every step -----------------------------------------------------------

    def _decide(self, one: Decided) -> Iterator[Problem]:
        asked = next((has for has in self._asked if has.place == one.answers), None)
        if asked is None or asked.decision_id != one.decision.decision_id:
            text = f"{one.rec} answers {one.answers}, where its payment is not"
            yield Problem("unasked", "payments_were_asked", str(one.rec), text)
            return
        yield from self._outcome(one, asked)
        for other in self._decided:
            if other.decision.decision_id != one.decision.decision_id:
                continue
            stale = one.stale or other.stale
            if other.rec.value != one.rec.value and not (
                stale and other.decision.outcome == one.decision.outcome
            ):
                text = (
                    f"{one.rec} contradicts {other.rec} on {one.decision.decision_id}"
                )
                rule = "payments_keep_their_answer"
                yield Problem("contradictory", rule, asked.name, text)
            elif other.answers == one.answers and not stale:
                text = f"{one.rec} repeats {other.rec}"
                rule = "payments_are_answered_once"
                yield Problem("doubled", rule, asked.name, text)

    def _outcome(self, one: Decided, asked: Asked) -> Iterator[Problem]:
        small = asked.payment.amount_fen <= self._where.limit_fen
        found = one.decision.outcome, one.decision.reason_codes
        right = (
            ("pay", ("PAYMENT_SMALL",))
            if small
            else ("manual_review", ("PAYMENT_LARGE",))
        )
        if found not in (right, ("manual_review", _NO_POLICY)):
            text = f"{one.rec}: {found} for {asked.payment.amount_fen} fen"
            yield Problem("unjust", "payments_are_decided_justly", asked.name, text)

    def _remind(self, one: Reminded) -> Iterator[Problem]:
        reminder = one.reminder
        of = [has for has in self._asked if has.reminder_id == reminder.notice_id]
        if not of or of[0].payment.payment_id != reminder.payment_id:
            text = f"{one.rec} reminds of no payment: {reminder.notice_id}"
            yield Problem("unfit", "reminders_fit", str(one.rec), text)
        elif reminder.due_ms > self._event_ms(one.rec.partition):
            text = f"{one.rec} is written before it is due: {reminder.notice_id}"
            yield Problem("unfit", "reminders_are_due", str(one.rec), text)
        for other in self._reminded:
            same = other.reminder.notice_id == reminder.notice_id
            if same and not (one.stale or other.stale):
                text = f"{one.rec} repeats {other.rec}: {reminder.notice_id}"
                rule = "reminders_are_written_once"
                yield Problem("notice_doubled", rule, reminder.notice_id, text)
