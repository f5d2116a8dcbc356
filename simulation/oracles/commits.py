"""Committed offsets, each looked at in the moment of the commit (O6)."""

import json
from collections.abc import Callable, Iterator

from faults.judge.view import Place
from simulation.oracles.answers import Answers, place_text
from simulation.oracles.asked import Asked
from simulation.oracles.finding import Problem


class Commits:
    """What the group has committed.

    Parameters
    ----------
    replicated
        High watermark of an output partition: topic without the prefix, and number.
    """

    def __init__(
        self, asked: Asked, answers: Answers, replicated: Callable[[str, int], int]
    ) -> None:
        self._asked = asked
        self._answers = answers
        self._replicated = replicated
        self.offsets: dict[int, int] = {}
        """Partition -> committed offset."""
        self._moved: dict[int, int] = {}
        """Partition -> offset that an operator is about to set."""
        self._once: dict[int, int] = {}
        """Partition -> where its log ended before it lost records."""

    def commit(self, partition: int, offset: int, end: int) -> Iterator[Problem]:
        """Take a committed offset; ``end`` is that of the input log."""
        if end < offset <= self._once.get(partition, 0):
            return  # of records that are gone; whoever reads it there asks for a person
        begin = self.offsets.get(partition, 0)
        self.offsets[partition] = offset
        if self._moved.get(partition) == offset:
            del self._moved[partition]
            self._pass_over(partition, begin, offset)
            return
        if offset < begin:
            yield Problem(
                "commit_back",
                "commits_stay_behind",
                place_text((partition, offset)),
                f"{place_text((partition, offset))}: committed after {begin}",
            )
        elif offset > end:
            yield Problem(
                "commit_ahead",
                "commits_stay_behind",
                place_text((partition, offset)),
                f"{place_text((partition, offset))}: committed, the log ends at {end}",
            )
        for unanswered in self._asked.between(partition, begin, offset):
            if not self._is_safe((partition, unanswered)):
                yield self._ahead((partition, unanswered), offset)

    def _is_safe(self, place: Place) -> bool:
        return any(
            one.rec.offset < self._replicated(*one.lane)
            for one in self._answers.at.get(place, ())
        )

    def _ahead(self, place: Place, committed: int) -> Problem:
        known = self._answers.at.get(place)
        why = f"{known[0].rec} is not replicated" if known else "there is no answer"
        return Problem(
            "commit_ahead",
            "commits_stay_behind",
            place_text(place),
            f"{place_text(place)}: {committed} is committed, {why}",
        )

    def _pass_over(self, partition: int, begin: int, offset: int) -> None:
        for passed in self._asked.between(partition, begin, offset):
            if not self._answers.at.get((partition, passed)):
                self._asked.excuse((partition, passed), "an operator moved the offset")

    def will_be_moved(self, partition: int, offset: int) -> None:
        """Expect an operator to set an offset: requests that it passes over are excused."""
        self._moved[partition] = offset

    def cut(self, partition: int, end: int, once: int) -> None:
        """Note that the input log lost its records from ``end`` on; it ended at ``once``."""
        self._once[partition] = max(once, self._once.get(partition, 0))
        if self.offsets.get(partition, 0) > end:
            self.offsets[partition] = end


def names_other_topic(metadata: str, topic_id: str) -> bool:
    """Whether what is committed beside an offset names another topic than this id."""
    try:
        said = json.loads(metadata)
    except ValueError:
        return False
    named = said.get("topic") if isinstance(said, dict) else None
    return isinstance(named, str) and named != topic_id
