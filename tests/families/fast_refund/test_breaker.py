from collections.abc import Sequence
from functools import partial
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.families.fast_refund.breaker import Breaker
from streams.processing.policies.breaker_reset import BreakerReset
from tests.families.fast_refund.base import SHIPPED, policy
from tests.work import Calls

HOUR = 3_600_000
START = 10**12


def reset(
    scope: Literal["all", "global", "shop"], from_ms: int, shop_id: str | None = None
) -> BreakerReset:
    return BreakerReset(
        family="FR",
        scope=scope,
        shop_id=shop_id,
        from_ms=from_ms,
        author="li",
        reason="why",
        published_at_ms=from_ms,
    )


def test_without_the_option_nothing_is_ever_refused() -> None:
    breaker = Breaker()
    for number in range(100):
        assert breaker.admit(f"d-{number}", "s-1", 10**9, START, SHIPPED) is None
    assert breaker.scope_open("s-1", START, SHIPPED) is None


@pytest.mark.clause("breaker_*")
def test_the_approval_that_would_pass_a_count_opens_the_shop() -> None:
    by = policy(breaker_shop_max_count=2, breaker_window_ms=HOUR)
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 1, START, by) is None
    assert breaker.admit("d-2", "s-1", 1, START + 1, by) is None
    assert breaker.scope_open("s-1", START + 1, by) is None
    assert breaker.admit("d-3", "s-1", 1, START + 2, by) == "shop"
    assert breaker.scope_open("s-1", START + 2, by) == "shop"
    assert breaker.scope_open("s-2", START + 2, by) is None
    assert breaker.admit("d-4", "s-2", 1, START + 2, by) is None


def test_a_sum_may_reach_its_maximum_and_not_pass_it() -> None:
    by = policy(breaker_global_max_fen=100, breaker_window_ms=HOUR)
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 60, START, by) is None
    assert breaker.admit("d-2", "s-2", 40, START, by) is None
    assert breaker.admit("d-3", "s-3", 1, START, by) == "global"
    assert breaker.scope_open("s-9", START, by) == "global"
    assert breaker.scope_open(None, START, by) == "global"


def test_the_global_count_and_the_shops_sum_are_lids_too() -> None:
    by = policy(
        breaker_global_max_count=1,
        breaker_shop_max_fen=10,
        breaker_window_ms=HOUR,
        breaker_cooldown_ms=1,
    )
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 11, START, by) == "shop"
    assert breaker.admit("d-2", "s-2", 10, START, by) is None
    assert breaker.admit("d-3", "s-3", 1, START, by) == "global"
    assert breaker.admit("d-4", "s-3", 1, START, by) == "global"


@pytest.mark.clause("breaker_*")
def test_the_same_decision_never_counts_twice() -> None:
    by = policy(breaker_shop_max_count=1, breaker_window_ms=HOUR)
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 1, START, by) is None
    assert breaker.admit("d-1", "s-1", 1, START + 5, by) is None
    assert breaker.scope_open("s-1", START + 5, by) is None


def test_the_window_excludes_its_start() -> None:
    by = policy(breaker_shop_max_count=1, breaker_window_ms=HOUR, breaker_cooldown_ms=1)
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 1, START, by) is None
    assert breaker.admit("d-2", "s-1", 1, START + HOUR - 1, by) == "shop"
    assert breaker.admit("d-3", "s-1", 1, START + HOUR, by) is None


def test_a_shop_whose_window_is_empty_is_forgotten() -> None:
    by = policy(breaker_shop_max_count=1, breaker_window_ms=HOUR)
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 1, START, by) is None
    assert breaker.admit("d-2", "s-2", 1, START + HOUR, by) is None
    assert breaker.admit("d-1", "s-1", 1, START + HOUR, by) is None
    assert breaker.admit("d-3", "s-1", 1, START + HOUR, by) == "shop"


def test_a_cooldown_ends_and_the_window_still_holds() -> None:
    by = policy(
        breaker_shop_max_count=1, breaker_window_ms=HOUR, breaker_cooldown_ms=1_000
    )
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 1, START, by) is None
    assert breaker.admit("d-2", "s-1", 1, START, by) == "shop"
    assert breaker.scope_open("s-1", START + 999, by) == "shop"
    assert breaker.scope_open("s-1", START + 1_000, by) is None
    assert breaker.admit("d-3", "s-1", 1, START + 1_000, by) == "shop"


def test_without_a_cooldown_only_the_operator_closes_it() -> None:
    by = policy(
        breaker_shop_max_count=1, breaker_global_max_count=2, breaker_window_ms=HOUR
    )
    breaker = Breaker()
    for number, shop_id in enumerate(("s-1", "s-1", "s-2", "s-3")):
        breaker.admit(f"d-{number}", shop_id, 1, START, by)
    later = START + 100 * HOUR
    assert breaker.scope_open("s-1", later, by) == "global"
    breaker.heed([reset("global", later)], later)
    assert breaker.scope_open("s-1", later, by) == "shop"
    breaker.heed(
        [reset("shop", later, "s-unknown"), reset("shop", later, "s-1")], later
    )
    assert breaker.scope_open("s-1", later, by) is None
    assert breaker.admit("d-9", "s-1", 1, later, by) is None


def test_an_open_shop_outlives_its_window() -> None:
    by = policy(breaker_shop_max_count=1, breaker_window_ms=HOUR)
    breaker = Breaker()
    breaker.admit("d-1", "s-1", 1, START, by)
    assert breaker.admit("d-2", "s-1", 1, START, by) == "shop"
    assert breaker.admit("d-3", "s-2", 1, START + 2 * HOUR, by) is None
    assert breaker.scope_open("s-1", START + 2 * HOUR, by) == "shop"


def test_an_unknown_amount_counts_as_nothing() -> None:
    by = policy(breaker_shop_max_fen=1, breaker_window_ms=HOUR)
    assert Breaker().admit("d-1", None, None, START, by) is None


def test_open_breakers_are_told_by_scope() -> None:
    breaker = Breaker()
    rules = policy(
        breaker_shop_max_count=1, breaker_window_ms=1000, breaker_cooldown_ms=50
    )
    assert breaker.open_now(START, rules) == {"global": 0, "shop": 0}
    assert breaker.admit("a", "s1", 100, START, rules) is None
    assert breaker.admit("b", "s1", 100, START, rules) == "shop"
    assert breaker.open_now(START, rules) == {"global": 0, "shop": 1}
    assert breaker.open_now(START + 50, rules) == {"global": 0, "shop": 0}


def test_counting_open_breakers_costs_the_same_however_many_shops_there_are() -> None:
    by = policy(breaker_shop_max_count=1, breaker_window_ms=HOUR)
    spent = []
    for shops in (10, 1_000):
        breaker = Breaker()
        for number in range(shops):
            breaker.admit(f"d-{number}", f"s-{number}", 1, START, by)
        assert breaker.admit("d-again", "s-1", 1, START, by) == "shop"
        assert breaker.open_now(START, by) == {"global": 0, "shop": 1}
        spent.append(Calls().of(partial(breaker.open_now, START, by)))
        breaker.heed([reset("shop", START, "s-1")], START)
        assert breaker.open_now(START, by) == {"global": 0, "shop": 0}
    assert spent[0] == spent[1]


# -- the operator's reset --------------------------------------------------------------


@pytest.mark.parametrize(("from_ms", "left"), [(START + 1, 1), (START + 2, 0)])
@pytest.mark.parametrize("scope", ["all", "global", "shop"])
def test_an_approval_before_the_reset_counts_no_more_and_one_at_it_does(
    scope: Literal["all", "global", "shop"], from_ms: int, left: int
) -> None:
    name = "global" if scope == "global" else "shop"
    by = policy(**{f"breaker_{name}_max_count": 2, "breaker_window_ms": HOUR})
    breaker = Breaker()
    for number in range(2):
        assert breaker.admit(f"d-{number}", "s-1", 1, START + number, by) is None
    assert breaker.admit("d-2", "s-1", 1, START + 2, by) == name
    shop_id = "s-1" if scope == "shop" else None
    breaker.heed([reset(scope, from_ms, shop_id)], START + 2)
    assert breaker.scope_open("s-1", START + 2, by) is None
    found = [
        breaker.admit(f"d-{number}", "s-1", 1, START + 2, by) for number in (3, 4, 5)
    ]
    assert found == [None] * (2 - left) + [name] * (1 + left)


def test_a_reset_ends_the_cool_down_and_what_comes_after_counts() -> None:
    by = policy(
        breaker_shop_max_fen=10, breaker_window_ms=HOUR, breaker_cooldown_ms=HOUR
    )
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 11, START, by) == "shop"
    assert breaker.open_now(START + 5, by) == {"global": 0, "shop": 1}
    breaker.heed([reset("all", START + 5)], START + 5)
    assert breaker.open_now(START + 5, by) == {"global": 0, "shop": 0}
    assert breaker.admit("d-2", "s-1", 10, START + 5, by) is None
    assert breaker.admit("d-3", "s-1", 1, START + 5, by) == "shop"


def test_a_reset_closes_only_the_breakers_that_it_names() -> None:
    by = policy(breaker_shop_max_count=1, breaker_window_ms=HOUR)
    breaker = Breaker()
    for shop_id in ("s-1", "s-2", None):
        assert breaker.admit(f"d-1-{shop_id}", shop_id, 1, START, by) is None
        assert breaker.admit(f"d-2-{shop_id}", shop_id, 1, START, by) == "shop"
    breaker.heed([reset("global", START)], START)
    assert breaker.open_now(START, by) == {"global": 0, "shop": 3}
    breaker.heed([reset("shop", START, "s-1")], START)
    assert breaker.scope_open("s-1", START, by) is None
    assert breaker.open_now(START, by) == {"global": 0, "shop": 2}
    breaker.heed([reset("all", START)], START)
    assert breaker.open_now(START, by) == {"global": 0, "shop": 0}


def test_a_reset_opens_nothing_and_forgets_no_known_approval() -> None:
    by = policy(breaker_shop_max_count=1, breaker_window_ms=HOUR)
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 1, START, by) is None
    breaker.heed([reset("all", START + 1), reset("shop", START, "s-1")], START + 1)
    assert breaker.open_now(START + 1, by) == {"global": 0, "shop": 0}
    assert breaker.admit("d-1", "s-1", 1, START + 2, by) is None  # known, not counted
    assert breaker.admit("d-2", "s-1", 1, START + 2, by) is None
    assert breaker.admit("d-3", "s-1", 1, START + 2, by) == "shop"


def test_a_reset_that_lies_ahead_counts_from_when_it_is_read() -> None:
    by = policy(breaker_shop_max_count=1, breaker_window_ms=HOUR)
    breaker = Breaker()
    breaker.heed([reset("all", START + HOUR)], START)
    assert breaker.admit("d-1", "s-1", 1, START, by) is None
    assert breaker.admit("d-2", "s-1", 1, START + 1, by) == "shop"


def test_an_earlier_reset_that_comes_later_brings_nothing_back() -> None:
    by = policy(breaker_shop_max_count=1, breaker_window_ms=HOUR)
    breaker = Breaker()
    assert breaker.admit("d-1", "s-1", 1, START + 5, by) is None
    for from_ms in (START + 10, START + 1):
        breaker.heed([reset("shop", from_ms, "s-1")], START + 10)
    assert breaker.admit("d-2", "s-1", 1, START + 10, by) is None


_What = Literal["approve", "all", "global", "shop"]
_WHAT: Sequence[_What] = ("approve", "all", "global", "shop")
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(_WHAT),
        st.sampled_from(["s-1", "s-2"]),
        st.integers(0, 4),
    ),
    max_size=40,
)


@given(_STEPS)
def test_a_breaker_counts_what_lies_in_the_window_and_after_the_resets(
    steps: Sequence[tuple[_What, str, int]],
) -> None:
    """Against a plain model that keeps every approval and looks at all of them."""
    window_ms = 10
    by = policy(
        breaker_shop_max_count=2,
        breaker_global_max_count=3,
        breaker_window_ms=window_ms,
        breaker_cooldown_ms=1,
    )
    breaker, now_ms = Breaker(), START
    counted: list[tuple[int, str]] = []
    since = {"global": 0, "s-1": 0, "s-2": 0}
    opened = dict.fromkeys(since, 0)
    for number, (what, shop_id, moved_ms) in enumerate(steps):
        if what != "approve":
            from_ms = now_ms - moved_ms
            named = shop_id if what == "shop" else None
            breaker.heed([reset(what, from_ms, named)], now_ms)
            names = {"all": list(since), "global": ["global"], "shop": [shop_id]}[what]
            for name in names:
                since[name], opened[name] = max(since[name], from_ms), 0
            continue
        now_ms += moved_ms
        in_window = [one for one in counted if one[0] > now_ms - window_ms]
        whole = [one for one in in_window if one[0] >= since["global"]]
        own = [
            one for one in in_window if one[1] == shop_id and one[0] >= since[shop_id]
        ]
        expected = None
        if now_ms < opened["global"] + 1:
            expected = "global"
        elif now_ms < opened[shop_id] + 1:
            expected = "shop"
        elif len(whole) == 3:
            expected, opened["global"] = "global", now_ms
        elif len(own) == 2:
            expected, opened[shop_id] = "shop", now_ms
        else:
            counted.append((now_ms, shop_id))
        assert breaker.admit(f"d-{number}", shop_id, 1, now_ms, by) == expected
