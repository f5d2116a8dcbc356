"""The memory of a partition: first decisions, what became of them, what rules read."""

from typing import Final

import pytest

from streams.families.fast_refund.decision_history import (
    APPROVED,
    Entry,
    Fate,
    RefundHistory,
)
from streams.families.fast_refund.model import Past

NOW: Final = 1_773_800_101_000
MANUAL: Final = "manual_review"


def entry(
    version: int | None = 1,
    outcome: str | None = MANUAL,
    refund_id: str = "r-1",
    *,
    withdraws: bool = False,
    disposition: str | None = None,
) -> Entry:
    if withdraws:
        outcome = None
    return Entry(
        refund_id,
        version,
        "o-1",
        "b-1",
        disposition or ("superseded" if withdraws else "decided"),
        outcome,
        NOW,
        19_900,
        withdraws,
        ("CODE",),
        f"{refund_id}:{version}:{withdraws}".encode(),
    )


def ledger(*entries: Entry) -> RefundHistory:
    """Add entries in the order in which they were decided."""
    found = RefundHistory()
    for one in entries:
        found.remember(one)
    return found


def states(found: RefundHistory, refund_id: str = "r-1") -> list[tuple[object, object]]:
    return [(row.refund_version, row.state) for row in found.of_group(None, refund_id)]


def test_a_decision_is_found_by_its_very_version_and_kind_of_record() -> None:
    found = ledger(entry(1), entry(2, APPROVED), entry(2, withdraws=True))
    first = found.first("r-1", 1, withdraws=False)
    assert first is not None
    assert first.value == b"r-1:1:False"
    withdrawal = found.first("r-1", 2, withdraws=True)
    assert withdrawal is not None
    assert withdrawal.withdraws
    assert found.first("r-1", 1, withdraws=True) is None
    assert found.first("r-1", 3, withdraws=False) is None
    assert found.first("r-9", 1, withdraws=False) is None


def test_the_first_decision_of_a_version_counts_whatever_comes_after() -> None:
    found = RefundHistory()
    first = entry(1, MANUAL)
    assert found.remember(first) is first
    assert found.remember(entry(1, APPROVED)) is first
    assert found.remember(entry(2)) == entry(2)
    assert found.approval("r-1") is None
    assert found.positions() == {}  # so a start reads all outputs
    assert found.rows() == {"refunds": 1, "notices": 0}


def test_a_missing_version_is_a_version_of_its_own() -> None:
    found = ledger(entry(None), entry(1))
    first = found.first("r-1", None, withdraws=False)
    assert first is not None
    assert first.version is None


def test_the_approval_is_found_whatever_came_after_it() -> None:
    found = ledger(entry(1, APPROVED), entry(2), entry(2, withdraws=True))
    approval = found.approval("r-1")
    assert approval is not None
    assert approval.version == 1
    assert found.approval("r-9") is None
    assert ledger(entry()).approval("r-1") is None


def test_approvals_of_an_order_are_those_of_all_its_refunds() -> None:
    found = ledger(
        entry(1, APPROVED, "r-1"), entry(1, MANUAL, "r-2"), entry(1, APPROVED, "r-3")
    )
    assert found.approved_on("o-1") == ["r-1", "r-3"]
    assert found.approved_on("o-9") == []


def test_rows_are_those_of_the_refund_and_of_the_others_of_its_order() -> None:
    found = ledger(entry(1, refund_id="r-1"), entry(1, refund_id="r-2"))
    assert [row.refund_id for row in found.of_group("o-1", "r-2")] == ["r-2", "r-1"]
    assert [row.refund_id for row in found.of_group("o-1", "r-9")] == ["r-1", "r-2"]
    assert [row.refund_id for row in found.of_group(None, "r-1")] == ["r-1"]
    assert found.of_group("o-9", "r-9") == []


def test_a_row_says_what_was_decided() -> None:
    assert ledger(entry(1, APPROVED)).of_group(None, "r-1") == [
        Past("r-1", "o-1", 1, "approved", APPROVED, NOW, 19_900, ("CODE",))
    ]


@pytest.mark.parametrize(
    ("outcome", "fate", "state"),
    [
        (APPROVED, None, "approved"),
        (APPROVED, Fate("payout_succeeded"), "succeeded"),
        (APPROVED, Fate("payout_failed"), "failed"),
        (MANUAL, None, "in_review"),
        (MANUAL, Fate(review="approved"), "approved"),
        (MANUAL, Fate(review="rejected"), "rejected"),
        (MANUAL, Fate("payout_succeeded"), "succeeded"),
        (MANUAL, Fate("payout_succeeded", review="rejected"), "succeeded"),
        (MANUAL, Fate("payout_failed"), "failed"),
        (MANUAL, Fate("payout_failed", review="approved"), "approved"),
        (None, None, "undecided"),
    ],
)
def test_the_state_of_a_refund_is_what_became_of_it(
    outcome: str | None, fate: Fate | None, state: str
) -> None:
    found = ledger(entry(1, outcome, disposition=None if outcome else "out_of_scope"))
    if fate is not None:
        found.put_fate("r-1", fate)
    assert states(found)[0] == (1, state)


def test_a_failed_payout_of_an_approval_opens_an_item_for_a_person() -> None:
    found = ledger(entry(1, APPROVED))
    found.put_fate("r-1", Fate("payout_failed", NOW + 5))
    failed, item = found.of_group(None, "r-1")
    assert failed.state == "failed"
    assert (item.state, item.outcome, item.decided_at_ms, item.reason_codes) == (
        "in_review",
        MANUAL,
        NOW + 5,
        ("REFUND_FAILED",),
    )
    found.put_fate("r-1", Fate("payout_failed", NOW + 5, "rejected"))
    assert [row.state for row in found.of_group(None, "r-1")] == ["failed", "rejected"]


def test_a_payout_a_person_approved_has_no_such_item() -> None:
    found = ledger(entry(1, MANUAL))
    found.put_fate("r-1", Fate("payout_failed"))
    assert states(found) == [(1, "failed")]


def test_a_newer_version_closes_the_review_item_of_the_older_one() -> None:
    found = ledger(entry(1), entry(2, APPROVED))
    assert states(found) == [(2, "approved")]
    assert states(ledger(entry(1), entry(2))) == [(2, "in_review")]


def test_an_approval_stays_whatever_came_after_it() -> None:
    found = ledger(entry(1, APPROVED), entry(2))
    assert states(found) == [(2, "in_review"), (1, "approved")]


def test_a_version_that_was_superseded_on_arrival_says_nothing() -> None:
    late = entry(1, None, disposition="superseded")
    assert states(ledger(entry(2), late)) == [(2, "in_review")]
    assert states(ledger(late)) == []


def test_a_withdrawal_closes_what_was_open_before_it() -> None:
    found = ledger(entry(1), entry(1, withdraws=True))
    assert states(found) == [(1, "withdrawn")]
    found = ledger(entry(1), entry(2, withdraws=True))
    assert states(found) == [(2, "withdrawn")]


def test_a_late_withdrawal_of_an_older_version_does_not_close_the_newer_one() -> None:
    found = ledger(entry(2), entry(1, withdraws=True))
    assert states(found) == [(1, "withdrawn"), (2, "in_review")]
    found = ledger(entry(None), entry(1, withdraws=True))
    assert states(found) == [(1, "withdrawn")]  # versions that cannot be compared


def counted(found: RefundHistory, buyer_id: str | None = "b-1") -> int:
    return found.approvals_of(buyer_id).count(0, NOW)


def test_the_approvals_of_a_buyer_are_those_of_all_refunds_old_and_new() -> None:
    found = ledger(
        entry(1, APPROVED, "r-1"),
        entry(2, MANUAL, "r-1"),
        entry(1, MANUAL, "r-2"),
        entry(1, APPROVED, "r-3"),
    )
    assert counted(found) == 2
    found.remember(entry(1, APPROVED, "r-4"))
    found.remember(entry(1, MANUAL, "r-5"))
    assert counted(found) == 3
    assert counted(found, "b-9") == 0
    assert counted(found, None) == 0


def test_an_order_has_a_refund_once_however_many_versions_it_has() -> None:
    found = ledger(entry(1), entry(2), entry(1, refund_id="r-2"))
    assert found.on_order("o-1")
    assert not found.on_order("o-2")
    assert [row.refund_id for row in found.of_group("o-1", "r-9")] == ["r-1", "r-2"]


def test_approvals_of_buyers_are_found_a_bounded_number_at_a_time() -> None:
    found = ledger(*(entry(1, APPROVED, f"r-{number}") for number in range(25)))
    turns = 0
    while found.index_buyers(10):
        turns += 1
        found.remember(
            entry(1, APPROVED, f"new-{turns}")
        )  # meanwhile others are decided
        found.remember(entry(2, APPROVED, f"r-{turns}"))
        found.put_fate(f"r-{20 + turns}", Fate("payout_failed"))
    assert turns == 3
    assert counted(found) == 25 + 2 * turns
    assert found.approvals_of("b-1").used_fen(0, NOW) == (25 + turns) * 19_900
