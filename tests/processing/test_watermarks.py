"""How far a topic partition is written: the slowest of its feeds."""

import pytest

from streams.processing.watermarks import WATERMARK_KEY, Watermarks, slowest
from streams.records.json_values import Unreadable
from testkit import samples
from testkit.samples import NOW

SLOW = WATERMARK_KEY + b":slow"


def marks_at(*moments_ms: int | None) -> list[Watermarks]:
    found = []
    for ms in moments_ms:
        marks = Watermarks()
        if ms is not None:
            marks.apply(WATERMARK_KEY, samples.watermark(ms))
        found.append(marks)
    return found


@pytest.mark.parametrize(
    "value", [b"{}", b"no json", b'{"watermark_ms":1.5}', b'{"watermark_ms":null}']
)
def test_a_watermark_that_cannot_be_read_changes_nothing_and_is_told(
    value: bytes,
) -> None:
    marks = Watermarks()
    assert marks.apply(WATERMARK_KEY, samples.watermark()) is None
    assert isinstance(marks.apply(WATERMARK_KEY, value), Unreadable)
    assert marks.ms == NOW


def test_a_feed_that_ends_no_longer_holds_the_others_back() -> None:
    marks = Watermarks()
    marks.apply(WATERMARK_KEY, samples.watermark(NOW))
    marks.apply(SLOW, samples.watermark(NOW - 100))
    assert marks.ms == NOW - 100
    marks.apply(SLOW, None)
    assert marks.ms == NOW
    marks.apply(WATERMARK_KEY, None)
    assert marks.ms is None


def test_a_feed_never_goes_back() -> None:
    marks = Watermarks()
    marks.apply(WATERMARK_KEY, samples.watermark(NOW))
    marks.apply(WATERMARK_KEY, samples.watermark(NOW - 1))
    assert marks.ms == NOW


def test_partitions_together_are_as_far_as_the_slowest_once_all_have_spoken() -> None:
    assert slowest(marks_at(NOW, NOW - 5, NOW + 5)) == NOW - 5
    assert slowest(marks_at(NOW, None)) is None
    assert slowest([]) is None


def test_a_feed_that_joins_others_can_only_hold_them_back() -> None:
    marks = Watermarks()
    value = samples.watermark(NOW)
    assert not marks.only_lowered_by(WATERMARK_KEY, value)  # the first brings freshness
    marks.apply(WATERMARK_KEY, value)
    assert not marks.only_lowered_by(WATERMARK_KEY, value)
    assert marks.only_lowered_by(SLOW, value)
    assert not marks.only_lowered_by(SLOW, None)
