"""The oracle of the second family: right logs pass, and everything wrong is found."""

import json
from collections.abc import Callable
from contextvars import copy_context
from random import Random
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.protocol.group import MemberAssignment

from faults.judge.view import Rec
from simulation.oracles.finding import Problem
from simulation.oracles.second_family import Payments, Where
from testkit.simulated.groups.written import Written, WrittenMember
from testkit.simulated.logs.topics import Topics
from testkit.simulated.observer import NoObserver, Observer
from tests.simulation.oracles.universe import PRODUCE, Broker, batch_of, joining

NOW = 1_773_800_000_000
LARGE = 6_000


class World:
    """Topics of the second family in two partitions, and what its oracle finds."""

    def __init__(self) -> None:
        self.random = Random(0)  # noqa: S311 - ids, no secrets
        self.nodes = {1: Broker()}
        self.observer: Observer = NoObserver()
        self.groups = self
        self.owner = "w1"
        self.group: dict[str, Written] = {}
        self.passed = 0
        """Committed offset of partition 0."""
        self.topics = Topics(self)
        for name in ("payments", "payment-decisions", "payment-reminders"):
            self.topics.create(f"t.{name}", 2)
        self.found: list[Problem] = []
        where = Where(prefix="t.", group="g-tf", limit_fen=5_000, drain_ms=4_000)
        cluster: Any = self
        self.oracle = Payments(cluster, where, self.found.extend)
        self.observer = self.oracle
        self.assign("w1")

    def now_ms(self) -> int:
        return NOW

    def written(self, group: str) -> Written:
        assert group == "g-tf"
        found = MemberAssignment(0, [("t.payments", [0, 1])], b"")
        member = WrittenMember(joining(self.owner), bytes(found.encode()))
        return self.group.setdefault(
            self.owner,
            Written(1, "consumer", "range", self.owner, {self.owner: member}, 0),
        )

    def assign(self, owner: str) -> None:
        """Let another client own all partitions; the last one was not asked."""
        self.group, self.owner = {}, owner
        copy_context().run(self.oracle.requested, 1, PRODUCE, 7, "nobody")

    def committed(self, group: str) -> dict[TopicPartition, tuple[int, str]]:
        assert group == "g-tf"
        return {TopicPartition("t.payments", 0): (self.passed, "")}

    def put(self, rec: Rec) -> Rec:
        partition = self.topics.partition(f"t.{rec.topic}", rec.partition)
        assert partition is not None
        result = partition.append(batch_of([rec], NOW))
        at = result.base_offset
        return Rec(rec.topic, rec.partition, at, rec.key, rec.value, rec.headers)

    def pay(self, name: str, fen: int = 1, at_ms: int = NOW, partition: int = 0) -> Rec:
        fields = {"payment_id": name, "amount_fen": fen, "at_ms": at_ms, "shop_id": "s"}
        return self.put(
            Rec("payments", partition, 0, name.encode(), json.dumps(fields).encode())
        )

    def write(self, rec: Rec, client: str = "w1") -> Rec:
        def answer() -> Rec:
            self.oracle.requested(1, PRODUCE, 7, client)
            return self.put(rec)

        return copy_context().run(answer)

    def decide(self, rec: Rec, client: str = "w1", **fields: object) -> Rec:
        paid = json.loads(rec.value or b"")
        small = paid["amount_fen"] <= 5_000
        value = {
            "decision_id": "TF:" + paid["payment_id"],
            "outcome": "pay" if small else "manual_review",
            "reason_codes": ["PAYMENT_SMALL" if small else "PAYMENT_LARGE"],
            "decided_at_ms": NOW,
        } | fields
        headers = (
            ("source_topic", b"t.payments"),
            ("source_partition", b"%d" % rec.partition),
            ("source_offset", b"%d" % rec.offset),
        )
        body = json.dumps(value).encode()
        out = Rec("payment-decisions", rec.partition, 0, rec.key, body, headers)
        return self.write(out, client)

    def remind(self, name: str, due_ms: int = NOW + 1_000, client: str = "w1") -> Rec:
        value = {
            "notice_id": f"remind:TF:{name}:{due_ms}",
            "payment_id": name,
            "due_ms": due_ms,
        }
        body = json.dumps(value).encode()
        return self.write(Rec("payment-reminders", 0, 0, name.encode(), body), client)

    def ended(self, *, progress: bool = True) -> list[str]:
        self.oracle.at_end(progress=progress)
        return self.signatures

    @property
    def signatures(self) -> list[str]:
        return [f"{one.kind}:{one.rule}" for one in self.found]


def test_right_logs_pass_with_a_repeat_and_a_reminder() -> None:
    world = World()
    first, second = world.pay("p-1", LARGE), world.pay("p-2")
    world.decide(first)
    world.decide(second)
    world.decide(world.pay("p-1", LARGE))
    world.decide(world.pay("last", at_ms=NOW + 1_000))
    world.remind("p-1")
    assert world.oracle.lagging() == []
    assert world.ended() == []


def test_a_reminder_that_is_not_due_by_event_time_is_not_owed() -> None:
    world = World()
    world.decide(world.pay("p-1", LARGE))
    world.decide(world.pay("p-2", at_ms=NOW + 999))
    elsewhere = world.pay("p-3", at_ms=NOW + 5_000, partition=1)
    world.decide(elsewhere)
    assert world.ended() == []


def test_without_a_policy_a_person_decides_and_nothing_else_does() -> None:
    world = World()
    unknown = ["TINY_POLICY_NOT_LOADED"]
    small = world.pay("p-1")
    world.decide(small, outcome="manual_review", reason_codes=unknown)
    assert world.ended() == []
    world.decide(world.pay("p-2"), outcome="pay", reason_codes=unknown)
    assert world.signatures == ["unjust:payments_are_decided_justly"]


def test_a_payment_answered_twice_with_other_bytes_is_found_at_once() -> None:
    world = World()
    rec = world.pay("p-1")
    world.decide(rec)
    world.decide(rec, decided_at_ms=NOW + 1)
    assert world.signatures == ["contradictory:payments_keep_their_answer"]


def test_a_repeated_payment_with_other_bytes_is_found_at_once() -> None:
    world = World()
    world.decide(world.pay("p-1"))
    world.decide(world.pay("p-1"), decided_at_ms=NOW + 1)
    assert world.signatures == ["contradictory:payments_keep_their_answer"]


def test_equal_answers_to_one_payment_are_found_unless_a_writer_was_stale() -> None:
    world = World()
    rec = world.pay("p-1")
    world.decide(rec)
    world.decide(rec)
    assert world.signatures == ["doubled:payments_are_answered_once"]
    world = World()
    rec = world.pay("p-1")
    world.assign("w2")
    world.decide(rec, "w2")
    world.decide(rec, "w1")
    assert world.ended() == []


def test_a_stale_writer_may_decide_at_another_moment_but_not_to_another_outcome() -> (
    None
):
    world = World()
    rec = world.pay("p-1")
    world.assign("w2")
    world.decide(rec, "w2")
    world.decide(rec, "w1", decided_at_ms=NOW - 1)
    assert world.signatures == []
    world.decide(
        rec,
        "w1",
        outcome="manual_review",
        reason_codes=["TINY_POLICY_NOT_LOADED"],
    )
    assert set(world.signatures) == {"contradictory:payments_keep_their_answer"}


def test_a_reminder_written_twice_is_found_unless_a_writer_was_stale() -> None:
    world = World()
    world.decide(world.pay("p-1", LARGE))
    world.decide(world.pay("p-2", at_ms=NOW + 1_000))
    world.remind("p-1")
    world.assign("w2")
    world.remind("p-1", client="w1")
    assert world.signatures == []
    world.remind("p-1", client="w2")
    world.remind("p-1", client="w2")
    assert set(world.signatures) == {"notice_doubled:reminders_are_written_once"}


def test_a_reminder_before_it_is_due_is_found_at_once() -> None:
    world = World()
    world.decide(world.pay("p-1", LARGE))
    world.pay("p-2", at_ms=NOW + 999)
    world.remind("p-1")
    assert world.signatures == ["unfit:reminders_are_due"]


def _of_nobody(world: World) -> None:
    world.remind("p-9")


def _of_another_moment(world: World) -> None:
    world.remind("p-1", NOW + 500)


def _unreadable(world: World) -> None:
    world.write(Rec("payment-reminders", 0, 0, b"k", b"{"))


@pytest.mark.parametrize(
    ("wrong", "signature"),
    [
        (_of_nobody, "unfit:reminders_fit"),
        (_of_another_moment, "unfit:reminders_fit"),
        (_unreadable, "unfit:payments_fit"),
    ],
)
def test_an_output_that_fits_nothing_is_found(
    wrong: Callable[[World], None], signature: str
) -> None:
    world = World()
    world.decide(world.pay("p-1", LARGE))
    world.pay("p-2", at_ms=NOW + 5_000)
    wrong(world)
    assert world.signatures == [signature]


def test_a_reminder_of_a_payment_that_is_paid_is_found_at_the_end() -> None:
    world = World()
    world.decide(world.pay("p-1"))
    world.decide(world.pay("p-2", at_ms=NOW + 1_000))
    world.remind("p-1")
    assert world.ended() == ["unfit:reminders_fit"]


def test_an_answer_to_another_payment_is_found() -> None:
    world = World()
    world.decide(world.pay("p-1"), decision_id="TF:p-2")
    assert world.signatures == ["unasked:payments_were_asked"]


def test_a_large_payment_that_is_paid_is_found() -> None:
    world = World()
    world.decide(world.pay("p-1", LARGE), outcome="pay", reason_codes=["PAYMENT_SMALL"])
    assert world.signatures == ["unjust:payments_are_decided_justly"]


def test_a_payment_without_an_answer_is_stuck_and_lost_if_it_was_passed_over() -> None:
    world = World()
    world.pay("p-1")
    assert world.oracle.lagging() == ["payments/0@0"]
    assert world.ended(progress=False) == []
    assert world.ended() == ["stuck:every_payment_is_answered"]
    world.found.clear()
    world.passed = 1
    assert world.ended(progress=False) == ["lost:every_payment_is_answered"]


def test_a_reminder_that_is_due_and_not_there_is_found_at_the_end() -> None:
    world = World()
    world.decide(world.pay("p-1", LARGE))
    world.decide(world.pay("p-2", at_ms=NOW + 1_000))
    assert world.oracle.lagging() == [f"remind:TF:p-1:{NOW + 1_000}"]
    assert world.ended() == ["lost:every_reminder_is_written"]


def test_what_a_log_loses_counts_no_more() -> None:
    world = World()
    rec = world.pay("p-1")
    world.decide(rec)
    world.oracle.truncated("t.payment-decisions", 0, 0)
    assert world.oracle.lagging() == ["payments/0@0"]
    world.decide(rec, decided_at_ms=NOW + 1)
    assert world.ended() == []
