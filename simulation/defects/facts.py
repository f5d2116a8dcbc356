"""Defects of facts: when they count as read, and when they are dropped."""

from weakref import WeakKeyDictionary

from aiokafka import TopicPartition

from simulation.defects.planting import Planting, put
from streams.kafka.table_reader import TableReader
from streams.processing.watermarks import WATERMARK_KEY
from streams.records.record import Record


def watermark_before_its_data() -> Planting:
    """Watermarks count as they are fetched, and the records before them one fetch later."""
    waiting: WeakKeyDictionary[TableReader, dict[TopicPartition, list[Record]]]
    waiting = WeakKeyDictionary()

    def apply(self: TableReader, tp: TopicPartition, records: list[Record]) -> None:
        late = waiting.setdefault(self, {})
        marks = [one for one in records if (one.key or b"").startswith(WATERMARK_KEY)]
        before, late[tp] = (
            late.get(tp, []),
            [one for one in records if one not in marks],
        )
        self._apply_now(tp, [*before, *marks])

    return put(TableReader, "_apply", apply)
