from collections import Counter

import orjson
import pytest

from bench.names import request_number
from bench.options import BenchOptions, variations
from bench.peers.typed import TypedWorld
from bench.world import SPARE_ORDERS, WARM_UP_FROM, NumberedWorld, WorldSize
from streams.processing.partitioner import partition_of

NOW_MS = 1_773_800_100_000
EVEN = WorldSize(orders=4_000, buyers=900, partitions=4)
SKEWED = WorldSize(orders=4_000, buyers=900, partitions=4, skew=70)


def test_no_order_is_asked_for_twice_and_every_row_is_where_its_buyer_is() -> None:
    world = NumberedWorld(EVEN)
    seen = set()
    for number in range(EVEN.orders):
        key, value, partition = world.request(number, NOW_MS)
        request = orjson.loads(value)
        assert request_number(key) == number
        assert partition == partition_of(request["buyer_id"], 4)
        seen.add(request["order_id"])
    assert len(seen) == EVEN.orders


def test_warming_up_asks_for_orders_of_its_own_that_are_loaded_too() -> None:
    world = NumberedWorld(EVEN)
    asked = {
        orjson.loads(world.request(number, NOW_MS)[1])["order_id"]
        for number in range(EVEN.orders)
    }
    loaded = {key.decode() for key, _, _ in world.order_rows(NOW_MS)}
    warming = {
        orjson.loads(world.request(WARM_UP_FROM + number, NOW_MS)[1])["order_id"]
        for number in range(SPARE_ORDERS + 5)
    }
    assert len(warming) == SPARE_ORDERS
    assert not warming & asked
    assert loaded == asked | warming


def test_the_small_engines_know_every_order_and_buyer_and_approve() -> None:
    world = NumberedWorld(EVEN)
    small = TypedWorld(EVEN.orders + SPARE_ORDERS, EVEN.buyers)

    def outcome(request: dict[str, object]) -> str:
        """Ask both ways of reading a request."""
        decision = small.decide(request)
        assert orjson.loads(small.answer(orjson.dumps(request))) == decision
        return str(decision["outcome"])

    request: dict[str, object] = {}
    for number in (0, 1, EVEN.orders - 1, WARM_UP_FROM, WARM_UP_FROM + 9_999):
        request = orjson.loads(world.request(number, NOW_MS)[1])
        assert outcome(request) == "auto_approve"
    assert outcome(request | {"order_id": "x"}) == "manual_review"
    assert outcome(request | {"refund_fen": 30_000}) == "manual_review"


def test_an_uneven_world_puts_its_share_into_one_partition_without_repeating() -> None:
    world = NumberedWorld(SKEWED)
    rows = [world.request(number, NOW_MS) for number in range(1_000)]
    share = Counter(partition for _, _, partition in rows)[0] / len(rows)
    assert 0.65 < share < 0.75
    assert len({orjson.loads(value)["order_id"] for _, value, _ in rows}) == len(rows)


@pytest.mark.parametrize("condition", list(variations(BenchOptions())))
def test_every_condition_has_an_order_for_each_of_its_requests(condition: str) -> None:
    options = variations(BenchOptions(records=3_000, seconds=1, rates=(1_000, 9_999)))[
        condition
    ]
    world = NumberedWorld(options.world)
    count = options.records + options.latency_records
    orders = {
        orjson.loads(world.request(number, NOW_MS)[1])["order_id"]
        for number in range(count)
    }
    assert len(orders) == count


def test_a_padded_request_has_about_the_size_asked_for_and_text_that_differs() -> None:
    world = NumberedWorld(BenchOptions(records=10, record_bytes=5_000).world)
    first, second = (orjson.loads(world.request(n, NOW_MS)[1]) for n in (0, 1))
    assert 4_900 < len(orjson.dumps(first)) < 5_100
    assert first["note"] != second["note"]
