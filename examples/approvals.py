"""Read approvals as a payout service does: each payout key once.

    python examples/approvals.py

Prints a line for every payment that is due, up to the present end of ``refund.approvals``.
"""

import asyncio
import json
import os

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.settings import Settings, connection, load
from streams.visible import visible


async def due(settings: Settings) -> dict[str, int]:
    """Return payout key -> fen, over all partitions: the first approval counts."""
    topic = settings.topics.prefix + "approvals"
    found: dict[str, int] = {}
    async with AIOKafkaConsumer(**connection(settings.kafka)) as consumer:
        everywhere = [
            TopicPartition(topic, number)
            for number in range(settings.topics.partitions)
        ]
        consumer.assign(everywhere)
        await consumer.seek_to_beginning()
        for where, end in (await consumer.end_offsets(everywhere)).items():
            while await consumer.position(where) < end:
                for record in (await consumer.getmany(where, timeout_ms=100)).get(
                    where, []
                ):
                    decision = json.loads(record.value)
                    found.setdefault(decision["payout_key"], decision["refund_fen"])
    return found


def main() -> None:
    """Print what is due."""
    for key, fen in asyncio.run(due(load(os.environ, None, {}))).items():
        print(visible(f"{key}  {fen // 100}.{fen % 100:02} yuan"))


if __name__ == "__main__":
    main()
