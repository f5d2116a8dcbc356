import json
from pathlib import Path

import pytest

from streams.errors import UsageError
from streams.tools.capture.record import Captured
from streams.tools.capture.store import Capture
from streams.tools.drive.pacing import PaceOptions
from streams.tools.drive.rows import TimedRow
from streams.tools.replay.rows import INPUTS, CaptureRows, extent_of
from testkit import samples
from tests.tools.capture.test_store import stored

T = samples.T
START = T + 5_000_000


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    def one(topic: str, offset: int, at_ms: int, value: bytes) -> Captured:
        headers = (("h", None),)
        return Captured(f"refund.{topic}", 2, offset, at_ms, 0, b"k", value, headers)

    return stored(
        tmp_path,
        [
            one("orders", 0, T - 60_000, samples.order(as_of_ms=T - 60_000)),
            one("requests", 0, T, samples.request()),
            one("orders", 1, T + 500, samples.order(as_of_ms=T + 400)),
            one("requests", 1, T + 1_000, samples.request(refund_id="r-2")),
            one("approvals", 0, T + 1_001, b"{}"),
        ],
    )


def rows(capture: Capture, pace: PaceOptions, times: str = "shift") -> list[TimedRow]:
    names = ("orders", "requests")
    source = CaptureRows(
        folder=str(capture.folder),
        names=names,
        prefix="new.",
        pace=pace,
        extent=extent_of(capture, names),
        times=times,
        partitions=4,
        placing="recorded",
    )
    return list(source.rows(START))


def field(row: TimedRow, name: str) -> int:
    found: int = json.loads(row.value or b"null")[name]
    return found


def test_the_manifest_says_how_long_a_capture_is(capture: Capture) -> None:
    found = extent_of(capture, ("orders", "requests"))
    assert (found.first_ms, found.last_ms) == (T, T + 1_000)
    assert (found.requests, found.facts, found.facts_before_max) == (2, 2, 2)


def test_facts_older_than_the_first_request_come_before_the_start(
    capture: Capture,
) -> None:
    found = rows(capture, PaceOptions("recorded", speed=2))
    assert [(one.due_ns, one.timed, one.topic) for one in found] == [
        (-1, False, "new.orders"),
        (0, True, "new.requests"),
        (250_000_000, False, "new.orders"),
        (500_000_000, True, "new.requests"),
    ]
    assert {(one.partition, one.key) for one in found} == {(2, b"k")}
    assert found[0].headers == [("h", None)]


def test_times_move_with_the_gaps(capture: Capture) -> None:
    before, first, after, _ = rows(capture, PaceOptions("recorded", speed=2))
    assert field(before, "as_of_ms") == START - 60_000
    assert field(first, "requested_at_ms") == START
    assert field(after, "as_of_ms") == START + 200
    assert field(first, "refund_version") == 1


def test_at_a_constant_rate_each_record_moves_by_its_own_distance(
    capture: Capture,
) -> None:
    before, first, after, second = rows(capture, PaceOptions("constant", rate=10))
    assert [one.due_ns for one in (first, after, second)] == [0, 0, 100_000_000]
    assert field(before, "as_of_ms") == START - 60_000
    assert field(after, "as_of_ms") == START - 100
    assert field(second, "requested_at_ms") == START + 100 - 1_000


def test_frozen_times_keep_every_byte(capture: Capture) -> None:
    found = rows(capture, PaceOptions("recorded"), "frozen")
    assert found[1].value == samples.request()


def test_a_capture_without_requests_has_nothing_to_time(tmp_path: Path) -> None:
    only = stored(tmp_path, [Captured("refund.orders", 0, 0, 1, 0, b"k", b"{}")])
    with pytest.raises(UsageError, match="holds no request"):
        extent_of(only, INPUTS)
