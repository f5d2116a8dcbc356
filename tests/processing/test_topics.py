import msgspec
import pytest

from streams.families.fast_refund.topics import BUYERS, ORDERS, REQUESTS, TOPICS
from streams.processing.topics import DEAD_LETTERS, POLICIES, FamilyTopics, registry


def test_each_topic_is_in_the_registry_once() -> None:
    names = [row.name for row in registry([TOPICS, TOPICS])]
    assert names == [
        "requests",
        "orders",
        "buyers",
        "outcomes",
        "shops",
        "catalog",
        "policies",
        "approvals",
        "reviews",
        "skipped",
        "notices",
        "dead-letters",
    ]


def test_two_rows_of_one_name_that_differ_are_refused() -> None:
    other = FamilyTopics(
        input=msgspec.structs.replace(REQUESTS, key="other"),
        shared_facts=(POLICIES,),
        outputs=(DEAD_LETTERS,),
    )
    with pytest.raises(ValueError, match="requests is declared twice, and differently"):
        registry([TOPICS, other])


def test_a_fact_goes_by_the_key_of_the_input() -> None:
    by_shop = msgspec.structs.replace(REQUESTS, partition_key="shop_id")
    with pytest.raises(ValueError, match="orders is read with requests, but goes by"):
        FamilyTopics(input=by_shop, facts=(ORDERS, BUYERS), outputs=(DEAD_LETTERS,))


def test_a_family_has_a_place_for_its_dead_letters_and_its_policies() -> None:
    with pytest.raises(ValueError, match="dead-letters is no last output"):
        FamilyTopics(input=REQUESTS, shared_facts=(POLICIES,), outputs=())
    with pytest.raises(ValueError, match="policies is no last shared fact"):
        FamilyTopics(input=REQUESTS, outputs=(DEAD_LETTERS,))
