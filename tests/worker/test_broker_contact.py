"""A broker that no longer answers is noticed though polls give nothing either way."""

from streams.worker.broker_contact import BrokerContact

BOUND_MS = 10_000


class Fetching:
    """A consumer and a clock that are moved by hand."""

    def __init__(self) -> None:
        self.heard: int | None = 1
        self.ms = 0
        self.contact = BrokerContact(lambda: self.heard, lambda: self.ms, BOUND_MS)


def test_a_broker_that_has_just_answered_is_there() -> None:
    assert not Fetching().contact.lost()


def test_silence_of_the_bound_is_borne_and_one_ms_more_is_not() -> None:
    fetching = Fetching()
    fetching.contact.lost()
    fetching.ms = BOUND_MS
    assert not fetching.contact.lost()
    fetching.ms += 1
    assert fetching.contact.lost()


def test_an_answer_without_records_counts() -> None:
    fetching = Fetching()
    for _ in range(5):
        fetching.ms += BOUND_MS
        fetching.heard = fetching.ms
        assert not fetching.contact.lost()


def test_a_broker_that_answers_again_is_back() -> None:
    fetching = Fetching()
    fetching.contact.lost()
    fetching.ms = BOUND_MS + 1
    assert fetching.contact.lost()
    fetching.heard = 2
    assert not fetching.contact.lost()


def test_nothing_is_missed_while_nothing_is_fetched() -> None:
    fetching = Fetching()
    fetching.heard = None
    for _ in range(3):
        fetching.ms += BOUND_MS + 1
        assert not fetching.contact.lost()


def test_the_time_without_fetches_does_not_count_for_the_first_one() -> None:
    fetching = Fetching()
    fetching.heard = None
    fetching.ms = 5 * BOUND_MS
    fetching.contact.lost()
    fetching.heard = -1  # assigned, and not answered yet
    assert not fetching.contact.lost()
    fetching.ms += BOUND_MS + 1
    assert fetching.contact.lost()
