"""A partition without transport: what it was told before, what it is asked, what it owes."""

import json

from streams.processing.partition import Partition
from tests.processing.test_keyed_process import NOW, POLICY, START, World, payment


def test_outputs_of_an_earlier_life_are_taken_back() -> None:
    process = World(POLICY).process
    first, second = Partition(process, 0), Partition(process, 0)
    (large,) = first.judge([payment("p-1", 99_999)], NOW).outputs
    assert second.restore(large.topic, large.value or b"")
    again = second.judge([payment("p-1", 1, offset=1)], NOW)
    assert (again.repeated, again.outputs[0].value) == (1, large.value)
    assert not second.restore(large.topic, b"{")


def test_what_is_due_is_owed_once_and_known_by_its_id() -> None:
    process = World(POLICY).process
    first, second = Partition(process, 0), Partition(process, 0)
    records = [payment("p-1", 99_999), payment("p-2", at_ms=START + 1_000, offset=1)]
    for one in first.judge(records, NOW).outputs:
        second.restore(one.topic, one.value or b"")
    (reminder,) = first.reconcile((), NOW)
    assert list(first.reconcile((), NOW)) == []
    assert json.loads(reminder.record[1] or b"")["notice_id"] == reminder.identity
    assert second.restore(reminder.topic, reminder.record[1] or b"")
    assert list(second.reconcile((), NOW)) == []
