from functools import partial

import pytest

from streams.families.fast_refund.breaker import Breaker
from tests.families.fast_refund.base import SHIPPED, policy
from tests.work import Calls

HOUR = 3_600_000
START = 10**12


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
    breaker.reset()
    assert breaker.scope_open("s-1", later, by) == "shop"
    breaker.reset("s-1")
    breaker.reset("s-unknown")
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
        breaker.reset("s-1")
        assert breaker.open_now(START, by) == {"global": 0, "shop": 0}
    assert spent[0] == spent[1]
