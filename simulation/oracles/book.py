"""What the logs hold: taken down as it is appended, taken back as logs lose it."""

from collections.abc import Iterable

from faults.judge.view import Place, Rec
from simulation.oracles import logs
from simulation.oracles.answers import Answers
from simulation.oracles.asked import Asked
from simulation.oracles.finding import Problem
from simulation.oracles.written import Written


class Book:
    """Requests, answers, facts, and what became of them."""

    def __init__(self) -> None:
        self.asked = Asked()
        self.answers = Answers(self.asked)
        self.outputs: dict[tuple[str, int], list[Written]] = {}
        """Topic, without the prefix, and partition -> what is in the log."""
        self.facts: list[Rec] = []
        """Every fact as it was written: compaction takes some of them away."""
        self.orphans: set[Rec] = set()
        """Outputs that answer a request which is gone."""
        self.sent: dict[Place, int] = {}
        """Requests that a broker acknowledged to their sender -> when, UTC ms."""

    def ask(self, stored: logs.Stored, now_ms: int) -> None:
        """Take requests down."""
        for rec in stored.records:
            self.asked.add(rec, now_ms, stored.transaction)
        if stored.unread:
            first = stored.records[0]
            for offset in range(first.offset + 1, stored.next_offset):
                place = (first.partition, offset)
                self.asked.add(
                    Rec(first.topic, *place, None, None, first.headers), now_ms
                )
                self.asked.excuse(place, logs.UNREAD)

    def write(self, one: Written) -> Iterable[Problem]:
        """Take an output down; return what must not be."""
        self.outputs.setdefault(one.lane, []).append(one)
        if one.lane[0] == "notices":
            return self.answers.notify(one)
        return self.answers.write(one)

    def cut_input(self, partition: int, end: int, *, lost: bool) -> int | None:
        """Forget requests from an offset on; return where the log ended, if there were any.

        ``lost``: whether the brokers had acknowledged some of them.
        """
        gone = self.asked.cut(partition, end, "the log lost its end")
        for place in gone:
            self.orphans.update(self.answers.orphaned(place))
            if lost:
                self.sent.pop(place, None)
        return gone[-1][1] + 1 if gone else None

    def cut_output(
        self, where: tuple[str, int], end: int, now_ms: int, *, lost: bool
    ) -> None:
        """Forget outputs from an offset on.

        Their requests wait again. If the brokers had acknowledged the outputs (``lost``),
        no worker can know, and nobody need answer again.
        """
        lane = self.outputs.get(where, [])
        while lane and lane[-1].rec.offset >= end:
            one = lane.pop()
            unanswered = self.answers.take_back(one)
            if not unanswered or one.answers is None:
                continue
            if lost:
                self.asked.excuse(one.answers, "the log of its answer lost its end")
            else:
                self.asked.unanswered(one.answers, now_ms)
