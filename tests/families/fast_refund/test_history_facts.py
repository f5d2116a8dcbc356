import pytest

from streams.families.fast_refund.history_facts import find, first_decision
from streams.families.fast_refund.model import NO_HISTORY, History, Past
from streams.families.fast_refund.policy import Policy
from tests.families.fast_refund.base import NOW, SHIPPED, T, policy, request

WEEK = 7 * 86_400_000


def row(refund_id: object = "r-0", order_id: object = "o-1", **changes: object) -> Past:
    values: dict[str, object] = {"refund_version": 1, "state": "rejected", **changes}
    return Past(refund_id, order_id, **values)


def own(**changes: object) -> Past:
    return row("r-1", **changes)


def found(*rows: Past, by: Policy | None = SHIPPED, version: int | None = 2) -> History:
    return find(request(refund_version=version), "o-1", rows, by, NOW)


def test_no_rows_mean_nothing_found() -> None:
    assert found() is NO_HISTORY
    assert found(row(), row(order_id="o-9", state="undecided")) is NO_HISTORY


@pytest.mark.clause("other_refunds")
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("approved", History(prior_refund=True)),
        ("executing", History(prior_refund=True)),
        ("succeeded", History(prior_refund=True)),
        ("undecided", History(open_refund=True)),
        ("in_review", History(open_refund=True)),
        ("failed", NO_HISTORY),
        ("rejected", NO_HISTORY),
        ("withdrawn", NO_HISTORY),
        (None, History(open_refund=True)),
        ("lost", History(open_refund=True)),
        (["approved"], History(open_refund=True)),
    ],
)
def test_another_refund_of_the_order(state: object, expected: History) -> None:
    assert found(row(state=state)) == expected
    assert found(row(state=state), by=None) == expected
    assert found(row(order_id="o-9", state=state)) == NO_HISTORY
    assert found(row(order_id=None, state=state)) == NO_HISTORY


@pytest.mark.clause("E-21")
def test_a_failed_payout_is_open_once_its_follow_up_is_in_review() -> None:
    rows = (row(state="failed"), row(state="in_review"))
    assert found(*rows) == History(open_refund=True)


def test_without_an_order_id_no_row_is_on_the_order() -> None:
    rows = [row(state="succeeded"), row(order_id=None, state="succeeded")]
    assert find(request(order_id=None), None, rows, SHIPPED, NOW) == NO_HISTORY


@pytest.mark.clause("R-11")
def test_which_states_count_as_an_earlier_refund_is_a_reading() -> None:
    by = policy(prior_refund_states=["succeeded", "failed"])
    assert found(row(state="failed"), by=by) == History(prior_refund=True)
    assert found(row(state="approved"), by=by) == NO_HISTORY


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (1, NO_HISTORY),
        (2, NO_HISTORY),
        (3, History(newer_version=True)),
        (None, NO_HISTORY),
        ("3", NO_HISTORY),
        (True, NO_HISTORY),
    ],
)
def test_a_newer_version_of_the_refund(version: object, expected: History) -> None:
    assert found(own(refund_version=version, state="in_review")) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (1, NO_HISTORY),
        (2, History(withdrawn=True)),
        (3, History(withdrawn=True)),
        (None, History(withdrawn=True)),
    ],
)
def test_a_withdrawn_row_of_this_version_or_a_later_one(
    version: object, expected: History
) -> None:
    assert found(own(refund_version=version, state="withdrawn")) == expected


@pytest.mark.clause("E-37")
@pytest.mark.parametrize("version", [2, 3])
def test_what_is_withdrawn_is_withdrawn_whatever_was_decided_on_it(
    version: int,
) -> None:
    """E-36, E-37: only money that was approved is more than a withdrawal."""
    gone = own(refund_version=version, state="withdrawn", outcome="manual_review")
    assert found(gone) == History(withdrawn=True)


@pytest.mark.clause("E-37")
def test_an_earlier_version_that_is_withdrawn_and_was_approved_is_told() -> None:
    """E-37."""
    gone = own(refund_version=1, state="withdrawn", outcome="auto_approve")
    assert found(gone) == History(approved_before=True, approved_on_order=True)
    gone = own(refund_version=1, state="withdrawn", outcome="manual_review")
    assert found(gone) == NO_HISTORY


@pytest.mark.clause("E-37")
def test_one_row_of_another_refund_is_paid_or_open_and_not_both() -> None:
    """E-37: #70 hides #71 for the same row; two rows can show both."""
    assert found(row(state="approved")) == History(prior_refund=True)
    both = found(row(state="approved"), row("r-7", state="in_review"))
    assert both == History(prior_refund=True, open_refund=True)


@pytest.mark.clause("E-20")
@pytest.mark.parametrize("state", ["approved", "executing", "succeeded", "failed"])
def test_an_earlier_version_that_somebody_approved(state: str) -> None:
    assert found(own(state=state)) == History(approved_before=True)
    assert found(own(state=state, refund_version=None)) == History(approved_before=True)
    assert found(own(state=state), version=None) == History(approved_before=True)
    assert found(own(state=state, refund_version=2)) == NO_HISTORY


@pytest.mark.parametrize("state", [None, "lost", 5, ["rejected"]])
def test_an_earlier_version_of_a_state_nobody_knows_may_have_been_approved(
    state: object,
) -> None:
    assert found(own(state=state, refund_version=1)) == History(approved_before=True)


@pytest.mark.clause("E-20")
@pytest.mark.parametrize("state", ["undecided", "in_review", "rejected", "withdrawn"])
def test_after_anything_else_the_new_version_is_judged_afresh(state: object) -> None:
    assert found(own(state=state, refund_version=1)) == NO_HISTORY


@pytest.mark.parametrize("state", ["approved", "rejected", "withdrawn", None, "lost"])
def test_an_earlier_automatic_approval_counts_whatever_its_state(state: object) -> None:
    expected = History(approved_before=True, approved_on_order=True)
    assert found(own(state=state, outcome="auto_approve")) == expected


def test_any_automatic_approval_on_the_order_is_remembered() -> None:
    paid_never = row(state="failed", outcome="auto_approve")
    assert found(paid_never) == History(approved_on_order=True)
    assert found(row(order_id="o-9", outcome="auto_approve")) == History()


COUNTED = {"buyer_count_max": 2, "buyer_count_window_ms": WEEK}
QUOTA = {"buyer_amount_quota_fen": 40_000, "buyer_amount_window_ms": WEEK}


def approval(
    at_ms: object,
    fen: object = 100,
    state: object = "succeeded",
    refund_id: object = "r-0",
    version: object = 1,
) -> Past:
    return Past(refund_id, "o-9", version, state, "auto_approve", at_ms, fen)


@pytest.mark.clause("E-26")
@pytest.mark.parametrize(
    ("at_ms", "counts"),
    [
        (T - WEEK - 1, 0),
        (T - WEEK, 0),
        (T - WEEK + 1, 1),
        (T, 1),
        (T + 1, 0),
        (None, 1),
    ],
)
def test_a_window_excludes_its_start_and_includes_its_end(
    at_ms: object, counts: int
) -> None:
    assert found(approval(at_ms), by=policy(**COUNTED)).auto_count == counts
    assert found(approval(at_ms), by=policy(**QUOTA)).auto_fen == 100 * counts


@pytest.mark.clause("E-26")
def test_every_approval_counts_and_the_quota_leaves_out_failed_payouts_only() -> None:
    by = policy(**COUNTED, **QUOTA)
    rows = [
        approval(T - 1, state=state, refund_id=f"r-{state}")
        for state in ("failed", "withdrawn", None, "executing")
    ]
    history = found(*rows, by=by)
    assert history.auto_count == 4
    assert history.auto_fen == 300
    assert not history.auto_fen_unknown


@pytest.mark.clause("E-36")
@pytest.mark.parametrize("step", [1, -1])
def test_one_approval_listed_twice_counts_once_and_the_worse_is_believed(
    step: int,
) -> None:
    by = policy(**COUNTED, **QUOTA)
    for other, fen in (
        (approval(T), 100),
        (approval(T, 90), 100),
        (approval(T, state="failed"), 100),
        (approval(T - WEEK), 100),
        (approval(None, 300), 300),
    ):
        history = found(*(approval(T), other)[::step], by=by)
        assert (history.auto_count, history.auto_fen) == (1, fen)
    unread = found(*(approval(T), approval(T, "100"))[::step], by=by)
    assert (unread.auto_count, unread.auto_fen_unknown) == (1, True)


@pytest.mark.parametrize(
    "other", [approval(T, refund_id="r-9"), approval(T, version=2)]
)
def test_two_approvals_count_twice_however_alike_they_are(other: Past) -> None:
    history = found(approval(T), other, by=policy(**COUNTED, **QUOTA))
    assert (history.auto_count, history.auto_fen) == (2, 200)


def test_an_approval_that_does_not_say_which_it_is_is_one_of_its_own() -> None:
    rows = [approval(T, version=None), approval(T, refund_id=["r"])] * 2
    assert found(*rows, by=policy(**COUNTED)).auto_count == 4


def test_a_sum_that_could_not_be_written_is_unknown() -> None:
    largest = 10**4_300 - 1
    by = policy(**QUOTA)
    rows = [approval(T, fen=largest, version=at) for at in (1, 2)]
    assert found(rows[0], by=by).auto_fen == largest
    history = found(*rows, by=by)
    assert (history.auto_fen, history.auto_fen_unknown) == (0, True)


def test_an_amount_nobody_can_read_makes_the_sum_unknown() -> None:
    history = found(approval(T, fen="100"), approval(T), by=policy(**QUOTA))
    assert history.auto_fen_unknown
    assert not found(approval(T - WEEK, fen=None), by=policy(**QUOTA)).auto_fen_unknown


def test_nothing_is_counted_while_the_options_are_off() -> None:
    assert found(approval(T)) == History()
    assert found(approval(T), by=None) == History()


def test_without_a_request_time_windows_end_at_the_decision() -> None:
    asked = request(requested_at_ms=None, refund_version=2)
    history = find(asked, "o-1", [approval(NOW)], policy(**COUNTED), NOW)
    assert history.auto_count == 1


@pytest.mark.parametrize(
    ("past", "again"),
    [
        (own(outcome="auto_approve"), True),
        (own(outcome="manual_review", reason_codes=["ORDER_SHIPPED"]), True),
        (own(outcome="manual_review", reason_codes=("ORDER_SHIPPED",)), True),
        (own(outcome="manual_review", reason_codes=[]), False),
        (own(outcome="manual_review", reason_codes="ORDER_SHIPPED"), False),
        (own(outcome="manual_review"), False),
        (own(state="undecided"), False),
        (own(outcome="auto_approve", refund_version=2), False),
        (own(outcome="auto_approve", refund_version=True), False),
        (row(outcome="auto_approve"), False),
    ],
)
def test_the_first_decision_of_a_version_is_found_again(
    past: Past, again: object
) -> None:
    expected = past if again else None
    assert first_decision(request(refund_version=1), [row(), past]) is expected


@pytest.mark.clause("E-36")
def test_a_review_of_a_version_that_is_withdrawn_is_not_printed_again() -> None:
    """E-36; an approval stands all the same (E-19)."""
    review = own(outcome="manual_review", reason_codes=["PRESALE"])
    gone = own(state="withdrawn", outcome="manual_review", reason_codes=["PRESALE"])
    asked = request(refund_version=1)
    assert first_decision(asked, [gone]) is None
    assert first_decision(asked, [review, own(state="withdrawn")]) is None
    later = own(state="withdrawn", refund_version=2)
    assert first_decision(asked, [review, later]) is review
    paid = own(state="withdrawn", outcome="auto_approve")
    assert first_decision(asked, [gone, paid]) is paid


@pytest.mark.clause("E-19")
def test_a_withdrawal_never_repeats_the_decision_on_the_money() -> None:
    rows = [own(outcome="auto_approve")]
    assert first_decision(request(refund_version=1, action="withdraw"), rows) is None


def test_a_request_without_a_version_has_no_first_decision() -> None:
    assert (
        first_decision(request(refund_version=None), [own(outcome="auto_approve")])
        is None
    )


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("outcome", ["auto_approve", "manual_review"])
def test_of_several_decisions_on_one_version_the_earliest_is_the_first(
    outcome: str, step: int
) -> None:
    rows = [
        own(outcome=outcome, decided_at_ms=at_ms, reason_codes=("X",))
        for at_ms in (None, 5, 3, 4)
    ]
    assert first_decision(request(refund_version=1), rows[::step]) is rows[2]
    assert first_decision(request(refund_version=1), rows[:1]) is rows[0]


def test_beside_an_approval_an_earlier_review_is_not_the_first_decision() -> None:
    review = own(outcome="manual_review", decided_at_ms=1, reason_codes=("X",))
    approval_row = own(outcome="auto_approve", decided_at_ms=2)
    rows = [review, approval_row]
    assert first_decision(request(refund_version=1), rows) is approval_row
