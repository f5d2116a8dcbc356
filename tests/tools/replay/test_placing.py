import json
from collections.abc import Iterable

from streams.processing.partitioner import partition_of
from streams.tools.capture.record import Captured
from streams.tools.replay.placing import AsRecorded, Owners, Placed, Rekeyed
from testkit import samples

NEW = 7
MARK = b"__watermark__"


def record(
    topic: str, value: bytes | None, key: bytes | None = None, partition: int = 1
) -> Captured:
    return Captured(f"refund.{topic}", partition, 0, 1, 0, key, value)


WORLD = [
    record("requests", samples.request(), b"r-1"),
    record("orders", samples.order(), b"o-1"),
    record("requests", samples.request(refund_id="r-2", buyer_id=None, order_id="o-9")),
]


def rekeyed() -> Rekeyed:
    return Rekeyed(NEW, 2, Owners(WORLD))


def where(topic: str, value: bytes | None, key: bytes | None = None) -> list[int]:
    return [n for n, _ in rekeyed().place(topic, record(topic, value, key))]


def said(found: Iterable[Placed]) -> list[int]:
    marks = {json.loads(value or b"null")["watermark_ms"] for _, value in found}
    return sorted(marks)


def test_as_recorded_keeps_the_partition() -> None:
    assert list(AsRecorded().place("orders", record("orders", b"x"))) == [(1, b"x")]


def test_everything_of_a_buyer_goes_to_the_buyers_partition() -> None:
    home = [partition_of(samples.BUYER, NEW)]
    assert where("requests", samples.request()) == home
    assert where("orders", samples.order()) == home
    assert where("orders", None, b"o-1") == home  # the end of an order
    assert where("buyers", samples.buyer(), b"b-77") == home
    assert where("buyers", None, b"b-77") == home
    assert where("outcomes", samples.outcome("payout_failed")) == home
    assert where("outcomes", samples.veto(), b"o-1") == home


def test_without_a_buyer_the_order_says_where() -> None:
    home = [partition_of("o-9", NEW)]
    assert where("requests", samples.request(buyer_id=None, order_id="o-9")) == home
    assert where("outcomes", samples.outcome("payout_failed", "r-2")) == home


def test_lists_go_by_their_key_and_policies_to_their_one_partition() -> None:
    assert where("shops", samples.shop(), b"s-1") == [partition_of("s-1", NEW)]
    assert where("policies", b"{}", b"FR") == [0]


def test_what_nobody_can_place_keeps_its_number_and_is_counted() -> None:
    placing = rekeyed()
    odd = record("requests", b"not JSON", b"x", partition=9)
    assert list(placing.place("requests", odd)) == [(9 % NEW, b"not JSON")]
    assert placing.unplaced == 1


def test_a_watermark_is_as_far_as_the_slowest_old_partition_and_goes_everywhere() -> (
    None
):
    placing = rekeyed()

    def mark(partition: int, at_ms: int) -> list[Placed]:
        value = samples.watermark(at_ms)
        return list(placing.place("orders", record("orders", value, MARK, partition)))

    assert mark(0, 100) == []  # the other one has not spoken
    found = mark(1, 50)
    assert [number for number, _ in found] == list(range(NEW))
    assert said(found) == [50]
    assert mark(0, 200) == []  # nothing new
    assert said(mark(1, 300)) == [200]


def test_the_end_of_a_feed_is_told_everywhere() -> None:
    gone = list(rekeyed().place("orders", record("orders", None, MARK)))
    assert gone == [(number, None) for number in range(NEW)]
