"""A second family runs beside the fast refund in the same universes."""

import subprocess
import sys
from collections import Counter
from itertools import count, islice

import msgspec
import pytest

from simulation.assembly import settings_of
from simulation.drawing import plan_of
from simulation.payments import MODULE, Payment, SecondFamily, payment_rows
from simulation.plan import Plan, decode, encode
from simulation.shrinking import shrink
from simulation.verdict import Verdict
from tests.simulation.many_seeds import ROOT

PLANS = [plan_of(seed) for seed in range(1_000)]
WITH = [plan for plan in PLANS if plan.second_family is not None]
SIX = list(
    islice(
        (seed for seed in count(5_000) if plan_of(seed).second_family is not None), 6
    )
)
RUN = """
import sys
import msgspec
from simulation.campaign import Task, prepare, run_chunk
prepare()
for verdict in run_chunk([int(seed) for seed in sys.argv[1:]], Task()):
    print(msgspec.json.encode(verdict).decode())
"""


def test_it_runs_in_some_fifteen_percent_of_the_seeds() -> None:
    assert 120 <= len(WITH) <= 180
    assert {plan.profile for plan in WITH} == {plan.profile for plan in PLANS}


def test_a_plan_that_says_nothing_of_it_runs_the_fast_refund_alone() -> None:
    for plan in PLANS[:50]:
        body = msgspec.to_builtins(plan)
        del body["second_family"]
        kept = decode(msgspec.json.encode(body))
        assert kept == msgspec.structs.replace(plan, second_family=None)


def payments(plan: Plan) -> tuple[Payment, ...]:
    return plan.second_family.payments if plan.second_family else ()


def test_payments_are_early_and_late_small_and_large_and_some_are_sent_again() -> None:
    for plan in WITH:
        assert 3 <= len(payments(plan)) <= 12
        for one in payments(plan):
            last_us = one.at_us + max(one.again_us, default=0)
            assert 0 <= one.at_us <= last_us < plan.duration_ms * 1_000
    every = [one for plan in WITH for one in payments(plan)]
    sizes = Counter(one.amount_fen > 5_000 for one in every)
    assert min(sizes.values()) > len(every) // 5
    assert any(one.again_us for one in every)


def test_its_workers_run_both_families_and_others_one() -> None:
    assert settings_of(WITH[0]).worker.families == ("fast_refund", MODULE)
    alone = next(plan for plan in PLANS if plan.second_family is None)
    assert settings_of(alone).worker.families == ("fast_refund",)


def test_a_repeated_payment_is_the_same_record_and_the_last_ones_come_last() -> None:
    second = SecondFamily(payments=(Payment(number=3, at_us=1_000, again_us=(5,)),))
    policy, first, again, *last = payment_rows(second, 2_000, 0, 3)
    assert policy.row.topic == "policies"
    assert again.row == first.row
    assert [one.at_us for one in (policy, first, again)] == [0, 1_000, 1_005]
    assert [(one.at_us, one.row.partition) for one in last] == [
        (2_000_000, 0),
        (2_000_000, 1),
        (2_000_000, 2),
    ]


def test_a_failure_of_the_fast_refund_is_shrunk_to_a_plan_without_it() -> None:
    found = shrink(WITH[0], lambda _: "lost:x")
    assert found.plan.second_family is None


def test_a_failure_with_one_payment_is_shrunk_to_that_payment() -> None:
    def fails(plan: Plan) -> str | None:
        return "lost:x" if 1 in [one.number for one in payments(plan)] else None

    found = shrink(WITH[0], fails).plan
    assert [one.number for one in payments(found)] == [1]
    assert decode(encode(WITH[0])) == WITH[0]


@pytest.fixture(scope="module")
def six() -> list[Verdict]:
    """What comes of six seeds with a second family."""
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *map(str, SIX)],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "0"},  # as campaigns have it
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    decoder = msgspec.json.Decoder(Verdict)
    return [decoder.decode(line) for line in ended.stdout.splitlines()]


def test_six_universes_with_both_families_have_no_finding(six: list[Verdict]) -> None:
    assert [one.seed for one in six] == SIX
    assert {one.seed: one.findings for one in six if one.findings} == {}
