import logging

import pytest

from streams.rate_limit import INTERVAL_MS, Kind, RateLimitedLog

LETTERS = Kind("dead_letter", "records that cannot be read became dead letters")
STRAYS = Kind("misrouted", "records lie in another partition than their key says")

log = logging.getLogger("streams.test")


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limited(clock: Clock, caplog: pytest.LogCaptureFixture) -> RateLimitedLog:
    caplog.set_level(logging.INFO)
    return RateLimitedLog(log, clock)


def test_the_first_event_is_logged_at_once_and_says_where(
    limited: RateLimitedLog, caplog: pytest.LogCaptureFixture
) -> None:
    limited.note(LETTERS, "not_json", ("refund.requests", 3, 17))
    (line,) = caplog.records
    assert line.getMessage() == (
        "records that cannot be read became dead letters: 1 (not_json 1); "
        "for example not_json at refund.requests/3@17"
    )
    assert line.levelno == logging.WARNING


def test_a_flood_is_one_line_a_minute_with_all_counts_and_one_example(
    limited: RateLimitedLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    limited.note(LETTERS, "not_json", ("refund.requests", 3, 17))
    for second in range(90):
        clock.ms = 1_000 + 1_000 * second
        limited.note(LETTERS, "no_id", ("refund.requests", 1, second))
        limited.note(LETTERS, "not_json", ("refund.orders", 0, second), 500)
        limited.tick()
    assert len(caplog.records) == 2
    assert caplog.records[1].getMessage() == (
        "records that cannot be read became dead letters: 30561 within 60 s "
        "(not_json 30500, no_id 61); for example no_id at refund.requests/1@0"
    )


def test_kinds_do_not_silence_each_other(
    limited: RateLimitedLog, caplog: pytest.LogCaptureFixture
) -> None:
    limited.note(LETTERS, "not_json")
    limited.note(STRAYS, "buyer", ("refund.requests", 0, 5))
    limited.note(LETTERS, "not_json")
    assert [line.__dict__["event"] for line in caplog.records] == [
        "dead_letter",
        "misrouted",
    ]


def test_after_a_quiet_minute_the_next_event_is_a_first_one_again(
    limited: RateLimitedLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    limited.note(LETTERS, "not_json", ("refund.requests", 0, 1))
    clock.ms += INTERVAL_MS
    limited.tick()
    assert len(caplog.records) == 1
    limited.note(LETTERS, "not_json", ("refund.requests", 0, 2))
    assert len(caplog.records) == 2
    assert caplog.records[1].getMessage().endswith("refund.requests/0@2")


def test_nothing_is_left_out_at_the_end(
    limited: RateLimitedLog, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    limited.note(LETTERS, "not_json")
    limited.note(LETTERS, "no_id", count=4)
    clock.ms += 5_000
    limited.flush()
    limited.flush()
    assert [line.getMessage() for line in caplog.records[1:]] == [
        "records that cannot be read became dead letters: 4 within 5 s (no_id 4)"
    ]


def test_a_line_has_its_numbers_as_fields(
    limited: RateLimitedLog, caplog: pytest.LogCaptureFixture
) -> None:
    limited.note(LETTERS, "not_json", ("refund.requests", 3, 17), 2)
    fields = caplog.records[0].__dict__
    assert {
        "event": "dead_letter",
        "count": 2,
        "reasons": {"not_json": 2},
        "reason": "not_json",
        "topic": "refund.requests",
        "partition": 3,
        "offset": 17,
        "span_ms": 0,
    }.items() <= fields.items()
