"""What is due at a moment: late after a crash, never lost, never twice."""

import itertools
from collections.abc import Iterable, Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from streams.processing.timers import DueTime, Timer, Timers

CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["remind", "close"]),
        st.sampled_from("abcd"),
        st.one_of(st.none(), st.integers(0, 30)),
    ),
    max_size=60,
)


class Noting(Timers):
    """Timers whose outputs are noted as they are sent."""

    def __init__(self, written: Iterable[str] = ()) -> None:
        self.written = set(written)
        super().__init__("TF", self.written.__contains__)

    def sent(self, event_ms: int | None) -> Iterator[Timer]:
        for timer in self.due(event_ms):
            self.written.add(timer.identity)
            yield timer


def timers(*written: str) -> Noting:
    return Noting(written)


def keys(found: Noting, event_ms: int | None) -> list[str]:
    return [timer.key for timer in found.sent(event_ms)]


def identity_of(kind: str, key: str, due_ms: int) -> str:
    return f"{kind}:TF:{key}:{due_ms}"


# -- one timer --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_ms", "expected"), [(None, []), (99, []), (100, ["a"]), (101, ["a"])]
)
def test_a_timer_is_due_once_event_time_reaches_it(
    event_ms: int | None, expected: list[str]
) -> None:
    found = timers()
    found.put("remind", "a", 100)
    assert keys(found, event_ms) == expected
    assert keys(found, 1_000) == ([] if expected else ["a"])


def test_its_id_is_made_of_kind_family_key_and_due_time() -> None:
    found = timers()
    found.put("remind", "t:1", 100)
    assert list(found.sent(500)) == [Timer("remind:TF:t:1:100", "remind", "t:1", 100)]


def test_a_kind_with_a_colon_is_refused_because_two_ids_could_be_one() -> None:
    with pytest.raises(ValueError, match="colon"):
        timers().put("re:mind", "a", 1)


def test_a_timer_is_handed_out_once_however_often_it_is_put() -> None:
    found = timers()
    found.put("remind", "a", 100)
    found.put("remind", "a", 100)
    assert keys(found, 100) == ["a"]
    found.put("remind", "a", 100)
    assert keys(found, 200) == []
    assert len(found) == 0


def test_what_the_outputs_hold_is_not_due_again() -> None:
    found = timers("remind:TF:a:100")
    found.rebuild([("remind", "a", 100), ("remind", "b", 100)])
    assert keys(found, 100) == ["b"]


def test_a_timer_that_was_replaced_is_due_at_its_new_time_only() -> None:
    found = timers()
    found.put("remind", "a", 100)
    found.put("remind", "a", 300)
    assert keys(found, 299) == []
    assert keys(found, 300) == ["a"]
    found.put("remind", "b", 500)
    found.put("remind", "b", 400)
    assert keys(found, 400) == ["b"]
    assert keys(found, 500) == []


def test_a_timer_that_came_back_to_its_first_time_is_due_once() -> None:
    found = timers()
    for due_ms in (100, 300, 100):
        found.put("remind", "a", due_ms)
    assert keys(found, 300) == ["a"]


def test_a_cancelled_timer_is_not_due_and_cancelling_twice_is_no_mistake() -> None:
    found = timers()
    found.put("remind", "a", 100)
    found.put("remind", "b", 100)
    found.cancel("remind", "a")
    found.cancel("remind", "a")
    found.put("remind", "b", None)
    assert keys(found, 100) == []


def test_timers_of_one_key_are_told_apart_by_kind() -> None:
    found = timers()
    found.put("remind", "a", 100)
    found.put("close", "a", 100)
    found.cancel("remind", "a")
    assert [timer.kind for timer in found.sent(100)] == ["close"]


def test_a_timer_whose_time_has_passed_when_it_is_put_is_due_at_once() -> None:
    found = timers()
    assert keys(found, 1_000) == []
    found.put("remind", "a", 5)
    assert keys(found, 1_000) == ["a"]


def test_they_come_by_due_time_then_key_then_kind() -> None:
    found = timers()
    for due_ms, key, kind in itertools.product((2, 1), "ba", ("r", "c")):
        found.put(kind, f"{key}{due_ms}", due_ms)
    assert [(one.due_ms, one.key, one.kind) for one in found.sent(2)] == [
        (due_ms, f"{key}{due_ms}", kind)
        for due_ms, key, kind in itertools.product((1, 2), "ab", ("c", "r"))
    ]


def test_what_is_not_taken_stays_due() -> None:
    found = timers()
    for key in "abc":
        found.put("remind", key, 1)
    assert [one.key for one in itertools.islice(found.sent(1), 2)] == ["a", "b"]
    assert keys(found, 1) == ["c"]


def test_what_is_put_and_cancelled_while_they_are_taken_counts() -> None:
    found = timers()
    for key in "abc":
        found.put("remind", key, 1)
    taken = []
    for timer in found.sent(10):
        taken.append((timer.key, timer.due_ms))
        if timer.key == "a":
            found.cancel("remind", "b")
            found.put("remind", "a", 5)  # one that comes back, caught up with
    assert taken == [("a", 1), ("c", 1), ("a", 5)]


def test_the_next_due_time_is_that_of_the_earliest_that_waits() -> None:
    found = timers()
    assert found.next_ms() is None
    found.put("remind", "a", 1)
    found.put("remind", "b", 2)
    assert found.next_ms() == 1
    found.cancel("remind", "a")
    assert found.next_ms() == 2


def test_a_rebuild_replaces_all_and_knows_the_same_ids() -> None:
    found = timers()
    found.put("remind", "a", 1)
    found.put("remind", "b", 2)
    assert keys(found, 1) == ["a"]
    found.rebuild([("remind", "a", 1), ("remind", "c", 3)])
    assert len(found) == 2
    assert keys(found, 9) == ["c"]


def test_many_changes_leave_as_many_entries_as_wait() -> None:
    found = timers()
    for number in range(10_000):
        found.put("remind", f"{number % 100}", number)
        assert found.entries <= 2 * len(found) + 64
    for number in range(100):
        found.cancel("remind", f"{number}")
        assert found.entries <= 2 * len(found) + 64
    assert len(found) == 0


# -- any history ------------------------------------------------------------------


class Partition(RuleBasedStateMachine):
    """A partition that is judged, killed and restored in any order.

    The broker: the state (facts that were read) and the outputs that were acknowledged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.state: dict[tuple[str, str], int] = {}
        self.written: list[str] = []
        self.in_flight: list[Timer] = []
        self.event_ms = 0

    @initialize()
    def start(self) -> None:
        self.timers = timers(*self.written)
        self.timers.rebuild(self.called_for())

    def called_for(self) -> list[DueTime]:
        return [(kind, key, due_ms) for (kind, key), due_ms in self.state.items()]

    @rule(
        kind=st.sampled_from(["remind", "close"]),
        key=st.sampled_from("abcdef"),
        due_ms=st.integers(0, 60),
    )
    def put(self, kind: str, key: str, due_ms: int) -> None:
        self.state[kind, key] = due_ms
        self.timers.put(kind, key, due_ms)

    @rule(kind=st.sampled_from(["remind", "close"]), key=st.sampled_from("abcdef"))
    def cancel(self, kind: str, key: str) -> None:
        self.state.pop((kind, key), None)
        self.timers.cancel(kind, key)

    @rule(by_ms=st.integers(0, 10), at_most=st.integers(0, 5))
    def advance(self, by_ms: int, at_most: int) -> None:
        self.event_ms += by_ms
        found = list(itertools.islice(self.timers.sent(self.event_ms), at_most))
        places = [(one.due_ms, one.key, one.kind) for one in found]
        assert places == sorted(places)
        for one in found:
            assert self.state[one.kind, one.key] == one.due_ms <= self.event_ms
        self.in_flight += found

    @rule()
    def acknowledge(self) -> None:
        self.written += [one.identity for one in self.in_flight]
        self.in_flight = []

    @rule(arrived=st.integers(0, 5), event_ms=st.integers(0, 60))
    def crash(self, arrived: int, event_ms: int) -> None:
        """Some of what was sent has arrived; watermarks may be read anew from earlier."""
        self.written += [one.identity for one in self.in_flight[:arrived]]
        self.in_flight = []
        self.event_ms = min(self.event_ms, event_ms)
        self.start()

    @invariant()
    def nothing_is_written_twice(self) -> None:
        out = [*self.written, *(one.identity for one in self.in_flight)]
        assert len(set(out)) == len(out)

    @invariant()
    def dead_entries_are_bounded(self) -> None:
        assert self.timers.entries <= 2 * len(self.timers) + 64

    @override
    def teardown(self) -> None:
        """Nothing is lost: all that the state calls for by now is written in the end."""
        self.acknowledge()
        self.advance(0, 1_000)
        self.acknowledge()
        self.nothing_is_written_twice()
        for (kind, key), due_ms in self.state.items():
            wanted = due_ms <= self.event_ms
            written = identity_of(kind, key, due_ms) in self.written
            assert written or not wanted
        assert list(self.timers.sent(self.event_ms)) == []


def test_whatever_happens_nothing_is_lost_and_nothing_written_twice() -> None:
    run_state_machine_as_test(
        Partition, settings=settings(max_examples=150, stateful_step_count=40)
    )


@given(CHANGES, st.randoms())
def test_the_order_in_which_a_state_is_restored_changes_nothing(
    changes: list[tuple[str, str, int | None]], random: Random
) -> None:
    as_it_came = timers()
    for change in changes:
        as_it_came.put(*change)
    last = {(kind, key): due_ms for kind, key, due_ms in changes}
    state = [
        (kind, key, due_ms)
        for (kind, key), due_ms in last.items()
        if due_ms is not None
    ]
    random.shuffle(state)
    restored = timers()
    restored.rebuild(state)
    assert list(as_it_came.sent(30)) == list(restored.sent(30))


@given(CHANGES, st.lists(st.integers(0, 30)))
def test_event_time_in_small_steps_or_at_once_hands_out_the_same(
    changes: list[tuple[str, str, int | None]], steps: list[int]
) -> None:
    slow, fast = timers(), timers()
    for change in changes:
        slow.put(*change)
        fast.put(*change)
    found = [one for ms in [*sorted(steps), 30] for one in slow.sent(ms)]
    assert found == list(fast.sent(30))


@given(CHANGES, st.data())
def test_a_replay_of_the_same_changes_and_watermarks_hands_out_the_same(
    changes: list[tuple[str, str, int | None]], data: st.DataObject
) -> None:
    marks = [data.draw(st.integers(0, 30)) for _ in changes]

    def run() -> list[Timer]:
        found, out = timers(), []
        for change, event_ms in zip(changes, marks, strict=True):
            found.put(*change)
            out += list(found.sent(event_ms))
        return out

    assert run() == run()
