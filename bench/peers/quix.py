"""Quix Streams: a data frame from topic to topic, as its documentation shows.

Usage: ``python -m bench.peers.quix BOOTSTRAP INPUT OUTPUT ORDERS BUYERS FOLDER``.
At-least-once is its default; JSON goes through its own (de)serializers, on orjson.
"""

import sys
from typing import Final

from quixstreams import Application

from bench.peers.small import SmallWorld

_LINGER_MS: Final = 1


def main(arguments: list[str]) -> None:
    """Run until SIGTERM, which the application handles itself."""
    bootstrap, requests_name, decisions_name, orders, buyers, folder = arguments
    world = SmallWorld(int(orders), int(buyers))
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"{requests_name}-quix",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        use_changelog_topics=False,
        state_dir=folder,
        loglevel="WARNING",
        consumer_extra_config={"fetch.wait.max.ms": 50},
        producer_extra_config={"linger.ms": _LINGER_MS, "enable.idempotence": True},
    )
    requests = app.topic(requests_name, value_deserializer="json")
    decisions = app.topic(decisions_name, value_serializer="json")
    frame = app.dataframe(topic=requests)
    frame = frame.apply(world.decide)
    frame.to_topic(decisions)
    app.run()


if __name__ == "__main__":
    main(sys.argv[1:])
