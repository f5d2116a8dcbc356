"""A small day in a capture: facts, requests, and what a worker made of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from streams.families.fast_refund.policy import Policy
from streams.tools.capture.record import Captured
from streams.tools.capture.store import Capture
from testkit import samples
from testkit.fakes import headers_in
from tests.families.fast_refund.world import World
from tests.tools.capture.test_store import stored

T: Final = samples.T
TOPICS: Final = {"dead_letters": "dead-letters"}
MARK: Final = b"__watermark__"


class Day:
    """Collects records; requests are judged by a worker's judge as they are added.

    Facts go into the worker's tables and into the capture, so both know the same.
    """

    def __init__(self, *policies: Policy) -> None:
        self.world = World(*policies)
        self.records: list[Captured] = []
        self._offsets: dict[tuple[str, int], int] = {}
        self.at_ms = T
        for number in range(samples.PARTITIONS):
            for topic in ("shops", "catalog", "buyers", "orders", "outcomes"):
                self.put(topic, MARK, samples.watermark(samples.NOW), number)
        for kind in ("virtual", "custom"):
            value = samples.category(id=f"category:{kind}", kind=kind)
            self.put("catalog", f"category:{kind}".encode(), value)
        self.put("shops", b"s-1", samples.shop())
        self.put("buyers", samples.BUYER.encode(), samples.buyer())
        self.order("o-1")
        self.at_ms = samples.NOW

    def put(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = samples.NUMBER,
        headers: tuple[tuple[str, bytes | None], ...] = (),
    ) -> Captured:
        place = (topic, partition)
        offset = self._offsets.get(place, 0)
        self._offsets[place] = offset + 1
        record = Captured(
            f"refund.{topic}", partition, offset, self.at_ms, 0, key, value, headers
        )
        self.records.append(record)
        return record

    def order(self, order_id: str, **changes: object) -> None:
        value = samples.order(order_id=order_id, **changes)
        self.put("orders", order_id.encode(), value)
        self.world.tables.apply_order(order_id.encode(), value)

    def ask(self, *requests: Mapping[str, Any]) -> None:
        """Let a worker judge requests together, now."""
        self.world.now_ms = self.at_ms
        values = [samples.request(**one) for one in requests]
        for value in values:
            self.put("requests", b"r", value)
        judged = self.world.slice([self.world.record(value) for value in values])
        for output in judged.outputs:
            topic = output.topic
            self.put(
                TOPICS.get(topic, topic),
                output.record[0],
                output.value,
                headers=tuple(headers_in(output.record[2])),
            )

    def capture(self, folder: Path) -> Capture:
        folder.mkdir(exist_ok=True)
        return stored(folder, self.records)
