"""FastStream: a batch subscriber that publishes a batch, as its documentation shows.

Usage: ``python -m bench.peers.faststream_app BOOTSTRAP INPUT OUTPUT ORDERS BUYERS``.
On its aiokafka broker; offsets are committed after the handler's outputs.
"""

import asyncio
import sys
from typing import Any, Final

from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaPublishMessage

from bench.peers.small import SmallWorld

_BATCH_MAX: Final = 1_000
_WAIT_MS: Final = 200
"""For the first record of a batch; what is there is taken at once."""


def build(arguments: list[str]) -> FastStream:
    """Build the app; names of topics and sizes come from the command line."""
    bootstrap, requests_name, decisions_name, orders, buyers = arguments
    world = SmallWorld(int(orders), int(buyers))
    broker = KafkaBroker(
        bootstrap, acks="all", enable_idempotence=True, max_batch_size=524_288
    )

    @broker.publisher(decisions_name, batch=True)
    @broker.subscriber(
        requests_name,
        batch=True,
        group_id=f"{requests_name}-faststream",
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        max_records=_BATCH_MAX,
        batch_timeout_ms=_WAIT_MS,
        fetch_max_wait_ms=50,
    )
    async def decide(requests: list[dict[str, Any]]) -> list[KafkaPublishMessage]:
        return [
            KafkaPublishMessage(
                world.decide(request), key=request["refund_id"].encode()
            )
            for request in requests
        ]

    return FastStream(broker)


if __name__ == "__main__":
    asyncio.run(build(sys.argv[1:]).run())
