import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.tools.replay.shifting import OneClock, OwnClocks, move

DAY = 86_400_000
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["a", "at_ms", "paid_at_ms", "x_fen", '"y_ms":5']),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def moved_by_hand(found: object, by: int) -> object:
    if isinstance(found, dict):
        return {
            name: max(0, one + by)
            if name in ("at_ms", "paid_at_ms")
            and type(one) is int
            and len(str(one)) <= 18
            else moved_by_hand(one, by)
            for name, one in found.items()
        }
    if isinstance(found, list):
        return [moved_by_hand(one, by) for one in found]
    return found


@given(json_values, st.integers(-DAY, DAY), st.sampled_from([None, 1]))
def test_times_move_at_any_depth_and_nothing_else_does(
    found: object, by: int, indent: int | None
) -> None:
    value = json.dumps(found, indent=indent).encode()
    new = move("requests", value, lambda at_ms: at_ms + by)
    assert json.loads(new) == moved_by_hand(found, by)


@given(st.binary(max_size=200))
def test_what_does_not_move_keeps_every_byte(value: bytes) -> None:
    assert move("requests", value, lambda at_ms: at_ms) == value or b"_ms" in value


@pytest.mark.parametrize(
    "value",
    [b'{"at_ms":1.5}', b'{"at_ms":1e3}', b'{"at_ms":"5"}', b'{"at_ms":null}', b"\xff"],
)
def test_a_wrong_value_stays_as_wrong_as_it_is(value: bytes) -> None:
    assert move("orders", value, lambda at_ms: at_ms + 5) == value


def test_no_time_gets_below_zero() -> None:
    assert move("buyers", b'{"from_ms":1}', lambda at_ms: at_ms - 5) == b'{"from_ms":0}'


def test_the_spans_of_a_policy_stay() -> None:
    value = b'{"effective_from_ms":10,"breaker_window_ms":60000,"lists_max_age_ms":5}'
    assert move("policies", value, lambda at_ms: at_ms + 7) == value.replace(
        b":10,", b":17,"
    )


def test_the_moments_of_a_publication_a_pause_and_a_reset_are_moved() -> None:
    value = b'{"published_at_ms":10,"from_ms":10,"until_ms":10,"policy_wait_ms":5}'
    assert move("policies", value, lambda at_ms: at_ms + 7) == value.replace(
        b":10,", b":17,"
    )


times = st.integers(0, 10 * DAY)


@given(times, times, st.floats(0.1, 1000))
def test_with_recorded_gaps_what_was_earlier_stays_earlier(
    one: int, other: int, speed: float
) -> None:
    moved = OneClock(3 * DAY, 5 * DAY, 10**12, speed).moved(0, 0)
    assert (moved(one) <= moved(other)) or one > other


def test_with_recorded_gaps_times_run_as_fast_as_the_records_and_not_before_or_after() -> (
    None
):
    moved = OneClock(1_000_000, 2_000_000, 10**12, 10).moved(0, 0)
    assert moved(1_000_000) == 10**12
    assert moved(999_000) == 10**12 - 1000
    assert moved(1_500_000) == 10**12 + 50_000
    assert moved(2_000_000) == 10**12 + 100_000
    assert moved(2_000_777) == 10**12 + 100_777


@given(times, st.integers(0, 10**12), st.integers(-DAY, DAY))
def test_with_a_rate_of_its_own_a_record_keeps_its_distances(
    at_ms: int, due_ns: int, distance: int
) -> None:
    moved = OwnClocks(10**12).moved(at_ms, due_ns)
    assert moved(at_ms + distance) == 10**12 + due_ns // 1_000_000 + distance
