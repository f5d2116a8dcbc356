"""The outputs as they are appended: what must never stand beside what is there already.

Every method costs the same however long the logs are.
"""

from collections.abc import Iterator
from typing import Final

from faults.judge.view import Place, Rec
from simulation.oracles.asked import Asked
from simulation.oracles.finding import Kind, Problem
from simulation.oracles.written import FOLLOW_UP, Written

INPUT: Final = "requests"


def place_text(place: Place) -> str:
    """Return an input offset as a person reads it."""
    return f"{INPUT}/{place[0]}@{place[1]}"


class Answers:
    """What the output topics hold.

    A **stale** writer did not own the partition when its record was appended. It may
    repeat a decision, and under the fold of readers it may even decide otherwise, but
    not to another outcome: see docs/design.md, "Effectively once".

    Parameters
    ----------
    asked
        What may be answered.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.at: dict[Place, list[Written]] = {}
        """Input offset -> its answers, in the order of their appends."""
        self._said: dict[tuple[str, bool], list[Written]] = {}
        """Identity -> decisions, in the order of their appends."""
        self._paid: dict[str, list[Written]] = {}
        """Payout key -> approvals that were the first of their identity."""
        self._noticed: dict[tuple[str, bool], list[Written]] = {}
        self._told: dict[tuple[str, str], list[Written]] = {}
        """What is told of which decision -> its notices, whatever their ids."""
        self._latest: dict[tuple[str, int, str], list[Written]] = {}
        """Topic, partition and refund -> first decisions with rising input offsets."""
        self.repeats = 0
        """Records of stale writers that readers drop."""

    def write(self, one: Written) -> Iterator[Problem]:
        """Take a decision or dead letter; yield what must not be."""
        if one.answers is not None:
            yield from self._answer(one, one.answers)
        if one.identity is not None:
            yield from self._decide(one, one.identity)

    def notify(self, one: Written) -> Iterator[Problem]:
        """Take a notice; yield what must not be."""
        assert one.identity is not None
        known = self._noticed.setdefault(one.identity, [])
        told = [] if one.told is None else self._told.setdefault(one.told, [])
        if known or told:
            yield from self._repeats(
                one, (known or told)[0], "notice_doubled", "notices_are_written_once"
            )
        known.append(one)
        told.append(one)

    def _answer(self, one: Written, place: Place) -> Iterator[Problem]:
        asked, rec = self._asked, one.rec
        if not asked.there(place) and place not in asked.replaced:
            yield Problem(
                "unasked",
                "every_offset_is_answered",
                place_text(place),
                f"{rec} answers {place_text(place)}, where there is no request",
            )
        if rec.partition != place[0]:
            yield Problem(
                "unfit",
                "answers_fit",
                str(rec),
                f"{rec} answers {place_text(place)} from another partition",
            )
        asked.answered(place)
        known = self.at.setdefault(place, [])
        if known:
            yield from self._again(one, known[0], place)
        known.append(one)

    def _again(self, one: Written, first: Written, place: Place) -> Iterator[Problem]:
        if one.says(first):
            yield from self._repeats(
                one, first, "doubled", "every_offset_is_answered_once"
            )
            return
        yield from self._differs(one, first, f"the answer to {place_text(place)}")

    def _decide(self, one: Written, identity: tuple[str, bool]) -> Iterator[Problem]:
        known = self._said.setdefault(identity, [])
        known.append(one)
        if known[0] is not one:
            first = known[0]
            if first.answers == one.answers and one.answers is not None:
                return  # said of the offset already
            if identity[0].endswith(FOLLOW_UP):
                yield from self._repeats(
                    one, first, "notice_doubled", "notices_are_written_once"
                )
            if not one.says(first):
                yield from self._differs(one, first, identity[0])
            return
        yield from self._pay(one)
        yield from self._order(one)

    def _pay(self, one: Written) -> Iterator[Problem]:
        key = one.payout_key
        if key is None:
            return
        known = self._paid.setdefault(key, [])
        if known:
            yield Problem(
                "doubled",
                "first_decisions_hold",
                str(one.rec),
                f"{one.rec} pays {key} a second time, after {known[0].rec}{_stale(one, known[0])}",
            )
        known.append(one)

    def _order(self, one: Written) -> Iterator[Problem]:
        place = one.answers
        if place is None or one.rec.topic == "skipped":
            return  # what is judged again after a crash may be skipped for a later answer
        latest = self._latest.setdefault((*one.lane, one.refund_id), [])
        before = latest[-1] if latest else None
        if before is None or before.answers is None or before.answers < place:
            latest.append(one)
        elif one.stale or before.stale:
            self.repeats += 1
        else:
            yield Problem(
                "disordered",
                "refunds_keep_order",
                str(one.rec),
                f"{one.rec} answers {place_text(place)}, {before.rec} answers "
                f"{place_text(before.answers)} already, both on {one.refund_id}",
            )

    def _repeats(
        self, one: Written, first: Written, kind: Kind, rule: str
    ) -> Iterator[Problem]:
        if one.stale or first.stale:
            self.repeats += 1
            return
        what = one.identity[0] if one.identity else "a dead letter"
        yield Problem(
            kind, rule, _subject(one), f"{one.rec} repeats {first.rec}: {what}"
        )

    def _differs(self, one: Written, first: Written, what: str) -> Iterator[Problem]:
        stale = one.stale or first.stale
        if stale and one.rec.topic == first.rec.topic:
            self.repeats += 1
            return
        yield Problem(
            "contradictory",
            "stale_writers_keep_the_outcome" if stale else "one_content_a_decision",
            _subject(one),
            f"{one.rec} contradicts {first.rec} on {what}{_stale(one, first)}",
        )

    def take_back(self, one: Written) -> bool:
        """Forget an output that its log has lost; tell whether its request has none now."""
        for known in self._lists(one):
            if one in known:
                known.remove(one)
        return one.answers is not None and not self.at.get(one.answers)

    def _lists(self, one: Written) -> Iterator[list[Written]]:
        if one.answers is not None:
            yield self.at.get(one.answers, [])
        if one.identity is not None:
            yield self._said.get(one.identity, [])
            yield self._noticed.get(one.identity, [])
        if one.payout_key is not None:
            yield self._paid.get(one.payout_key, [])
        if one.told is not None:
            yield self._told.get(one.told, [])
        yield self._latest.get((*one.lane, one.refund_id), [])

    def orphaned(self, place: Place) -> list[Rec]:
        """Forget the answers to a request that is gone; return them."""
        return [one.rec for one in self.at.pop(place, [])]


def _subject(one: Written) -> str:
    return str(one.rec) if one.answers is None else place_text(one.answers)


def _stale(*pair: Written) -> str:
    told = ", ".join(str(one.rec) for one in pair if one.stale)
    return f" ({told}: written without the partition)" if told else ""
