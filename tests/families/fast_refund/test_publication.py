import msgspec
import pytest

from streams.errors import PolicyError
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies.publication import (
    KEYS,
    NOT_SAID,
    PolicyRecord,
    Publication,
    as_fields,
    parse_record,
)
from tests.families.fast_refund.base import NOW, SHIPPED, policy

SAID = Publication(
    author="li",
    reason="spring sale",
    published_at_ms=NOW,
    backtest="day-7",
    allow=("paid_limit_fen",),
    overtakes=(4,),
)


def test_a_record_comes_out_as_it_went_in() -> None:
    record = PolicyRecord(policy(buyer_count_max=2, buyer_count_window_ms=5), SAID)
    found = parse_record(POLICY, as_fields(record))
    assert found.publication == SAID
    assert msgspec.structs.asdict(found.policy) == msgspec.structs.asdict(record.policy)
    assert found.policy.policy_hash == record.policy.policy_hash


def test_who_published_and_why_is_no_part_of_the_content() -> None:
    bare = parse_record(POLICY, as_fields(PolicyRecord(SHIPPED)))
    assert bare.publication == NOT_SAID
    said = parse_record(POLICY, as_fields(PolicyRecord(SHIPPED, SAID)))
    assert said.policy.policy_hash == bare.policy.policy_hash


def test_all_problems_of_a_record_are_named_at_once() -> None:
    fields = as_fields(PolicyRecord(SHIPPED, SAID))
    fields |= {"author": "", "allow": ["paid_limit_fn"], "backtst": "x", "version": 0}
    with pytest.raises(PolicyError) as caught:
        parse_record(POLICY, fields)
    assert [line.split(":")[0] for line in caught.value.problems] == [
        "backtst",
        "version",
        "author",
        "allow",
    ]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [True, 1.5, "", {"a": 1}, [None], None])
def test_what_a_record_says_of_itself_has_a_type(key: str, value: object) -> None:
    fields = {**as_fields(PolicyRecord(SHIPPED)), key: value}
    nothing = KEYS[key].default is None and value is None
    if nothing:
        assert parse_record(POLICY, fields).publication == NOT_SAID
    else:
        with pytest.raises(PolicyError, match=f"^{key}: "):
            parse_record(POLICY, fields)
