"""A broker that refuses: login, certificate and rights name themselves, code 2.

One broker for all of it: who comes through its second listener encrypts, shows a
certificate, logs in, has the rights he was given, and must log in again every few
seconds, which aiokafka does not do: the broker closes the connection.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

from faults.network import Network
from faults.waiting import eventually
from faults.workers import ROOT, WorkerProcess, surroundings
from streams.errors import AccessError
from streams.kafka.rights import rights
from streams.kafka.topic_admin import admin_client, create, declare
from streams.platforms.registry import installed
from streams.settings import Settings, load
from streams.worker.preflight import check_topics
from testkit.broker import LocalCluster
from testkit.node import ClusterOptions
from tests.kafka.conftest import QUICK_START

pytestmark = pytest.mark.asyncio

TLS: Final = ROOT / "tests/data/tls"
PASSWORD: Final = "only-for-this-run"  # noqa: S105 - of a broker that lives for a minute
LOGIN_AGAIN_MS: Final = 2_000
SESSION_MS: Final = 2_000
PLAIN_LOGIN: Final = "org.apache.kafka.common.security.plain.PlainLoginModule required"


def properties(folder: Path) -> dict[str, str]:
    keys = folder / "keys.pem"
    keys.write_text((TLS / "server.key").read_text() + (TLS / "server.pem").read_text())
    return {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The broker itself and this test have no name and may do everything.
        "super.users": "User:ANONYMOUS",
        "listener.security.protocol.map": (
            "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:SASL_SSL"
        ),
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.proxied.plain.sasl.jaas.config": (
            f'{PLAIN_LOGIN} user_worker="{PASSWORD}";'
        ),
        "listener.name.proxied.ssl.client.auth": "required",
        "listener.name.proxied.ssl.keystore.type": "PEM",
        "listener.name.proxied.ssl.keystore.location": str(keys),
        "listener.name.proxied.ssl.truststore.type": "PEM",
        "listener.name.proxied.ssl.truststore.location": str(TLS / "ca.pem"),
        "connections.max.reauth.ms": str(LOGIN_AGAIN_MS),
        "group.min.session.timeout.ms": "1000",
    }


@pytest.fixture(scope="module")
def broker(
    libs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalCluster]:
    folder = tmp_path_factory.mktemp("kafka")
    options = ClusterOptions(
        heap_mb=320, jvm_flags=QUICK_START, properties=properties(folder)
    )
    with LocalCluster(libs, folder / "node", options) as cluster:
        yield cluster


def environ(broker: LocalCluster, **changes: str) -> dict[str, str]:
    """Settings of a client that may come in."""
    _, door = broker.proxied(1)
    return {
        "REFUND_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{door}",
        "REFUND_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "REFUND_KAFKA__SASL_MECHANISM": "PLAIN",
        "REFUND_KAFKA__SASL_USERNAME": "worker",
        "REFUND_KAFKA__SASL_PASSWORD": PASSWORD,
        "REFUND_KAFKA__SSL_CA_LOCATION": str(TLS / "ca.pem"),
        "REFUND_KAFKA__SSL_CERTIFICATE_LOCATION": str(TLS / "client.pem"),
        "REFUND_KAFKA__SSL_KEY_LOCATION": str(TLS / "client.key"),
        "REFUND_KAFKA__SESSION_TIMEOUT_MS": str(SESSION_MS),
        "REFUND_TOPICS__PREFIX": "admission.",
        "REFUND_TOPICS__PARTITIONS": "1",
        "REFUND_KAFKA__GROUP_ID": "admission",
        **{f"REFUND_{name}": value for name, value in changes.items()},
    }


@asynccontextmanager
async def door(broker: LocalCluster) -> AsyncIterator[Network]:
    """Let clients in through the second listener."""
    inner, outer = broker.proxied(1)
    network = Network(inner)
    async with network.listening(outer):
        yield network


async def refused(broker: LocalCluster, **changes: str) -> tuple[str, ...]:
    """What a start is refused for."""
    settings = load(environ(broker, **changes), None, {})
    async with door(broker):
        with pytest.raises(AccessError) as caught:
            await check_topics(settings)
    return caught.value.problems


async def test_a_wrong_password_ends_a_worker_with_one_line_and_code_2(
    broker: LocalCluster,
) -> None:
    changes = {"KAFKA__SASL_PASSWORD": "wrong"}
    wrong = surroundings() | environ(broker, **changes)
    async with door(broker):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "streams", "worker"],
            env=wrong | {"REFUND_WEB__PORT": "off"},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("refund: ")]
    (line,) = told
    assert line.startswith("refund: kafka.sasl_username and kafka.sasl_password: ")
    assert "'worker'" in line
    assert "Traceback" not in done.stderr
    assert "wrong" not in done.stderr


async def test_a_certificate_of_ours_that_has_expired_names_itself(
    broker: LocalCluster,
) -> None:
    (line,) = await refused(
        broker,
        KAFKA__SSL_CERTIFICATE_LOCATION=str(TLS / "expired.pem"),
        KAFKA__SSL_KEY_LOCATION=str(TLS / "expired.key"),
    )
    assert line.startswith("kafka.ssl_certificate_location: ")
    assert "has expired, it was valid until 2021-01-01 00:00 UTC; renew it" in line


async def test_a_mechanism_that_the_broker_does_not_take_names_itself(
    broker: LocalCluster,
) -> None:
    (line,) = await refused(broker, KAFKA__SASL_MECHANISM="SCRAM-SHA-256")
    assert line.startswith("kafka.sasl_mechanism: ")


class Granting:
    """Gives the user of the second listener rights. Blocks; aiokafka cannot."""

    def __init__(self, broker: LocalCluster) -> None:
        self._kafka: Any = import_module("confluent_kafka.admin")
        servers = {"bootstrap.servers": broker.bootstrap_servers}
        self._admin = self._kafka.AdminClient(servers)

    def give(self, kind: str, allowed: Mapping[str, frozenset[str]]) -> None:
        kafka = self._kafka
        bindings = [
            kafka.AclBinding(
                kafka.ResourceType[kind],
                name,
                kafka.ResourcePatternType.LITERAL,
                "User:worker",
                "*",
                kafka.AclOperation[operation],
                kafka.AclPermissionType.ALLOW,
            )
            for name, operations in allowed.items()
            for operation in operations
        ]
        for future in self._admin.create_acls(bindings).values():
            future.result(timeout=30)


async def made_topics(broker: LocalCluster, prefix: str) -> None:
    """Create the topics under a prefix, as one who may do everything."""
    plain = load(
        {
            "REFUND_KAFKA__BOOTSTRAP_SERVERS": broker.bootstrap_servers,
            "REFUND_TOPICS__PREFIX": prefix,
            "REFUND_TOPICS__PARTITIONS": "1",
            "REFUND_TOPICS__EVENTS": prefix + "events",
        },
        None,
        {},
    )
    async with admin_client(plain.kafka) as admin:
        await create(admin, declare(installed(plain), plain))


async def grant_all(broker: LocalCluster, settings: Settings) -> None:
    """Give every right that a worker needs; back when it can start."""
    granting = Granting(broker)
    await asyncio.to_thread(
        granting.give, "TOPIC", rights(installed(settings), settings)
    )
    read = {settings.kafka.group_id: frozenset({"READ"})}
    await asyncio.to_thread(granting.give, "GROUP", read)

    async def let_in() -> bool:
        try:
            await check_topics(settings)
        except AccessError:
            return False
        return True

    async with door(broker):
        await eventually(let_in, 30)


async def test_missing_rights_name_themselves_and_what_to_grant(
    broker: LocalCluster,
) -> None:
    settings = load(environ(broker), None, {})
    granting = Granting(broker)
    await made_topics(broker, "admission.")
    everything = rights(installed(settings), settings)
    lines = await refused(broker)
    assert len(lines) == len(everything) + 1
    (group,) = [line for line in lines if line.startswith("kafka.group_id: ")]
    assert "user worker may not DESCRIBE the group admission; grant READ" in group
    (requests,) = [line for line in lines if line.startswith("admission.requests: ")]
    assert "may not DESCRIBE it, nor see whether it exists; grant READ" in requests
    assert not [line for line in lines if "refund topics create" in line]

    some = everything | {
        "admission.approvals": frozenset({"READ"}),
        "admission.orders": frozenset({"DESCRIBE"}),
    }
    await asyncio.to_thread(granting.give, "TOPIC", some)
    describe = {"admission": frozenset({"DESCRIBE"})}
    await asyncio.to_thread(granting.give, "GROUP", describe)

    async def granted() -> bool:  # a broker takes a moment to apply them
        return len(await refused(broker)) == 3

    await eventually(granted, 30)
    group, *topics = await refused(broker)
    assert "user worker may not READ the group admission" in group
    assert topics == [
        "admission.approvals: user worker may not WRITE it; grant that",
        "admission.orders: user worker may not READ it; grant that",
    ]

    await grant_all(broker, settings)


async def test_a_worker_that_is_cut_off_says_so_until_it_is_let_in_again(
    broker: LocalCluster, tmp_path: Path
) -> None:
    changes = {"TOPICS__PREFIX": "cut.", "KAFKA__GROUP_ID": "cut"}
    surrounding = environ(broker, **changes)
    await made_topics(broker, "cut.")
    await grant_all(broker, load(surrounding, None, {}))
    worker = WorkerProcess("cut", surrounding, tmp_path)

    async def out() -> bool:
        return "have not answered" in await worker.says("readyz")

    async def again() -> bool:
        return await worker.answers("readyz")

    async def ready_twice() -> bool:
        return worker.text().count(" ready: partitions 0 of cut.requests") >= 2

    async with door(broker) as network:
        worker.start()
        try:
            await worker.ready()
            # The broker closes connections that do not log in again; new ones do.
            await asyncio.sleep(2 * LOGIN_AGAIN_MS / 1000)
            assert await worker.answers("readyz"), worker.tail()
            assert await worker.metric("process_resident_memory_bytes")
            network.cut()
            try:
                await eventually(out, 30)
            except AssertionError as late:
                said = await worker.says("readyz")
                raise AssertionError(f"{said!r}: {worker.tail()}") from late
            network.mend()
            await eventually(again, 60)
            await eventually(ready_twice, 60)
            os.kill(worker.pid, signal.SIGHUP)
            assert await worker.exit_code(60) == 0, worker.tail()
        finally:
            worker.stop_anyhow()
    text = worker.text()
    assert "not ready: " in text
    assert "have not answered" in text
    assert "SIGHUP: stopping" in text
