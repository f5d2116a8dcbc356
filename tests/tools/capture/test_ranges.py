from collections.abc import Mapping

import pytest

from streams.errors import UsageError
from streams.settings import Settings
from streams.tools.capture.ranges import (
    Bounds,
    OffsetRange,
    Place,
    read_ranges,
    spans_of,
    topic_names,
    whole_topics,
)
from streams.tools.moments import read_moment

TOPICS = ("refund.requests", "refund.orders")
REQUESTS, ORDERS = ("refund.requests", 0), ("refund.orders", 0)


def bounds(
    at_from: Mapping[Place, int] | None = None,
    at_until: Mapping[Place, int] | None = None,
) -> Bounds:
    return Bounds(
        first={REQUESTS: 10, ORDERS: 0},
        end={REQUESTS: 100, ORDERS: 50},
        at_from=at_from or {},
        at_until=at_until or {},
    )


def spans(
    found: Bounds, *ranges: OffsetRange, facts: str = "whole", timed: bool = False
) -> dict[Place, tuple[int, int]]:
    whole = whole_topics(Settings(), facts)
    return {
        (one.topic, one.partition): (one.start, one.end)
        for one in spans_of(found, ranges, whole, timed=timed)
    }


def test_names_are_ours_with_or_without_prefix_and_all_but_events_by_default() -> None:
    settings = Settings()
    assert topic_names(settings, ["orders", "refund.orders"]) == ("refund.orders",)
    assert topic_names(settings, ["platform.kuaishou.events"])
    assert len(topic_names(settings, [])) == 12
    with pytest.raises(UsageError, match="--topic nobody: not one of requests, orders"):
        topic_names(settings, ["nobody"])


def test_without_limits_everything_that_is_there_is_meant() -> None:
    assert spans(bounds()) == {REQUESTS: (10, 100), ORDERS: (0, 50)}


def test_facts_are_whole_unless_the_range_is_to_hold_for_them_too() -> None:
    timed = bounds({REQUESTS: 40, ORDERS: 30}, {REQUESTS: 60, ORDERS: 45})
    assert spans(timed, timed=True) == {REQUESTS: (40, 60), ORDERS: (0, 45)}
    assert spans(timed, facts="range", timed=True) == {
        REQUESTS: (40, 60),
        ORDERS: (30, 45),
    }


def test_a_moment_after_the_last_record_gives_nothing() -> None:
    assert spans(bounds(), timed=True)[REQUESTS] == (100, 100)


def test_an_end_before_the_start_gives_nothing() -> None:
    found = spans(bounds({REQUESTS: 60}, {REQUESTS: 40}), timed=True)
    assert found[REQUESTS] == (60, 60)


def test_offsets_of_a_partition_win() -> None:
    (asked,) = read_ranges(["requests:0:20..30"], TOPICS, "refund.")
    assert spans(bounds(), asked)[REQUESTS] == (20, 30)
    (open_ended,) = read_ranges(["refund.requests:0:20.."], TOPICS, "refund.")
    assert spans(bounds(), open_ended)[REQUESTS] == (20, 100)


def test_all_wrong_offsets_are_told_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        read_ranges(["orders", "nobody:0:1..2", "orders:0:5"], TOPICS, "refund.")
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize("text", ["requests:0:5..20", "requests:0:30..20"])
def test_offsets_that_are_not_there_are_refused(text: str) -> None:
    asked = read_ranges([text], TOPICS, "refund.")
    with pytest.raises(UsageError, match=r"the log holds 10\.\.100"):
        spans(bounds(), *asked)


def test_a_partition_that_is_not_there_is_refused() -> None:
    asked = read_ranges(["requests:7:1..2"], TOPICS, "refund.")
    with pytest.raises(UsageError, match="no such partition"):
        spans(bounds(), *asked)


@pytest.mark.parametrize(
    "text",
    ["2026-03-18T08:00:00.250+08:00", "2026-03-18T00:00:00.250Z", "1773792000250"],
)
def test_a_moment_has_a_zone_or_is_utc_ms(text: str) -> None:
    assert read_moment("--from", text) == 1_773_792_000_250


@pytest.mark.parametrize("text", ["2026-03-18T08:00:00", "yesterday", "", "-5"])
def test_any_other_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--from"):
        read_moment("--from", text)
