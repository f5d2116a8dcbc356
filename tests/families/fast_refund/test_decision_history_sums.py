"""The ledger's sums mean what every single decision means, and cost the same for many."""

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.families.fast_refund.buyer_approvals import ManyApprovals
from streams.families.fast_refund.decision_history import RefundHistory
from streams.families.fast_refund.history_entries import APPROVED, Entry, Fate
from streams.families.fast_refund.history_facts import find
from streams.families.fast_refund.model import History, Request
from streams.families.fast_refund.policy import Policy
from tests.families.fast_refund.base import policy
from tests.families.fast_refund.every_row import EveryRow
from tests.work import Calls

NOW: Final = 1_773_800_101_000
WEEK: Final = 7 * 86_400_000
POLICIES: Final = (
    policy(),
    policy(prior_refund_states=["failed", "rejected", "withdrawn"]),
    policy(prior_refund_states=["undecided", "in_review"]),
    policy(
        buyer_count_max=3,
        buyer_count_window_ms=40,
        buyer_amount_quota_fen=100,
        buyer_amount_window_ms=15,
    ),
)
KINDS: Final = (
    ("decided", APPROVED, False),
    ("decided", "manual_review", False),
    ("out_of_scope", None, False),
    ("superseded", None, False),
    ("superseded", None, True),
)
FATES: Final = (
    Fate("payout_succeeded"),
    Fate("payout_failed"),
    Fate("payout_failed", review="rejected"),
    Fate(review="approved"),
    Fate(review="rejected"),
    Fate(),
)


def entries(refunds: int, versions: int) -> st.SearchStrategy[Entry]:
    return st.builds(
        lambda refund, version, kind, where, amount: Entry(
            f"r-{refund}",
            version,
            where[0],
            where[1],
            kind[0],
            kind[1],
            NOW + where[2],
            amount,
            kind[2],
            ("CODE",),
            b"",
        ),
        st.integers(0, refunds),
        st.none() | st.integers(-1, versions),
        st.sampled_from(KINDS),
        st.tuples(
            st.sampled_from(("o-1", "o-1", "o-1", "o-2", None)),
            st.sampled_from(("b-1", "b-1", "b-1", "b-2", None)),
            st.integers(0, 60),
        ),
        st.sampled_from((1, 7, 100, 100, None)),
    )


def histories(
    refunds: int, versions: int
) -> st.SearchStrategy[list[Entry | tuple[str, Fate]]]:
    fates = st.tuples(
        st.integers(0, refunds).map("r-{}".format), st.sampled_from(FATES)
    )
    return st.lists(
        st.one_of(entries(refunds, versions), entries(refunds, versions), fates),
        min_size=20,
        max_size=120,
    )


def told(history: list[Entry | tuple[str, Fate]]) -> tuple[RefundHistory, EveryRow]:
    ledger, rows = RefundHistory(), EveryRow()
    for number, one in enumerate(history):
        if isinstance(one, tuple):
            ledger.put_fate(*one)
            rows.fates[one[0]] = one[1]
        else:
            first = ledger.first(one.refund_id, one.version, withdraws=one.withdraws)
            assert (first is not None) == rows.knows(one)
            assert ledger.remember(one) == (first or one)
            if first is None:
                rows.entries.append(one)
        if number == len(history) // 2:
            ledger.approvals_of("b-1")  # from here on buyers are counted as they come
    return ledger, rows


def same(ledger: RefundHistory, rows: EveryRow, request: Request, by: Policy) -> None:
    refund_id, order_id = request.refund_id, request.order_id
    buyer_id = request.buyer_id
    summed = find(
        request,
        order_id,
        ledger.of_group(order_id, refund_id),
        by,
        NOW,
        ledger.approvals_of(buyer_id),
    )
    assert summed == find(
        request,
        order_id,
        rows.rows(refund_id, order_id),
        by,
        NOW,
        rows.approvals(buyer_id),
    )


def all_the_same(history: list[Entry | tuple[str, Fate]], refunds: int) -> None:
    ledger, rows = told(history)
    for refund in range(refunds + 2):
        refund_id = f"r-{refund}"
        assert ledger.approval(refund_id) == rows.approval(refund_id)
        if rows.approval(refund_id) is not None:
            assert ledger.withdrawn_after(refund_id) == rows.withdrawn_after(refund_id)
        for version in (None, 0, 2, 9, 40):
            request = Request(
                refund_id=refund_id,
                refund_version=version,
                order_id=(None, "o-1", "o-2", "o-1")[refund % 4],
                buyer_id=("b-1", "b-2", None)[refund % 3],
                requested_at_ms=NOW + 7 * refund,
            )
            for by in POLICIES:
                same(ledger, rows, request, by)
    for order_id in ("o-1", "o-2", "o-3"):
        assert set(ledger.approved_on(order_id)) == rows.approved_on(order_id)
    for one in rows.entries:
        assert ledger.first(one.refund_id, one.version, withdraws=one.withdraws) == one


def decided(
    version: int | None,
    outcome: str | None = "manual_review",
    *,
    refund_id: str = "r-1",
    order_id: str = "o-1",
    at_ms: int = NOW,
    fen: int | None = 100,
) -> Entry:
    """Return a decision on money; one without an outcome is out of scope."""
    disposition = "decided" if outcome else "out_of_scope"
    verdict = disposition, outcome, at_ms, fen, False, ("CODE",), b""
    return Entry(refund_id, version, order_id, "b-1", *verdict)


def withdrawal(version: int | None, order_id: str = "o-1") -> Entry:
    verdict = "superseded", None, NOW, 100, True, ("REQUEST_WITHDRAWN",), b""
    return Entry("r-1", version, order_id, "b-1", *verdict)


def history(
    ledger: RefundHistory, refund_id: str, version: int, order_id: str = "o-1"
) -> History:
    asked = Request(refund_id=refund_id, refund_version=version, order_id=order_id)
    return find(asked, order_id, ledger.of_group(order_id, refund_id), policy(), NOW)


def test_what_a_late_withdrawal_leaves_open_is_older_than_some_and_newer_than_others() -> (
    None
):
    versions = [decided(version) for version in range(10, 30)]
    ledger, rows = told([*versions, withdrawal(3), ("r-1", Fate(review="approved"))])
    for version in range(1, 40):
        asked = Request(refund_id="r-1", refund_version=version, order_id="o-1")
        same(ledger, rows, asked, policy())
    assert not history(ledger, "r-1", 10).approved_before
    assert history(ledger, "r-1", 11).approved_before
    assert history(ledger, "r-1", 28).newer_version
    assert not history(ledger, "r-1", 29).newer_version


def test_the_lowest_approved_version_of_many_counts_and_so_does_the_highest() -> None:
    approved = [decided(version, APPROVED) for version in (8, 5, 9, 7)]
    ledger, rows = told([*approved, *(decided(version) for version in range(10, 20))])
    for version in range(1, 25):
        asked = Request(refund_id="r-1", refund_version=version, order_id="o-1")
        same(ledger, rows, asked, policy())
    assert not history(ledger, "r-1", 5).approved_before
    assert history(ledger, "r-1", 6).approved_before


def test_of_many_versions_that_were_superseded_on_arrival_nothing_stands() -> None:
    ledger = RefundHistory()
    for version in range(20):
        late = decided(version, None)
        ledger.remember(msgspec.structs.replace(late, disposition="superseded"))
    assert ledger.of_group("o-1", "r-1") == []
    assert ledger.approval("r-1") is None
    assert not history(ledger, "r-2", 1).open_refund
    ledger.remember(decided(3, None, refund_id="r-2"))
    assert history(ledger, "r-1", 1).open_refund


def test_the_highest_approved_version_is_newer_whichever_came_last() -> None:
    versions = (1, 2, 3, 20, 4, 5, 6, 7, 8, 10)
    ledger, rows = told([decided(version, APPROVED) for version in versions])
    for version in range(1, 25):
        asked = Request(refund_id="r-1", refund_version=version, order_id="o-1")
        same(ledger, rows, asked, policy())
    assert history(ledger, "r-1", 19).newer_version


def test_what_versions_of_a_refund_leave_open_is_told_apart_by_order() -> None:
    ranges = {"o-3": (0, 2), "o-1": (10, 14), "o-4": (14, 17), "o-2": (17, 25)}
    versions = [
        decided(version, order_id=order_id)
        for order_id, numbers in ranges.items()
        for version in range(*numbers)
    ]
    ledger, rows = told([*versions, withdrawal(9)])
    for order_id in ranges:
        is_open = order_id != "o-3"
        asked = Request(refund_id="r-2", refund_version=1, order_id=order_id)
        same(ledger, rows, asked, policy())
        assert history(ledger, "r-2", 1, order_id).open_refund is is_open


@pytest.mark.parametrize("others", [1, 20])
def test_a_refund_on_more_orders_than_are_told_apart_is_open_on_the_others(
    others: int,
) -> None:
    ledger = RefundHistory()
    for number in range(others):
        ledger.remember(decided(1, "out", refund_id=f"other-{number}", order_id="o-19"))
        ledger.put_fate(f"other-{number}", Fate(review="rejected"))
    for number in range(20):
        ledger.remember(decided(number, order_id=f"o-{number}"))
    assert not history(ledger, "r-9", 1, "o-1").open_refund  # closed by newer versions
    assert history(ledger, "r-9", 1, "o-19").open_refund
    ledger.put_fate("r-1", Fate(review="rejected"))
    assert history(ledger, "r-9", 1, "o-19").open_refund  # nobody knows: a person looks
    # its own rows are whole
    assert history(ledger, "r-1", 19, "o-19") == History()
    ledger.remember(withdrawal(3, "o-3"))
    assert history(ledger, "r-1", 18, "o-18").newer_version
    assert not history(ledger, "r-1", 19, "o-19").newer_version


def test_windows_over_thousands_of_approvals_are_exact_in_whatever_order_they_came() -> (
    None
):
    random = Random(7)  # noqa: S311 - moments to try, no secret
    ledger, rows = RefundHistory(), EveryRow()
    ledger.approvals_of("b-1")
    for number in range(3_000):
        at_ms = NOW + random.randrange(2_000)
        fen = None if number == 1_234 else number
        one = decided(1, APPROVED, refund_id=f"r-{number}", at_ms=at_ms, fen=fen)
        ledger.remember(one)
        rows.entries.append(one)
        if random.random() < 0.3:
            failed = f"r-{random.randrange(number + 1)}"
            rows.fates[failed] = random.choice(FATES)
            ledger.put_fate(failed, rows.fates[failed])
    for unread in (Fate(), Fate("payout_failed"), Fate("payout_succeeded")):
        rows.fates["r-1234"] = unread
        ledger.put_fate("r-1234", unread)
        summed, listed = ledger.approvals_of("b-1"), rows.approvals("b-1")
        assert isinstance(summed, ManyApprovals)
        for _ in range(40):
            until_ms = NOW + random.randrange(-10, 2_010)
            window = until_ms - random.randrange(2_000), until_ms
            assert summed.count(*window) == listed.count(*window)
            assert summed.used_fen(*window) == listed.used_fen(*window)


def test_an_approval_of_a_buyer_counts_once_however_often_it_is_told() -> None:
    for many in (1, 5, 50):
        ledger = RefundHistory()
        for number in range(many):
            ledger.remember(decided(1, APPROVED, refund_id=f"r-{number}"))
        ledger.index_buyers(1)
        ledger.remember(decided(2, APPROVED, refund_id=f"r-{many - 1}"))
        while ledger.index_buyers(1):
            pass
        approvals = ledger.approvals_of("b-1")
        assert approvals.count(0, NOW) == many + 1
        assert approvals.used_fen(0, NOW) == 100 * (many + 1)


@settings(max_examples=60)
@given(histories(2, 40))
def test_a_refund_of_many_versions_means_what_each_of_them_means(
    history: list[Entry | tuple[str, Fate]],
) -> None:
    all_the_same(history, 2)


@settings(max_examples=30)
@given(histories(40, 2))
def test_an_order_of_many_refunds_means_what_each_of_them_means(
    history: list[Entry | tuple[str, Fate]],
) -> None:
    all_the_same(history, 40)


def crowded(many: int, make: Callable[[int], Entry]) -> RefundHistory:
    ledger = RefundHistory()
    ledger.approvals_of("b-1")
    for number in range(many):
        ledger.remember(make(number))
    return ledger


CROWDS: Final = {
    "refunds of an order": lambda n: decided(1, refund_id=f"r-{n}"),
    "approved refunds of an order": lambda n: decided(1, APPROVED, refund_id=f"r-{n}"),
    "versions of a refund": lambda n: decided(n + 1),
    "versions of an approved refund": (
        lambda n: decided(n + 1, "manual_review" if n else APPROVED)
    ),
    "versions of a refund, each of an order of its own": (
        lambda n: decided(n + 1, order_id=f"o-{n}")
    ),
    "approvals of a buyer": lambda n: decided(
        1, APPROVED, refund_id=f"r-{n}", order_id=f"o-{n}", at_ms=NOW + n
    ),
}


@pytest.mark.parametrize("make", CROWDS.values(), ids=CROWDS)
def test_a_request_costs_the_same_in_a_crowd_a_hundred_times_as_large(
    make: Callable[[int], Entry],
) -> None:
    by, calls = POLICIES[3], Calls()

    def one_more(ledger: RefundHistory) -> None:
        asked = Request(
            refund_id="r-1", refund_version=20_000, order_id="o-1", buyer_id="b-1"
        )
        assert ledger.first("r-1", 20_000, withdraws=False) is None
        rows = ledger.of_group("o-1", "r-1")
        find(asked, "o-1", rows, by, NOW + 60, ledger.approvals_of("b-1"))
        ledger.remember(decided(20_000, APPROVED))
        ledger.put_fate("r-1", Fate("payout_failed"))
        ledger.approval("r-1")
        ledger.withdrawn_after("r-1")

    small, large = (crowded(many, make) for many in (100, 10_000))
    assert len(large.of_group("o-1", "r-1")) <= len(small.of_group("o-1", "r-1")) <= 36
    spent = [calls.of(partial(one_more, ledger)) for ledger in (small, large)]
    assert spent[1] <= 1.1 * spent[0], spent
