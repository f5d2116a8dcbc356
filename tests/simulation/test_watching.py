"""What a cluster does is told in words; the timeline folds by the first of them."""

from collections.abc import Callable

import pytest

from simulation.oracles.everybody import Everybody
from simulation.timeline import Event
from simulation.watching import Teller
from testkit.simulated.observer import NoObserver, Observer


def told(happens: Callable[[Observer], None]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    happens(
        Everybody(NoObserver(), Teller(lambda who, what: found.append((who, what))))
    )
    return found


@pytest.mark.parametrize(
    ("happens", "line"),
    [
        (lambda it: it.appended("t", 0, 5, 6), ("t/0", "gets 5")),
        (lambda it: it.appended("t", 0, 5, 8), ("t/0", "gets 5-7")),
        (
            lambda it: it.marked("t", 1, 9, commit=True),
            ("t/1", "a transaction is committed at 9"),
        ),
        (
            lambda it: it.marked("t", 1, 9, commit=False),
            ("t/1", "a transaction is aborted at 9"),
        ),
        (lambda it: it.truncated("t", 0, 4), ("t/0", "loses everything from 4 on")),
        (lambda it: it.created("t"), ("t", "is created")),
        (lambda it: it.deleted("t"), ("t", "is deleted")),
        (lambda it: it.led("t", 0, 2, 7), ("t/0", "is led by broker 2 in epoch 7")),
        (lambda it: it.led("t", 0, None, 8), ("t/0", "is led by nobody in epoch 8")),
        (lambda it: it.committed("g", "t", 0, 17, "m"), ("g", "commits t/0 17")),
        (
            lambda it: it.generation("g", 3, {"a-1": "a", "b-1": "b"}),
            ("g", "generation 3: a, b"),
        ),
        (lambda it: it.generation("g", 4, {}), ("g", "generation 4: nobody")),
        (
            lambda it: it.note("fault", "an answer is lost"),
            ("fault", "an answer is lost"),
        ),
    ],
)
def test_what_happens_is_told_in_a_line(
    happens: Callable[[Observer], None], line: tuple[str, str]
) -> None:
    assert told(happens) == [line]


def test_single_requests_are_not_told() -> None:
    assert told(lambda it: it.requested(1, 1, 4, "c")) == []


def test_only_appends_and_commits_are_folded() -> None:
    def all_of_it(it: Observer) -> None:
        it.appended("t", 0, 5, 6)
        it.committed("g", "t", 0, 6, "")
        it.led("t", 0, 2, 1)
        it.created("u")

    events = [Event(at_us=0, who=who, what=what) for who, what in told(all_of_it)]
    assert [one.is_often for one in events] == [True, True, False, False]
