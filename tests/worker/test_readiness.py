"""One line when a worker becomes ready, one when it is no more."""

import logging

import pytest

from streams.worker.readiness import Readiness, ranges


class Part:
    def __init__(self) -> None:
        self.reasons = ["waiting for a broker"]
        self.text: str | None = None

    def not_ready(self) -> list[str]:
        return self.reasons

    def reads(self) -> str | None:
        return self.text


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_start_is_one_line_when_the_worker_is_ready(
    lines: pytest.LogCaptureFixture,
) -> None:
    part = Part()
    readiness = Readiness(lambda: [part], "http://127.0.0.1:6066")
    readiness.reasons()
    part.reasons = []
    readiness.reasons()  # between two assignments: what it reads is not known yet
    assert readiness.reasons() == []
    part.text = "partitions 0-7 of refund.requests, policy FR@1"
    for _ in range(3):
        readiness.reasons()
    (line,) = lines.messages
    assert line == (
        "ready: partitions 0-7 of refund.requests, policy FR@1; "
        "pages at http://127.0.0.1:6066"
    )
    assert lines.records[0].__dict__["event"] == "ready"


def test_what_is_lost_and_found_again_is_told_each_time(
    lines: pytest.LogCaptureFixture,
) -> None:
    part = Part()
    part.reasons, part.text = [], "partitions 0 of requests"
    readiness = Readiness(lambda: [part], None)
    readiness.reasons()
    part.reasons = ["no fetch was answered for 12 s"]
    readiness.reasons()
    readiness.reasons()
    part.reasons = []
    readiness.reasons()
    assert lines.messages == [
        "ready: partitions 0 of requests; no pages",
        "not ready: no fetch was answered for 12 s",
        "ready: partitions 0 of requests; no pages",
    ]
    assert [one.levelname for one in lines.records] == ["INFO", "WARNING", "INFO"]


def test_other_partitions_are_a_line_again(lines: pytest.LogCaptureFixture) -> None:
    part = Part()
    part.reasons, part.text = [], "partitions 0-3 of requests"
    readiness = Readiness(lambda: [part], None)
    readiness.reasons()
    part.text = "partitions 0-1 of requests"
    readiness.reasons()
    assert len(lines.messages) == 2


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([3], "3"), ([0, 1, 2], "0-2"), ([7, 5, 0, 1], "0-1, 5, 7")],
)
def test_partitions_are_written_short(numbers: list[int], text: str) -> None:
    assert ranges(numbers) == text
