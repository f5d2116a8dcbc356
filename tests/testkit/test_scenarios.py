import json
from collections.abc import Iterator

import pytest

from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies.book import PolicyBook
from streams.processing.watermarks import WATERMARK_KEY
from streams.settings import load_policy
from testkit import samples
from testkit.rows import PARTITIONS, Row
from testkit.samples import NOW
from testkit.scenarios import SCENARIOS
from testkit.scenarios.eras import ERAS
from testkit.scenarios.script import Script
from testkit.world import WAVES, MixedWorld, differences
from tests.memory_worker import MemoryWorker

FOLLOW_UP = ":refund_failed"
"""Ends the id of a review that a failed payout opens; the judge does not write it."""


def test_a_worker_accepts_every_era_under_the_name_that_the_judge_knows() -> None:
    world = MixedWorld(1, 10, NOW)
    book = PolicyBook(POLICY, Policies((load_policy(None),)))
    for row in world.facts[0]:
        if row.topic == "policies":
            assert book.apply(row.key, row.value, NOW) is None
    assert book.policies.missing() == ()
    held = {policy.name: policy.policy_hash for policy in book.policies}
    told = {name: policy.policy_hash for name, policy in world.policies.items()}
    assert told.items() <= held.items()
    for era in ERAS.values():
        found = book.policies.at(NOW + era.asked_ms)
        assert found is not None
        assert found.version == era.version


@pytest.fixture(scope="module")
def lists() -> list[Row]:
    """Shops, catalogue and policies of every scenario, and watermarks."""
    mark = samples.watermark(NOW)
    marks = [
        Row(topic, at, WATERMARK_KEY, mark)
        for topic in ("orders", "buyers", "outcomes", "shops", "catalog")
        for at in range(PARTITIONS)
    ]
    facts = MixedWorld(1, 0, NOW).facts[0]
    return [*facts, *marks]


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_comes_out_as_it_says(name: str, lists: list[Row]) -> None:
    script = SCENARIOS[name](1, NOW)
    worker = MemoryWorker(Policies((load_policy(None),)))
    for fact in lists:
        list(worker.take(fact.topic, fact.partition, (fact.key, fact.value), NOW))
    found = dict(decisions(worker, script))
    expected = {
        identity: codes
        for identity, codes in script.expected.items()
        if not identity[0].endswith(FOLLOW_UP)
    }
    assert expected
    assert list(differences(expected, found)) == []


def decisions(
    worker: MemoryWorker, script: Script
) -> Iterator[tuple[tuple[str, bool], frozenset[str]]]:
    for wave in range(WAVES):
        rows = [row for at, row in (*script.facts, *script.requests) if at == wave]
        for row in rows:
            for one in worker.take(row.topic, row.partition, (row.key, row.value), NOW):
                decision = json.loads(one.value or b"")
                withdrawal = decision["seen"].get("action") == "withdraw"
                codes = frozenset(decision["reason_codes"])
                yield (decision["decision_id"], withdrawal), codes
