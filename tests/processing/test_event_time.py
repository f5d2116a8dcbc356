"""Up to when everything that happened in a partition is known."""

from hypothesis import given
from hypothesis import strategies as st

from streams.processing.event_time import EventTime
from streams.processing.watermarks import WATERMARK_KEY, Watermarks, slowest
from testkit import samples
from testkit.samples import NOW

LATER = NOW + 1_000_000


def write(marks: Watermarks, ms: int, feed: bytes = b"") -> None:
    assert marks.apply(WATERMARK_KEY + feed, samples.watermark(ms)) is None


def test_there_is_no_event_time_before_every_topic_has_spoken() -> None:
    orders, buyers = Watermarks(), Watermarks()
    time = EventTime(orders, buyers)
    write(orders, NOW)
    assert time.advance(LATER) is None
    write(buyers, NOW - 5)
    assert time.advance(LATER) == NOW - 5
    assert EventTime().advance(LATER) is None


def test_event_time_stays_when_a_slower_feed_joins_or_all_fall_silent() -> None:
    marks = Watermarks()
    time = EventTime(marks)
    write(marks, NOW)
    assert time.advance(LATER) == NOW
    write(marks, NOW - 100, b":joined")
    assert slowest([marks]) == NOW - 100
    assert time.advance(LATER) == NOW
    for feed in (b"", b":joined"):
        marks.apply(WATERMARK_KEY + feed, None)
    assert slowest([marks]) is None
    assert time.advance(LATER) == NOW


def test_a_watermark_of_the_future_brings_nothing_forward() -> None:
    marks = Watermarks()
    time = EventTime(marks)
    write(marks, NOW * 1_000)  # a feed that writes microseconds
    assert time.advance(NOW) == NOW
    assert time.advance(NOW - 1) == NOW
    assert time.advance(NOW + 1) == NOW + 1


SAID = st.tuples(st.integers(0, 2), st.sampled_from([b"", b":a"]), st.integers(0, 99))


@given(st.lists(SAID), st.integers(0, 99))
def test_event_time_never_goes_back_and_is_never_ahead_of_what_a_feed_once_said(
    said: list[tuple[int, bytes, int]], now_ms: int
) -> None:
    topics = [Watermarks() for _ in range(3)]
    time = EventTime(*topics)
    before = -1
    highest = [-1, -1, -1]
    for topic, feed, ms in said:
        write(topics[topic], ms, feed)
        highest[topic] = max(highest[topic], ms)
        found = time.advance(now_ms)
        if found is not None:
            assert before <= found <= min(*highest, now_ms)
            before = found
        else:
            assert before == min(highest) == -1
