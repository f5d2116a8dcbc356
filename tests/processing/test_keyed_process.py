"""A family that decides each key once, without a broker: the small one of the tests."""

import json
from typing import Any

import msgspec
import pytest

from streams.families.registered import registered
from streams.processing.answers import Answers, mark_of_letter
from streams.processing.family import FamilyProcess
from streams.processing.policies import Policies
from streams.processing.site import Site
from streams.processing.slice_result import SliceResult
from testkit.fakes import FakeRecord
from testkit.families import tiny

START, NOW = 1_773_800_000_000, 1_773_800_010_000
SITE = Site(
    input_topic="payments",
    partitions=2,
    record_max_bytes=65_536,
    source_name="/payments",
    app_version="1",
)
POLICY = tiny.TinyPolicy(family="TF", version=1, effective_from_ms=START)


def payment(
    name: str, amount_fen: int = 1, at_ms: int = START, offset: int = 0
) -> FakeRecord:
    made = tiny.Payment(name, "s-1", amount_fen, at_ms)
    return FakeRecord("payments", 0, offset, name.encode(), msgspec.json.encode(made))


class World:
    def __init__(self, *policies: tiny.TinyPolicy) -> None:
        self.process: FamilyProcess[Any, Any] = tiny.FAMILY.process(
            SITE, Policies(policies)
        )
        self.state = self.process.open(0)
        self.answered = Answers()

    def judge(self, *records: FakeRecord) -> SliceResult:
        piece, missing = self.process.read(records, self.answered, self.state)
        assert missing is None
        assert not self.process.prepare(self.state)
        found = self.process.judge(piece, self.state, NOW, lambda: False)
        assert piece.finished
        return found

    def due(self, now_ms: int = NOW) -> list[str]:
        found = []
        for one in self.process.reconcile(0, (), self.state, now_ms):
            self.state.note(one.identity)
            found.append(one.identity)
        return found


def decisions(found: SliceResult) -> list[dict[str, Any]]:
    return [json.loads(one.value or b"") for one in found.outputs]


def test_it_is_found_by_its_import_path() -> None:
    (family,) = registered(["testkit.families.tiny"])
    assert family.code == "TF"


@pytest.mark.parametrize(
    ("amount_fen", "outcome", "codes"),
    [
        (10_000, "pay", ["PAYMENT_SMALL"]),
        (10_001, "manual_review", ["PAYMENT_LARGE"]),
    ],
)
def test_a_case_is_judged_by_the_rows_under_its_policy(
    amount_fen: int, outcome: str, codes: list[str]
) -> None:
    (found,) = decisions(World(POLICY).judge(payment("p-1", amount_fen)))
    assert (found["outcome"], found["reason_codes"]) == (outcome, codes)
    assert (found["policy"], found["policy_hash"]) == ("TF@1", POLICY.policy_hash)
    assert found["seen"]["amount_fen"] == amount_fen


def test_without_a_policy_in_force_a_person_decides() -> None:
    (found,) = decisions(World(POLICY).judge(payment("p-1", at_ms=START - 1)))
    assert found["outcome"] == "manual_review"
    assert found["reason_codes"] == ["TINY_POLICY_NOT_LOADED"]
    assert found["policy"] is None


def test_a_second_delivery_gets_the_bytes_of_the_first() -> None:
    world = World(POLICY)
    first = world.judge(payment("p-1"), payment("p-1", 99_999, offset=1))
    assert first.repeated == 1
    assert len({one.value for one in first.outputs}) == 1


def test_what_cannot_be_read_becomes_a_letter_and_is_counted() -> None:
    bad = FakeRecord("payments", 0, 4, b"k", b"{")
    found = World(POLICY).judge(bad)
    assert [one.topic for one in found.outputs] == ["dead-letters"]
    assert (found.dead, found.dead_at) == ({"not_json": 1}, {"not_json": 4})


def test_what_has_an_answer_is_left_out() -> None:
    world, bad = World(POLICY), FakeRecord("payments", 0, 1, b"k", b"{")
    first, other = payment("p-1"), payment("p-2", offset=2)
    mark = world.process.mark(first)
    assert mark is not None
    world.answered.add(0, mark)
    world.answered.add(1, mark_of_letter(bad.key, bad.value))
    world.answered.add(2, mark)  # an output that answers another record
    found = world.judge(first, bad, other)
    assert (found.answered, len(found.outputs)) == (2, 1)
    assert world.answered.unfit == {2}


def test_a_slice_is_judged_in_turns() -> None:
    world = World(POLICY)
    records = [payment(f"p-{number}", offset=number) for number in range(70)]
    piece, _ = world.process.read(records, world.answered, world.state)
    done = []
    while not piece.finished:
        world.process.judge(piece, world.state, NOW, lambda: True)
        done.append(piece.done)
    assert done == [32, 64, 70]


def test_a_reminder_is_due_by_event_time_once_and_over_a_restart() -> None:
    world = World(POLICY)
    large = world.judge(payment("p-1", 99_999))
    assert not world.state.is_due(NOW)
    assert world.due() == []
    later = world.judge(payment("p-2", at_ms=START + 1_000, offset=1))
    assert world.state.is_due(NOW)
    again = World(POLICY)
    for one in (*large.outputs, *later.outputs):
        restored = again.process.restore(one.topic, one.value or b"")
        again.process.remember(again.state, restored)
        again.process.remember(again.state, restored)
    identity = f"remind:TF:p-1:{START + 1_000}"
    assert world.due() == again.due() == [identity]
    assert world.due() == []
    third = World(POLICY)
    reminder = tiny.Reminder(identity, "p-1", START + 1_000)
    noted = third.process.restore("payment-reminders", msgspec.json.encode(reminder))
    assert noted == identity
    third.state.note(str(noted))
    for one in (*large.outputs, *later.outputs):
        third.process.remember(
            third.state, third.process.restore(one.topic, one.value or b"")
        )
    assert third.due() == []


def test_a_record_from_the_future_makes_nothing_due() -> None:
    world = World(POLICY)
    world.judge(payment("p-1", 99_999), payment("p-2", at_ms=NOW * 2, offset=1))
    assert world.due(START + 999) == []
    assert len(world.due(START + 1_000)) == 1


def test_foreign_outputs_are_nobodys() -> None:
    process = World(POLICY).process
    assert process.restore("payment-decisions", b"{}") is None
    assert process.restore("payment-decisions", b"\xff") is None
    assert process.restore("payment-reminders", b"[]") is None
