from faults import scenarios
from faults.world import World
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies.book import PolicyBook
from streams.settings import load_policy
from testkit.samples import NOW


def test_a_worker_accepts_every_era_under_the_name_that_the_judge_knows() -> None:
    world = World(1, 10, NOW)
    book = PolicyBook(POLICY, Policies((load_policy(None),)))
    for row in world.facts[0]:
        if row.topic == "policies":
            assert book.apply(row.key, row.value, NOW) is None
    assert book.policies.missing() == ()
    held = {policy.name: policy.policy_hash for policy in book.policies}
    told = {name: policy.policy_hash for name, policy in world.policies.items()}
    assert told.items() <= held.items()
    for era in scenarios.ERAS.values():
        found = book.policies.at(NOW + era.asked_ms)
        assert found is not None
        assert found.version == era.version
