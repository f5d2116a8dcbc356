import pytest

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import (
    POLICY,
    change_doubts,
    root_doubts,
)
from streams.processing.policies.plausible import (
    AHEAD_MS,
    EARLIEST_MS,
    moment_doubts,
    unmeant,
)
from tests.families.fast_refund.base import NOW, SHIPPED, policy


def doubted(by: Policy, before: Policy = SHIPPED) -> list[str]:
    found = POLICY.doubts(by, before, NOW)
    return [doubt.key for doubt in found]


def test_the_shipped_policy_is_plausible() -> None:
    assert doubted(SHIPPED) == []


@pytest.mark.parametrize(
    ("at_ms", "expected"),
    [
        (EARLIEST_MS - 1, True),
        (EARLIEST_MS, False),
        (NOW + AHEAD_MS, False),
        (NOW + AHEAD_MS + 1, True),
        (NOW // 1000, True),  # seconds
        (10**400, True),
    ],
)
def test_a_moment_lies_between_2015_and_a_year_from_now(
    at_ms: int, *, expected: bool
) -> None:
    assert ("effective_from_ms" in doubted(policy(effective_from_ms=at_ms))) is expected


def test_a_record_without_a_usable_timestamp_is_not_held_to_it() -> None:
    assert not list(moment_doubts("x", NOW, 0))
    assert list(moment_doubts("x", 5, 0))


@pytest.mark.parametrize(
    ("limit_fen", "expected"),
    [
        (14_999, ["paid_limit_fen"]),
        (15_000, []),
        (60_000, []),
        (60_001, ["paid_limit_fen"]),
        (250, ["paid_limit_fen"]),  # yuan
        (100_001, ["paid_limit_fen", "paid_limit_fen"]),
        (99_999_999, ["paid_limit_fen", "paid_limit_fen"]),
        (10**400, ["paid_limit_fen", "paid_limit_fen"]),
    ],
)
def test_a_limit_is_below_its_ceiling_and_near_the_one_before(
    limit_fen: int, expected: list[str]
) -> None:
    assert doubted(policy(paid_limit_fen=limit_fen)) == expected


def test_raising_the_ceiling_is_doubted_as_the_limit_is() -> None:
    raised = policy(paid_limit_max_fen=10**9, paid_limit_fen=88_000_00)
    assert doubted(raised) == ["paid_limit_fen", "paid_limit_max_fen"]


def test_the_shorter_of_two_neighbouring_windows_is_doubted() -> None:
    options = {"buyer_count_max": 2, "buyer_amount_quota_fen": 30_000}
    week_ms, week_s = 604_800_000, 604_800
    both = {"buyer_count_window_ms": week_ms, "buyer_amount_window_ms": week_ms}
    assert doubted(policy(**options, **both)) == []
    for key in both:
        assert doubted(policy(**options, **{**both, key: week_s})) == [key]


def test_a_span_ten_times_another_than_before_is_doubted() -> None:
    for factor, expected in ((10, []), (11, ["quality_max_age_ms"])):
        longer = SHIPPED.quality_max_age_ms * factor
        assert doubted(policy(quality_max_age_ms=longer)) == expected
    assert doubted(policy(quality_max_age_ms=86_400)) == ["quality_max_age_ms"]
    assert doubted(policy(lists_max_age_ms=0)) == []  # nothing is fresh: strict


def test_a_category_that_is_no_longer_excluded_is_doubted() -> None:
    assert doubted(policy(excluded_roots=["custom", "virtaul"])) == ["excluded_roots"]
    assert doubted(policy(excluded_roots=["custom", "virtual", "wine"])) == []


def test_a_category_that_no_order_has_is_doubted() -> None:
    found = root_doubts(policy(excluded_roots=["custom", "wine"]), {"custom", "food"})
    assert [doubt.line for doubt in found] == [
        (
            "excluded_roots: no order has a category wine; correct it, or confirm it: "
            "--allow excluded_roots"
        )
    ]


def test_who_names_the_key_means_its_value() -> None:
    by = policy(paid_limit_fen=250, effective_from_ms=5)
    found = [*POLICY.doubts(by, SHIPPED, NOW)]
    (line,) = unmeant(iter(found), ("paid_limit_fen",))
    assert line.startswith("effective_from_ms: 5 lies before 2015; is it in seconds?")
    assert unmeant(iter(found), ("paid_limit_fen", "effective_from_ms")) == ()


def test_amounts_are_told_in_fen_and_yuan_and_no_line_is_endless() -> None:
    (line,) = unmeant(change_doubts(policy(paid_limit_fen=250), SHIPPED), ())
    assert "250 fen (2.50 yuan)" in line
    assert "30,000 fen (300.00 yuan)" in line
    for doubt in POLICY.doubts(policy(paid_limit_fen=10**400), SHIPPED, NOW):
        assert len(doubt.line) < 200
