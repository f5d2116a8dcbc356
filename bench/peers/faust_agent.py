"""Plain Faust, the textbook way: an agent on a topic, one ``send`` per event.

Usage: ``python -m bench.peers.faust_agent BOOTSTRAP INPUT OUTPUT ORDERS BUYERS FOLDER``.
Faust's own consumer and producer with their defaults; its JSON codec uses orjson.
"""

import sys
from typing import Any

import faust
from faust.types import StreamT

from bench.peers.faust_worker import worker_of
from bench.peers.small import SmallWorld


def build(arguments: list[str]) -> faust.App:
    """Build the app; names of topics and sizes come from the command line."""
    bootstrap, requests_name, decisions_name, orders, buyers, folder = arguments
    world = SmallWorld(int(orders), int(buyers))
    app = faust.App(
        f"{requests_name}-faust",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        datadir=folder,
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
    )
    requests = app.topic(requests_name, value_serializer="json")
    decisions = app.topic(decisions_name, value_serializer="json")

    @app.agent(requests)
    async def decide(stream: StreamT[dict[str, Any]]) -> None:
        async for request in stream:
            # What it gives is the acknowledgement to come; the textbook leaves it.
            _ = await decisions.send(
                key=request["refund_id"], value=world.decide(request)
            )

    return app


if __name__ == "__main__":
    worker_of(build(sys.argv[1:])).execute_from_commandline()
