from hypothesis import given
from hypothesis import strategies as st

from streams.tools.backtest.comparing import Verdict, compare, differs
from streams.tools.backtest.wording import yuan

verdicts = st.builds(
    Verdict,
    disposition=st.just("decided"),
    outcome=st.sampled_from(["auto_approve", "manual_review"]),
    reason_codes=st.lists(st.sampled_from("ABC"), unique=True, max_size=2).map(tuple),
    refund_fen=st.none() | st.integers(0, 30_000),
    shop_id=st.none() | st.sampled_from(["s-1", "s-2"]),
    category=st.sampled_from(["a/b", "-"]),
    decided_at_ms=st.integers(0, 10**8),
)
sides = st.dictionaries(st.integers(0, 20).map(str), verdicts, max_size=15)


@given(sides)
def test_equal_sides_differ_in_nothing(side: dict[str, Verdict]) -> None:
    found = compare(side, side)
    assert found.total.requests == len(side)
    assert (found.total.changed, found.turns, found.changes) == (0, [], [])
    assert (found.only_before, found.only_after) == (0, 0)
    assert all(one.before == one.after for one in found.codes)
    assert all(one.before == one.after for one in found.review_hours)


@given(sides, sides)
def test_every_way_of_counting_gives_the_same_totals(
    before: dict[str, Verdict], after: dict[str, Verdict]
) -> None:
    found = compare(before, after)
    common = before.keys() & after.keys()
    changed = [one for one in common if differs(before[one], after[one])]
    total = found.total
    assert total.requests == len(common)
    assert total.changed == len(changed) == len(found.changes)
    assert sum(one.count for one in found.turns) == len(changed)
    for groups in (found.shops, found.categories):
        for field in (
            "requests",
            "changed",
            "approved_before",
            "approved_fen_after",
            "reviews_after",
        ):
            counted = sum(getattr(one, field) for one in groups)
            assert counted == getattr(total, field)
    assert sum(one.after for one in found.review_hours) == total.reviews_after
    assert found.only_before == len(before) - len(common)
    assert found.only_after == len(after) - len(common)
    approved_fen = sum(
        (before[one].refund_fen or 0)
        for one in common
        if before[one].outcome == "auto_approve"
    )
    assert total.approved_fen_before == approved_fen


def test_amounts_are_exact() -> None:
    assert [yuan(fen) for fen in (0, 5, 1_234_567, -99_901)] == [
        "0.00",
        "0.05",
        "12,345.67",
        "-999.01",
    ]
