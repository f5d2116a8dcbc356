"""Everything that runs in ``refund demo`` besides the scenes: broker, topics, worker.

Everything is stopped in reverse order of its start, whatever happens; if this process
is killed, broker and worker notice it and end by themselves.
"""

import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.errors import UsageError
from streams.kafka.aiokafka_internals.tested import client_arguments
from streams.kafka.ending import SHORT_MS, disconnect
from streams.kafka.starting import connect
from streams.kafka.topic_admin import admin_client, create, declare
from streams.platforms.kuaishou.topics import EVENTS
from streams.platforms.registry import installed
from streams.settings import Settings, load
from streams.tools.extras import require_testkit

_CLIENT_ALLOWED: Final = "REFUND_KAFKA__UNTESTED_CLIENT"
_FETCH_WAIT_MS: Final = "5"
"""The embedded broker answers an idle fetch only after the wait, ms."""
_ANY_PORT: Final = 0
_LOOPBACK: Final = "127.0.0.1"
_CATEGORIES: Final = "[paths]\n1001 = ['clothing', 'shirts']\n"
"""The samples' leaf category; the platform gives leaf ids only."""


@asynccontextmanager
async def embedded(settings: Settings) -> AsyncIterator[str]:
    """Run the embedded broker with all topics; yield its address.

    Raises
    ------
    UsageError
        This is not a checkout, or ``confluent-kafka`` is not installed.
    BrokerFailedError
        It does not start.
    """
    require_testkit(
        "refund demo",
        "run it in a checkout (`make demo`), or name a broker with "
        "--bootstrap-servers HOST:PORT",
    )
    from testkit.embedded import EmbeddedBroker  # noqa: PLC0415 - not in the wheel

    broker = EmbeddedBroker(
        {one.name: one.partitions for one in declare(installed(settings), settings)}
    )
    try:
        broker.start()  # a tenth of a second
        yield broker.bootstrap_servers
    finally:
        broker.stop()


@asynccontextmanager
async def borrowed(settings: Settings) -> AsyncIterator[str]:
    """Create the demo's own topics on an existing broker; delete them afterwards.

    Raises
    ------
    KafkaError
        It cannot be reached.
    TopicsError
        It refuses the topics.
    """
    async with admin_client(settings.kafka) as admin:
        specs = declare(installed(settings), settings)
        try:
            await create(admin, specs)
            yield settings.kafka.bootstrap_servers
        finally:
            await admin.delete_topics([spec.name for spec in specs])


def environment(
    environ: Mapping[str, str], bootstrap: str | None, port: int
) -> dict[str, str]:
    """Return the worker's environment, from which this process reads its settings too.

    Existing settings are left out: a demo must not write to real topics. If a broker is
    given, it may need a login, so its Kafka settings stay, and the topics get unique
    names.
    """
    kept = "REFUND_KAFKA__" if bootstrap is not None else _CLIENT_ALLOWED
    found = {
        name: text
        for name, text in environ.items()
        if not name.startswith("REFUND_") or name.startswith(kept)
    }
    found |= {
        "REFUND_WORKER__ROLES": "decide,watch,ingest",
        "REFUND_WEB__PORT": str(port),
        "REFUND_KUAISHOU__WATERMARK_INTERVAL_MS": "1000",
    }
    if bootstrap is None:
        return found | {"REFUND_KAFKA__FETCH_MAX_WAIT_MS": _FETCH_WAIT_MS}
    prefix = f"refund-demo-{secrets.token_hex(3)}."
    return found | {
        "REFUND_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "REFUND_KAFKA__GROUP_ID": prefix + "decide",
        "REFUND_TOPICS__PREFIX": prefix,
        "REFUND_TOPICS__EVENTS": prefix + EVENTS.name,
    }


def read(environ: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    Raises
    ------
    SettingsError
        Existing Kafka settings cannot be used.
    """
    return load(environ, None, {})


def port_of(wanted: int | None) -> int:
    """Return the requested port of the worker's pages, or a free one.

    Raises
    ------
    UsageError
        The requested port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, _ANY_PORT if wanted is None else wanted))
        except OSError as problem:
            why = problem.strerror or type(problem).__name__
            raise UsageError(
                [f"port {wanted}: {why}; name another with --web-port, or none"]
            ) from None
        port: int = probe.getsockname()[1]
    return port


def platform_environment(folder: Path, base_url: str) -> dict[str, str]:
    """Return the settings that connect the worker to the stand-in; write its category file."""
    categories = folder / "categories.toml"
    categories.write_text(_CATEGORIES, encoding="utf-8")
    return {
        "REFUND_KUAISHOU__BASE_URL": base_url,
        "REFUND_KUAISHOU__APP_KEY": "ks600000000000000001",
        "REFUND_KUAISHOU__APP_SECRET": "demo",
        "REFUND_KUAISHOU__ACCESS_TOKEN": "demo",
        "REFUND_KUAISHOU__CATEGORIES_FILE": str(categories),
    }


@asynccontextmanager
async def producing(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """Connect a producer and close it afterwards."""
    producer = AIOKafkaProducer(**client_arguments(settings.kafka), acks="all")
    try:
        await connect(producer)
        yield producer
    finally:
        await disconnect([producer], SHORT_MS)


@asynccontextmanager
async def consuming(
    settings: Settings,
) -> AsyncIterator["AIOKafkaConsumer[bytes, bytes]"]:
    """Connect a consumer that joins no group and close it afterwards."""
    consumer: AIOKafkaConsumer[bytes, bytes] = AIOKafkaConsumer(
        **client_arguments(settings.kafka),
        group_id=None,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=settings.kafka.fetch_max_wait_ms,
    )
    try:
        await connect(consumer)
        yield consumer
    finally:
        await disconnect([consumer], SHORT_MS)
