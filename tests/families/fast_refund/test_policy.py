import json
import tomllib
from hashlib import sha256
from types import NoneType
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import PolicyError
from streams.families.fast_refund.policy import Policies, Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies.policy import HASH_DIGITS, canonical_bytes
from tests.families.fast_refund.base import FILE, SHIPPED, policy
from tests.families.fast_refund.odd_json import ANY_JSON

REQUIRED = {"family": "FR", "version": 1, "effective_from_ms": 0}


def problems(**changes: object) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        POLICY.override(SHIPPED, changes)
    return list(caught.value.problems)


@pytest.mark.clause("FR-1.1", "R-34")
def test_the_shipped_file_says_what_the_rules_give_as_defaults() -> None:
    bare = POLICY.parse({**REQUIRED, "effective_from_ms": 1_577_836_800_000})
    assert msgspec.structs.asdict(bare) == msgspec.structs.asdict(SHIPPED)
    assert SHIPPED.name == "FR@1"


def test_every_key_of_the_policy_stands_in_the_shipped_file_with_its_source() -> None:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    for key in set(POLICY.fields) - {"family", "effective_from_ms"}:
        own = [
            line for line in lines if line.removeprefix("# ").startswith(f"{key} = ")
        ]
        assert len(own) == 1, key
        assert "#" in own[0].removeprefix("# "), f"{key}: no comment"


def test_every_commented_out_option_of_the_shipped_file_is_a_usable_value() -> None:
    text = "\n".join(
        line.removeprefix("# ") if " = " in line and line.startswith("# ") else line
        for line in FILE.read_text(encoding="utf-8").splitlines()
    )
    assert POLICY.parse(tomllib.loads(text)).buyer_count_max == 2


def test_it_does_not_matter_which_table_a_key_stands_in() -> None:
    found = POLICY.parse({"a": {"b": {"paid_limit_fen": 10}}, "c": REQUIRED})
    assert found.paid_limit_fen == 10


def test_a_key_that_stands_in_two_tables_is_refused() -> None:
    with pytest.raises(PolicyError, match="paid_limit_fen: given twice"):
        POLICY.flatten({"paid_limit_fen": 1, "a": {"paid_limit_fen": 1}})


@pytest.mark.clause("E-36")
@pytest.mark.parametrize("key", POLICY.fields)
@pytest.mark.parametrize("table", [{}, {"value": 1}, {"paid_limit_fen": 10}], ids=str)
def test_a_key_written_as_a_table_is_refused_by_name(
    key: str, table: dict[str, object]
) -> None:
    """``[service_paused]`` once left the service running without a word."""
    others = {name: value for name, value in REQUIRED.items() if name != key}
    for place in ({key: table}, {"operation": {key: table}}):
        with pytest.raises(PolicyError) as caught:
            POLICY.parse({**others, **place})
        (line,) = [one for one in caught.value.problems if "needs" not in one]
        assert line.startswith(f"{key}: must be ")
        with pytest.raises(PolicyError, match=f"{key}: must be "):
            POLICY.override(SHIPPED, POLICY.flatten(place))


@given(st.sampled_from(sorted(POLICY.fields)), ANY_JSON)
def test_a_key_of_any_json_type_is_in_force_or_refused(key: str, value: object) -> None:
    """Nothing that was written is left out: what is not refused stands in the policy."""
    found = read_with(key, value)
    if isinstance(found, PolicyError):
        assert any(key in line for line in found.problems)
        return
    given_value = tuple(value) if isinstance(value, list) else value
    assert type(getattr(found, key)) is type(given_value)
    assert getattr(found, key) == given_value


def read_with(key: str, value: object) -> Policy | PolicyError:
    try:
        return POLICY.override(SHIPPED, POLICY.flatten({"operation": {key: value}}))
    except PolicyError as refused:
        return refused


def test_what_is_required_must_be_there() -> None:
    with pytest.raises(PolicyError) as caught:
        POLICY.parse({})
    assert [line.split(":")[0] for line in caught.value.problems] == list(REQUIRED)


def test_all_problems_are_named_at_once() -> None:
    found = problems(
        paid_limit_fn=1,
        xyzzy=1,
        paid_limit_fen=True,
        amount_basis="list_price",
        buyer_count_max=2,
        excluded_roots=[],
    )
    assert found == [
        "paid_limit_fn: unknown key; did you mean paid_limit_fen?",
        "xyzzy: unknown key; remove it",
        "paid_limit_fen: must be a whole number, 1 or more, not true",
        (
            'amount_basis: must be "buyer_cash_incl_freight", the only value implemented, '
            'not "list_price"'
        ),
        "buyer_count_max: needs buyer_count_window_ms",
        "excluded_roots: must not be empty",
    ]


@pytest.mark.parametrize("value", [True, 1.0, "1", None, -1, [1], {"a": 1}])
@pytest.mark.parametrize(
    "key", [key for key in POLICY.fields if key.endswith("_max_age_ms")]
)
def test_a_number_must_be_a_whole_number(key: str, value: object) -> None:
    (line,) = problems(**{key: value})
    assert line.startswith(f"{key}: must be a whole number, 0 or more, not ")


@pytest.mark.parametrize("key", ["paid_limit_fen", "race_watch_days", "version"])
def test_a_number_that_means_nothing_at_zero_starts_at_one(key: str) -> None:
    assert problems(**{key: 0}) == [f"{key}: must be a whole number, 1 or more, not 0"]
    assert getattr(policy(**{key: 1}), key) == 1


@pytest.mark.parametrize("key", ["service_paused", "waybill_soft_veto"])
def test_a_switch_is_true_or_false(key: str) -> None:
    assert problems(**{key: 1}) == [f"{key}: must be true or false, not 1"]
    assert getattr(policy(**{key: True}), key) is True


@pytest.mark.clause("R-01", "R-06", "R-10")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("family", "SV"),
        ("exclusion_level", "line"),
        ("ship_truth", "courier"),
        ("quality_source", "score"),
        ("policy_pin", "decided_at"),
        ("shop_switch", "off"),
        ("race_action", "reverse"),
        ("complex_orders", "allow"),
    ],
)
def test_a_reading_nobody_implemented_is_refused(key: str, value: str) -> None:
    (line,) = problems(**{key: value})
    assert line.startswith(f"{key}: must be ")
    assert line.endswith(f'the only value implemented, not "{value}"')


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("quality_pin", "paid_at"),
        ("standing_gate_min_level", "good"),
        ("in_scope_kinds", ["refund_only", "gift"]),
        ("prior_refund_states", ["paid"]),
        ("prior_refund_states", "approved"),
        ("excluded_roots", ["custom", ""]),
        ("excluded_roots", ["custom", 5]),
        ("excluded_roots", ["custom", "custom"]),
        ("policy_basis", ""),
        ("buyer_count_max", "2"),
    ],
)
def test_a_value_outside_its_list_is_refused(key: str, value: object) -> None:
    assert problems(**{key: value})[0].startswith(f"{key}: ")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"buyer_count_window_ms": 1}, ["buyer_count_window_ms"]),
        ({"buyer_amount_quota_fen": 1}, ["buyer_amount_quota_fen"]),
        ({"buyer_amount_window_ms": 1}, ["buyer_amount_window_ms"]),
        ({"breaker_shop_max_count": 1}, ["breaker_shop_max_count"]),
        ({"breaker_global_max_fen": 1}, ["breaker_global_max_fen"]),
        ({"breaker_window_ms": 1}, ["breaker_window_ms"]),
        ({"breaker_cooldown_ms": 1}, ["breaker_cooldown_ms"]),
        ({"payment_age_min_ms": 2, "payment_age_max_ms": 1}, ["payment_age_min_ms"]),
    ],
)
def test_what_contradicts_itself_is_refused(
    changes: dict[str, object], named: list[str]
) -> None:
    assert [line.split(":")[0] for line in problems(**changes)] == named


def test_a_wrong_value_is_not_reported_as_missing_too() -> None:
    assert len(problems(buyer_count_max=2, buyer_count_window_ms=True)) == 1


def test_equal_bounds_of_the_payment_age_are_a_window_of_one() -> None:
    assert policy(payment_age_min_ms=5, payment_age_max_ms=5).payment_age_max_ms == 5


def test_null_switches_an_option_off() -> None:
    base = policy(buyer_count_max=2, buyer_count_window_ms=1)
    off = POLICY.override(
        base, {"buyer_count_max": None, "buyer_count_window_ms": None}
    )
    assert off.buyer_count_max is None


def test_an_override_is_the_next_version_unless_it_names_one() -> None:
    assert policy(paid_limit_fen=10_000).name == "FR@2"
    assert policy(version=7).name == "FR@7"
    assert policy().effective_from_ms == SHIPPED.effective_from_ms


def test_an_integer_of_any_size_is_a_value() -> None:
    assert policy(paid_limit_fen=2**80).paid_limit_fen == 2**80


@pytest.mark.clause("R-08", "E-15")
def test_the_highest_version_in_force_is_the_one_that_counts() -> None:
    first, second, third = (
        POLICY.parse({**REQUIRED, "version": number, "effective_from_ms": start})
        for number, start in ((1, 100), (2, 300), (3, 200))
    )
    versions = Policies([third, first, second])
    assert [versions.at(at_ms) for at_ms in (99, 100, 199, 200, 300)] == [
        None,
        first,
        first,
        third,
        third,
    ]
    assert Policies().at(0) is None


def test_of_two_records_of_one_version_the_later_given_counts() -> None:
    old, new = POLICY.parse(REQUIRED), POLICY.parse({**REQUIRED, "paid_limit_fen": 5})
    assert Policies([old, new]).at(0) is new


def test_a_policy_equals_only_itself() -> None:
    one, other = POLICY.parse(REQUIRED), POLICY.parse(REQUIRED)
    assert one == one  # noqa: PLR0124 - that is the point
    assert one != other
    assert len({one, other}) == 2


def test_the_hash_is_of_all_keys_that_are_not_off_whatever_their_order_and_grouping() -> (
    None
):
    bare = POLICY.parse(
        {"b": {"effective_from_ms": 0, "version": 1}, "c": {"family": "FR"}}
    )
    assert bare.policy_hash == POLICY.parse(REQUIRED).policy_hash
    assert sha256(canonical_bytes(bare)).hexdigest().startswith(bare.policy_hash)
    assert len(bare.policy_hash) == HASH_DIGITS
    kept = json.loads(canonical_bytes(bare))
    off = {
        key for key, field in POLICY.fields.items() if field.default in (None, False)
    }
    assert set(kept) == set(POLICY.fields) - off


@pytest.mark.parametrize("key", POLICY.fields)
def test_every_key_makes_another_hash(key: str) -> None:
    base = msgspec.structs.asdict(SHIPPED)
    value = base[key]
    other: object = f"other {value}"
    if isinstance(value, bool):
        other = not value
    elif value is None or isinstance(value, int):
        other = (value or 0) + 1
    elif isinstance(value, tuple):
        other = (*value, "other")
    changed = Policy(**{**base, key: other})
    assert changed.policy_hash != SHIPPED.policy_hash


def test_no_option_can_be_off_in_two_ways() -> None:
    """False and null are left out of the hash; they must mean one thing."""
    for key, field in POLICY.fields.items():
        kinds = set(get_args(field.type)) or {field.type}
        assert not {bool, NoneType} <= kinds, key


def test_a_limit_of_any_size_has_a_hash() -> None:
    one, other = policy(paid_limit_fen=10**400), policy(paid_limit_fen=10**400 + 1)
    assert one.policy_hash != other.policy_hash


def test_a_decision_finds_the_policy_of_its_name_and_its_hash() -> None:
    old, new = POLICY.parse(REQUIRED), POLICY.parse({**REQUIRED, "version": 2})
    versions = Policies([old, new])
    assert versions.named("FR@1", old.policy_hash) is old
    assert versions.named("FR@2", new.policy_hash) is new
    assert versions.named("FR@1", new.policy_hash) is None
    assert versions.named("FR@1", None) is None
    assert versions.named("FR@1", msgspec.UNSET) is old  # a record of version 0.1.0
    assert versions.named("FR@3", msgspec.UNSET) is None


def test_every_key_says_its_unit_and_has_words() -> None:
    assert Policy.__doc__ is not None
    numbers = [
        key for key, field in POLICY.fields.items() if isinstance(field.default, int)
    ]
    units = ("_ms", "_fen", "_days", "_count", "_max")
    for key in numbers:
        if not isinstance(POLICY.fields[key].default, bool):
            assert key.endswith(units), key
