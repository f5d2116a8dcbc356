"""Each oracle that looks at every step: a log in which something is wrong, and right ones."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

import pytest

from faults.judge.view import Rec
from tests.simulation.oracles.universe import (
    DRAIN_MS,
    JOIN_GROUP,
    LEAVE_GROUP,
    Universe,
    approved,
    decided,
    letter,
    notice,
)

Story: TypeAlias = Callable[[Universe], None]
LATER_MS: Final = 5_000
OTHERWISE_MS: Final = 1_773_800_200_000
"""At another moment the same facts make another record."""


def right(u: Universe) -> None:
    """Decisions, a dead letter, a notice; commits behind them."""
    u.assign({"w1": [0], "w2": [1]})
    for number in range(3):
        u.write(decided(u.ask(number)))
        u.commit(number + 1)
    bad = u.put(Rec("requests", 1, 0, b"k", b"{"))
    u.write(letter(bad), "w2")
    u.commit(1, 1)
    u.write(notice("race:FR:r-0:1"))


def repeated_delivery(u: Universe) -> None:
    """A request that comes twice: two offsets, one content."""
    u.assign({"w1": [0]})
    first = u.ask(1)
    answer = u.write(decided(first))
    again = u.ask(1)
    headers = decided(again).headers
    u.write(replace(answer, headers=headers))
    u.commit(2)


def doubled(u: Universe) -> None:
    u.assign({"w1": [0]})
    rec = u.ask(1)
    u.write(decided(rec))
    u.write(decided(rec))


def doubled_letter(u: Universe) -> None:
    bad = u.put(Rec("requests", 0, 0, b"k", b"{"))
    u.write(letter(bad, 1))
    u.write(letter(bad, 2))


def answered_otherwise(u: Universe) -> None:
    rec = u.ask(1)
    u.write(decided(rec))
    u.write(decided(rec, OTHERWISE_MS))


def decided_and_buried(u: Universe) -> None:
    rec = u.ask(1)
    u.write(decided(rec))
    u.write(letter(rec))


def redelivery_decided_otherwise(u: Universe) -> None:
    u.write(decided(u.ask(1)))
    u.write(decided(u.ask(1), OTHERWISE_MS))


def paid_twice(u: Universe) -> None:
    """Two versions of one refund, both approved."""
    for version in (1, 2):
        rec = u.ask(1, refund_version=version)
        u.write(approved(decided(rec), "pay:r-1"))


def two_refunds_paid(u: Universe) -> None:
    for number in (1, 2):
        u.write(approved(decided(u.ask(number)), f"pay:r-{number}"))


def unasked(u: Universe) -> None:
    rec = u.ask(1)
    u.write(decided(replace(rec, offset=7)))


def aborted_request_answered(u: Universe) -> None:
    rec = u.put(
        u.ask(1), producer_id=9, transactional=1, sequence=0
    )  # a second record, in a transaction
    u.write(decided(u.ask(1)))
    u.log("requests").write_marker(9, 0, commit=False)
    u.write(decided(replace(rec, offset=1)))


def aborted_request(u: Universe) -> None:
    """Nobody answers it, and the offset goes past it."""
    u.put(u.ask(1), producer_id=9, transactional=1, sequence=0)
    u.log("requests").write_marker(9, 0, commit=False)
    u.write(decided(Rec("requests", 0, 0, b"k", u_value(1))))
    u.commit(3)


def committed_transaction_passed_over(u: Universe) -> None:
    u.put(u.ask(1), producer_id=9, transactional=1, sequence=0)
    u.log("requests").write_marker(9, 0, commit=True)
    u.write(decided(Rec("requests", 0, 0, b"k", u_value(1))))
    u.commit(2)


def u_value(number: int) -> bytes:
    return Universe().ask(number).value or b""


def committed_without_answer(u: Universe) -> None:
    u.write(decided(u.ask(1)))
    u.ask(2)
    u.commit(2)


def committed_before_it_is_replicated(u: Universe) -> None:
    """The answer is on the leader; a slow replica in sync has not got it."""
    rec = u.ask(1)
    follower = next(n for n in (1, 2) if n != u.log("reviews").leader)
    u.topics.slow(follower)
    u.write(decided(rec))
    u.commit(1)


def committed_after_it_is_replicated(u: Universe) -> None:
    rec = u.ask(1)
    follower = next(n for n in (1, 2) if n != u.log("reviews").leader)
    u.topics.slow(follower)
    u.write(decided(rec))
    u.topics.catch_up(follower)
    u.commit(1)


def committed_one_too_far(u: Universe) -> None:
    u.write(decided(u.ask(1)))
    u.commit(2)


def committed_back(u: Universe) -> None:
    u.write(decided(u.ask(1)))
    u.commit(1)
    u.commit(0)


def moved_back_by_an_operator(u: Universe) -> None:
    u.write(decided(u.ask(1)))
    u.commit(1)
    u.oracles.offset_will_be_moved(0, 0)
    u.commit(0)
    u.commit(1)


def moved_on_by_an_operator(u: Universe) -> None:
    u.ask(1)
    u.oracles.offset_will_be_moved(0, 1)
    u.commit(1)
    u.write(decided(u.ask(2)))
    u.commit(2)


def noticed_twice(u: Universe) -> None:
    u.assign({"w1": [0], "w2": [1]})
    u.write(notice("race:FR:r-0:1"))
    u.write(notice("race:FR:r-0:1", 1), "w2")


def noticed_under_two_ids(u: Universe) -> None:
    first = notice("race:FR:r-0:1")
    u.write(first)
    other = (first.value or b"").replace(b"race:FR", b"at noon:FR")
    u.write(replace(first, value=other))


def followed_up_twice(u: Universe) -> None:
    review = decided(u.ask(1))
    value = (review.value or b"").replace(b"FR:r-1:1", b"FR:r-1:1:refund_failed")
    follow_up = replace(review, value=value, headers=review.headers[:2])
    u.write(follow_up)
    u.write(follow_up)


def versions_out_of_order(u: Universe) -> None:
    first, second = (u.ask(1, refund_version=version) for version in (1, 2))
    u.write(decided(second))
    u.write(decided(first))


def unreadable_output(u: Universe) -> None:
    u.write(replace(decided(u.ask(1)), value=b"{}"))


def answer_in_another_partition(u: Universe) -> None:
    u.write(replace(decided(u.ask(1)), partition=1))


# -- who may write what -----------------------------------------------------------


def two_answers(u: Universe) -> None:
    """What ``w2`` decided, then what ``w1`` still writes to the same offset."""
    rec = u.ask(9)
    u.write(decided(rec), "w2")
    u.write(decided(rec, OTHERWISE_MS), "w1")


def put_out_and_late(u: Universe) -> None:
    """A suspended worker, whose partition the group has given away."""
    u.assign({"w1": [0], "w2": [1]})
    u.pass_ms(LATER_MS)
    u.assign({"w2": [0, 1]})
    two_answers(u)


def put_out_and_late_with_another_outcome(u: Universe) -> None:
    u.assign({"w1": [0], "w2": [1]})
    u.assign({"w2": [0, 1]})
    rec = u.ask(9)
    u.write(decided(rec), "w2")
    u.write(approved(decided(rec), "pay:r-9"), "w1")


def late_before_the_new_owner(u: Universe) -> None:
    """What the suspended worker writes comes first, after the new owner has looked."""
    u.assign({"w1": [0], "w2": [1]})
    u.assign({"w2": [0, 1]})
    rec = u.ask(9)
    u.write(decided(rec), "w1")
    u.write(decided(rec, OTHERWISE_MS), "w2")


def owner_contradicts_itself(u: Universe) -> None:
    u.assign({"w1": [0], "w2": [1]})
    rec = u.ask(9)
    u.write(decided(rec), "w1")
    u.write(decided(rec, OTHERWISE_MS), "w1")


def who_never_owned_it(u: Universe) -> None:
    u.assign({"w1": [1], "w2": [0]})
    two_answers(u)


def gave_up_without_waiting(u: Universe) -> None:
    """It joins again while its answer is under way, and the next owner does not see it."""
    u.assign({"w1": [0], "w2": [1]})
    rec = u.ask(9)

    def rebalance() -> None:
        u.pass_ms(10)
        u.request(JOIN_GROUP, "w1")
        u.assign({"w1": [1], "w2": [0]})
        u.write(decided(rec, OTHERWISE_MS), "w2")

    u.write_meanwhile(decided(rec), rebalance, "w1")


def gave_up_after_waiting(u: Universe) -> None:
    """A quarter of the time is for leaving."""
    u.assign({"w1": [0], "w2": [1]})
    rec = u.ask(9)

    def rebalance() -> None:
        u.pass_ms(DRAIN_MS * 3 // 4)
        u.request(JOIN_GROUP, "w1")
        u.assign({"w1": [1], "w2": [0]})
        u.write(decided(rec, OTHERWISE_MS), "w2")

    u.write_meanwhile(decided(rec), rebalance, "w1")


def left_without_waiting(u: Universe) -> None:
    u.assign({"w1": [0], "w2": [1]})
    rec = u.ask(9)

    def leave() -> None:
        u.pass_ms(DRAIN_MS * 3 // 4 - 1)
        u.request(LEAVE_GROUP, "w1")
        u.assign({"w2": [0, 1]})
        u.write(decided(rec, OTHERWISE_MS), "w2")

    u.write_meanwhile(decided(rec), leave, "w1")


def wrote_after_it_gave_up(u: Universe) -> None:
    u.assign({"w1": [0], "w2": [1]})
    u.write(decided(u.ask(8)), "w1")
    u.request(JOIN_GROUP, "w1")
    u.assign({"w1": [1], "w2": [0]})
    two_answers(u)


def sent_again_after_it_gave_up(u: Universe) -> None:
    """Nothing of it got through while it waited; then the network was back."""
    u.assign({"w1": [0], "w2": [1]})
    u.write(decided(u.ask(8)), "w1")
    u.pass_ms(DRAIN_MS)
    u.request(JOIN_GROUP, "w1")
    u.assign({"w1": [1], "w2": [0]})
    two_answers(u)


def got_it_back(u: Universe) -> None:
    """A partition that comes back to the worker whose answer is still under way."""
    u.assign({"w1": [0], "w2": [1]})
    rec = u.ask(9)

    def rebalance() -> None:
        u.pass_ms(10)
        u.request(JOIN_GROUP, "w1")
        u.assign({"w1": [0], "w2": [1]})
        u.write(decided(rec, OTHERWISE_MS), "w1")

    u.write_meanwhile(decided(rec), rebalance, "w1")


def late_notice_of_who_was_put_out(u: Universe) -> None:
    u.assign({"w1": [0], "w2": [1]})
    u.assign({"w2": [0, 1]})
    u.write(notice("race:FR:r-0:1"), "w2")
    u.write(notice("race:FR:r-0:1"), "w1")


# -- logs that lose records -------------------------------------------------------


def clean_failover(u: Universe) -> None:
    """An answer that was not replicated is cut off, and its producer writes it again."""
    rec = u.ask(1)
    where = u.log("reviews")
    follower = next(n for n in where.replicas if n != where.leader)
    u.topics.slow(follower)
    u.write(decided(rec))
    where.lead(follower)
    u.topics.catch_up(follower)
    u.write(decided(rec))
    u.commit(1)


def clean_failover_and_nothing_again(u: Universe) -> None:
    rec = u.ask(1)
    where = u.log("reviews")
    follower = next(n for n in where.replicas if n != where.leader)
    u.topics.slow(follower)
    u.write(decided(rec))
    where.lead(follower)
    u.topics.catch_up(follower)
    u.commit(1)


def unclean_election(u: Universe) -> None:
    """An answer that everybody had acknowledged is lost; the worker cannot know."""
    rec = u.ask(1)
    where = u.log("reviews")
    follower = next(n for n in where.replicas if n != where.leader)
    u.topics.slow(follower)
    u.topics.drop(follower)
    u.write(decided(rec))
    u.topics.elect_unclean("t.reviews", 0, follower)
    u.commit(1)


def broken_after_an_election(u: Universe) -> None:
    """The election has lost nothing; what somebody cuts off later is acknowledged."""
    where = u.log("reviews")
    where.lead(next(n for n in where.replicas if n != where.leader))
    u.write(decided(u.ask(1)))
    where.truncate(0)
    u.commit(1)


def deleted_unread(u: Universe) -> None:
    """Retention was faster than the workers, who go on behind it."""
    u.ask(1)
    u.log("requests").delete_records(1)
    u.write(decided(u.ask(2)))
    u.commit(2)


def outputs_made_anew(u: Universe) -> None:
    u.write(decided(u.ask(1)))
    u.topics.delete("t.reviews")
    u.topics.create("t.reviews", 2)
    u.commit(1)
    u.write(decided(u.ask(2)))
    u.commit(2)


def requests_made_anew(u: Universe) -> None:
    u.write(decided(u.ask(1)))
    u.commit(1)
    u.topics.delete("t.requests")
    u.topics.create("t.requests", 2)
    u.write(decided(u.ask(2)))
    u.commit(1)


def committed_of_the_old_topic(u: Universe) -> None:
    """A worker that has not noticed yet; whoever reads it asks for a person."""
    for number in range(3):
        u.write(decided(u.ask(number)))
    old = u.topics.by_name["t.requests"].topic_id
    u.topics.delete("t.requests")
    u.topics.create("t.requests", 2)
    u.ask(4)
    u.commit(1, metadata=f'{{"v":1,"to":1,"topic":"{old}"}}')


def requests_cut_off(u: Universe) -> None:
    """The input log loses its end and grows again: its offsets mean other records."""
    for number in range(3):
        u.write(decided(u.ask(number)))
    u.log("requests").truncate(1)
    u.commit(3)
    u.write(decided(u.ask(5)))
    u.commit(2)


GOOD: Final[tuple[Story, ...]] = (
    right,
    repeated_delivery,
    two_refunds_paid,
    aborted_request,
    committed_after_it_is_replicated,
    moved_back_by_an_operator,
    moved_on_by_an_operator,
    put_out_and_late,
    late_before_the_new_owner,
    gave_up_after_waiting,
    sent_again_after_it_gave_up,
    late_notice_of_who_was_put_out,
    clean_failover,
    unclean_election,
    broken_after_an_election,
    deleted_unread,
    outputs_made_anew,
    requests_made_anew,
    committed_of_the_old_topic,
    requests_cut_off,
)
AHEAD: Final = "commit_ahead:commits_stay_behind"
ONCE: Final = "doubled:every_offset_is_answered_once"
OTHERWISE: Final = "contradictory:one_content_a_decision"
BAD: Final[tuple[tuple[Story, str], ...]] = (
    (doubled, ONCE),
    (doubled_letter, ONCE),
    (answered_otherwise, OTHERWISE),
    (decided_and_buried, OTHERWISE),
    (redelivery_decided_otherwise, OTHERWISE),
    (paid_twice, "doubled:first_decisions_hold"),
    (unasked, "unasked:every_offset_is_answered"),
    (aborted_request_answered, "unasked:every_offset_is_answered"),
    (committed_without_answer, AHEAD),
    (committed_transaction_passed_over, AHEAD),
    (committed_before_it_is_replicated, AHEAD),
    (committed_one_too_far, AHEAD),
    (clean_failover_and_nothing_again, AHEAD),
    (committed_back, "commit_back:commits_stay_behind"),
    (noticed_twice, "notice_doubled:notices_are_written_once"),
    (noticed_under_two_ids, "notice_doubled:notices_are_written_once"),
    (followed_up_twice, "notice_doubled:notices_are_written_once"),
    (versions_out_of_order, "disordered:refunds_keep_order"),
    (unreadable_output, "unfit:answers_fit"),
    (answer_in_another_partition, "unfit:answers_fit"),
    (
        put_out_and_late_with_another_outcome,
        "contradictory:stale_writers_keep_the_outcome",
    ),
    (owner_contradicts_itself, OTHERWISE),
    (who_never_owned_it, OTHERWISE),
    (gave_up_without_waiting, OTHERWISE),
    (left_without_waiting, OTHERWISE),
    (wrote_after_it_gave_up, OTHERWISE),
    (got_it_back, OTHERWISE),
)


@pytest.mark.parametrize("story", GOOD, ids=lambda one: one.__name__)
def test_nothing_is_found_in_a_right_log(story: Story) -> None:
    u = Universe()
    story(u)
    assert [one.text for one in u.oracles.findings] == []


@pytest.mark.parametrize(("story", "signature"), BAD)
def test_what_is_wrong_is_found_at_once(story: Story, signature: str) -> None:
    u = Universe()
    story(u)
    assert u.signatures == {signature}
    assert all("\n" not in one.text for one in u.oracles.findings)


def test_a_finding_says_when_and_where() -> None:
    u = Universe()
    u.assign({"w1": [0]})
    u.ask(0)
    rec = u.ask(1)
    u.write(decided(rec))
    u.pass_ms(77)
    u.write(decided(rec))
    (found,) = u.oracles.findings
    assert (found.at_ms, found.place) == (u.now_ms(), "requests/0@1")
    assert found.text == "reviews/0@1 repeats reviews/0@0: FR:r-1:1"


def test_repeats_of_writers_without_the_partition_are_counted() -> None:
    u = Universe()
    put_out_and_late(u)
    assert u.oracles.repeats == 1
