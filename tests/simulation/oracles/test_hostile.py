"""Batches that clients cannot take apart: the oracles go on, and wait for an answer to each."""

from dataclasses import replace

import pytest

from faults.hostile import KINDS
from faults.judge.view import Rec
from faults.lab_logs import now_ms
from simulation.oracles.logs import UNREAD, everything
from testkit import samples
from tests.simulation.oracles.universe import Universe, decided, letter

GOOD = samples.request(refund_id="r-1")


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_batch_needs_an_answer_and_harms_no_oracle(kind: str) -> None:
    u = Universe()
    u.clock_ms = now_ms()  # the moment of these batches
    where = u.log("requests")
    batch = KINDS[kind](b"k", GOOD)
    result = where.append(batch.built())
    assert not result.refused
    (lag, *_) = u.oracles.lagging(u.now_ms())
    assert lag.place == (0, 0)
    (stored,) = everything(where.log, ("requests", 0))
    for rec in stored.records:
        short = replace(rec, key=None, value=None, headers=())
        u.write(decided(rec) if rec.value == GOOD else letter(short))
    u.commit(where.log.end_offset)
    assert u.oracles.findings == []
    assert u.oracles.lagging(u.now_ms()) == []


def test_each_record_of_an_unread_batch_may_be_answered_by_itself() -> None:
    u = Universe()
    u.clock_ms = now_ms()  # the moment of these batches
    where = u.log("requests")
    where.append(
        KINDS["such a name, in a compressed batch, beside a good record"](
            b"k", GOOD
        ).built()
    )
    (stored,) = everything(where.log, ("requests", 0))
    (first,) = stored.records
    assert first.header(UNREAD) is not None
    u.write(letter(first))
    u.write(decided(Rec("requests", 0, 1, b"k", GOOD)))
    u.commit(2)
    assert u.ended() == []
