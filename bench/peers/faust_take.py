"""Faust with ``take``: an agent that reads batches and waits for their acknowledgements.

Usage: ``python -m bench.peers.faust_take BOOTSTRAP INPUT OUTPUT ORDERS BUYERS FOLDER``.
The batch counts as done only when the broker has all of its outputs.
"""

import asyncio
import sys
from typing import Any, Final

import faust
from faust.types import StreamT

from bench.peers.faust_worker import worker_of
from bench.peers.small import SmallWorld

_TAKE_MAX: Final = 1_000
_TAKE_WITHIN_S: Final = 0.005


def build(arguments: list[str]) -> faust.App:
    """Build the app; names of topics and sizes come from the command line."""
    bootstrap, requests_name, decisions_name, orders, buyers, folder = arguments
    world = SmallWorld(int(orders), int(buyers))
    app = faust.App(
        f"{requests_name}-faust-take",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=folder,
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_buffer_maxsize=16_384,
        producer_max_batch_size=524_288,
    )
    requests = app.topic(requests_name, value_serializer="json")
    decisions = app.topic(decisions_name, value_serializer="json")

    @app.agent(requests)
    async def decide(stream: StreamT[dict[str, Any]]) -> None:
        async for batch in stream.take(_TAKE_MAX, within=_TAKE_WITHIN_S):
            acks = [
                await decisions.send(
                    key=request["refund_id"], value=world.decide(request)
                )
                for request in batch
            ]
            await asyncio.gather(*acks)

    return app


if __name__ == "__main__":
    worker_of(build(sys.argv[1:])).execute_from_commandline()
