import json
from collections.abc import Iterator
from typing import Any

import pytest

from streams.families.fast_refund.family import FAMILY
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.topics import DECISIONS, NOTICES
from streams.processing.policies.book import PolicyBook
from streams.processing.watermarks import WATERMARK_KEY
from streams.settings import load_policy
from testkit import samples
from testkit.memory_worker import MemoryWorker
from testkit.rows import PARTITIONS, Row
from testkit.samples import NOW
from testkit.scenarios import SCENARIOS
from testkit.scenarios.eras import ERAS
from testkit.scenarios.script import Script
from testkit.world import WAVES, MixedWorld, differences

DECIDED = {topic.name for topic in DECISIONS}


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
    worker = MemoryWorker(FAMILY, Policies((load_policy(None),)))
    for fact in lists:
        assert worker.take(fact, NOW) == []
    written = list(outputs(worker, script))
    found = {
        identity: codes
        for topic, value in written
        if topic in DECIDED
        for identity, codes in [decision(value)]
    }
    assert script.expected
    assert list(differences(script.expected, found)) == []
    notices = [value["notice_id"] for topic, value in written if topic == NOTICES.name]
    assert set(script.notices) <= set(notices)
    assert len(notices) == len(set(notices))


def outputs(worker: MemoryWorker, script: Script) -> Iterator[tuple[str, Any]]:
    for wave in range(WAVES):
        for at, row in (*script.facts, *script.requests):
            if at == wave:
                for one in worker.take(row, NOW):
                    yield one.topic, json.loads(one.record[1] or b"")


def decision(value: Any) -> tuple[tuple[str, bool], frozenset[str]]:  # noqa: ANN401 - JSON
    withdrawal = value["seen"].get("action") == "withdraw"
    return (value["decision_id"], withdrawal), frozenset(value["reason_codes"])
