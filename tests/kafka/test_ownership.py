"""What was ours is in doubt after a sleep, and only the group settles it."""

import logging

import pytest

from streams.kafka.ownership import Ownership

BOUND_MS = 10_000


class Process:
    def __init__(self) -> None:
        self.ms = 1_000
        self.ownership = Ownership(lambda: self.ms, BOUND_MS)

    def sleep(self, ms: int) -> None:
        self.ms += ms


def test_a_process_that_runs_owns_what_it_owned() -> None:
    process = Process()
    assert process.ownership.trusted(process.ms)


@pytest.mark.parametrize(
    ("slept_ms", "trusted"), [(BOUND_MS, True), (BOUND_MS + 1, False)]
)
def test_a_sleep_of_the_bound_is_harmless_and_one_ms_more_is_not(
    slept_ms: int,
    trusted: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    process = Process()
    process.sleep(slept_ms)
    assert process.ownership.trusted(process.ms) is trusted


def test_a_slice_that_is_older_than_the_bound_is_in_doubt_though_nobody_slept() -> None:
    process = Process()
    polled_ms = process.ms
    for _ in range(3):
        process.sleep(BOUND_MS // 2)
        process.ownership.pulse()
    assert not process.ownership.trusted(polled_ms)


def test_pulses_keep_the_trust_and_a_gap_between_two_ends_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    process = Process()
    for _ in range(3):
        process.sleep(BOUND_MS)
        process.ownership.pulse()
    assert process.ownership.trusted(process.ms)
    process.sleep(BOUND_MS + 1)
    process.ownership.pulse()
    assert not process.ownership.trusted(process.ms)
    assert caplog.messages == [f"this process was suspended for {BOUND_MS + 1} ms"]


def test_doubt_stays_until_the_group_confirms() -> None:
    process = Process()
    process.sleep(BOUND_MS + 1)
    assert not process.ownership.trusted(process.ms)
    process.ownership.pulse()
    assert not process.ownership.trusted(process.ms)
    process.ownership.confirmed()
    assert process.ownership.trusted(process.ms)


def test_partitions_that_the_group_has_just_given_are_not_in_doubt() -> None:
    process = Process()
    assert not process.ownership.trusted(process.ms - BOUND_MS - 1)  # by one old slice
    assert not process.ownership.trusted(process.ms)
    process.ownership.granted()
    assert process.ownership.trusted(process.ms)
