"""What a refusal is told as; that real brokers refuse so is tested in test_admission.py."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    NodeNotReadyError,
    RequestTimedOutError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.errors import AccessError
from streams.kafka.admission import admit, explained
from streams.kafka.aiokafka_internals.fetched import newest_answer
from streams.kafka.rights import rights
from streams.kafka.topic_admin import needed
from streams.platforms.registry import groups, installed
from streams.settings import Kafka, Settings, load
from streams.worker.broker_contact import BrokerContact
from testkit.fakes import FakeConsumer, FakeLog
from testkit.samples import NOW
from tests.families.fast_refund.stage import INPUT

TLS = Path(__file__).parents[1] / "data/tls"
WHERE = "broker:9093"
SETTINGS = Kafka(
    security_protocol="SASL_SSL", sasl_mechanism="PLAIN", sasl_username="w"
)


def caused(cause: BaseException) -> KafkaConnectionError:
    """An error of aiokafka's connection, as it tells why it was closed."""
    found = KafkaConnectionError("closed")
    found.__cause__ = cause
    return found


def alert(reason: str) -> ssl.SSLError:
    found = ssl.SSLError(1, reason)
    found.reason = reason
    return found


@pytest.mark.parametrize(
    ("refused", "named"),
    [
        (SaslAuthenticationFailed(), "kafka.sasl_username and kafka.sasl_password: "),
        (AuthenticationFailedError(), "kafka.sasl_username and kafka.sasl_password: "),
        (UnsupportedSaslMechanismError(), "kafka.sasl_mechanism: "),
        (IllegalSaslStateError(), "kafka.security_protocol: "),
        (alert("WRONG_VERSION_NUMBER"), "kafka.security_protocol: "),
        (
            caused(alert("SSLV3_ALERT_CERTIFICATE_EXPIRED")),
            "kafka.ssl_certificate_location: ",
        ),
        (
            caused(alert("TLSV13_ALERT_CERTIFICATE_REQUIRED")),
            "kafka.ssl_certificate_location: ",
        ),
    ],
)
def test_what_only_the_operator_can_mend_names_the_setting(
    refused: Exception, named: str
) -> None:
    text = explained(refused, WHERE, SETTINGS)
    assert text is not None
    assert text.startswith(named)
    assert WHERE in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "problem",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        KafkaConnectionError(),
        NodeNotReadyError(),
        RequestTimedOutError(),
        caused(ConnectionResetError()),
    ],
)
def test_a_broker_that_may_come_back_is_waited_for(problem: Exception) -> None:
    assert explained(problem, WHERE, SETTINGS) is None


@asynccontextmanager
async def tls_server(certificate: str) -> AsyncIterator[int]:
    """A server that shows a certificate and says nothing more; yields its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / f"{certificate}.pem", TLS / f"{certificate}.key")

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


def encrypting(port: int) -> Kafka:
    return Kafka(
        bootstrap_servers=f"127.0.0.1:{port}",
        security_protocol="SSL",
        ssl_ca_location=str(TLS / "ca.pem"),
    )


@pytest.mark.asyncio
async def test_a_brokers_certificate_that_has_expired_names_itself() -> None:
    async with tls_server("expired") as port:
        with pytest.raises(AccessError) as caught:
            await admit(encrypting(port))
    (line,) = caught.value.problems
    assert line.startswith("kafka.ssl_ca_location: the certificate of 127.0.0.1:")
    assert "certificate has expired" in line


@pytest.mark.asyncio
async def test_a_certificate_for_another_host_names_itself() -> None:
    async with tls_server("client") as port:
        with pytest.raises(AccessError, match="is refused: "):
            await admit(encrypting(port))


@pytest.mark.asyncio
async def test_a_broker_that_is_down_is_no_refusal() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    await admit(encrypting(port))
    async with tls_server("server") as port:
        await admit(encrypting(port))  # it hangs up, for whatever reason


def of(roles: str) -> Settings:
    return load({}, None, {"worker.roles": roles})


@pytest.mark.parametrize(
    "roles", ["decide", "decide,watch", "ingest", "decide,watch,ingest"]
)
def test_rights_are_asked_for_exactly_the_topics_that_are_needed(roles: str) -> None:
    settings = of(roles)
    rows = installed(settings)
    names = {spec.name for spec in needed(rows, settings)}
    assert set(rights(rows, settings)) == names


def test_outputs_are_read_and_written_and_facts_only_read() -> None:
    rows = installed(of("decide"))
    found = rights(rows, of("decide,watch"))
    assert found["refund.approvals"] == {"READ", "WRITE"}
    assert found["refund.notices"] == {"READ", "WRITE"}
    assert found["refund.orders"] == {"READ"}
    assert rights(rows, of("ingest"))["refund.orders"] == {"READ", "WRITE"}


def test_who_writes_no_notices_needs_no_right_to() -> None:
    found = rights(installed(of("decide")), of("decide"))
    assert found["refund.notices"] == {"READ"}


def test_each_role_that_reads_slices_has_its_group() -> None:
    assert tuple(groups(of("decide,watch,ingest"))) == (
        "refund-decide",
        "refund-decide-ingest",
    )
    assert tuple(groups(of("ingest"))) == ("refund-decide-ingest",)


class Moments:
    """A clock and the moment of the last answer, both moved by hand."""

    def __init__(self) -> None:
        self.ms = 0
        self.heard: int | None = 1


def test_what_is_not_answered_for_too_long_is_lost_until_an_answer_comes() -> None:
    at = Moments()
    hearing = BrokerContact(lambda: at.heard, lambda: at.ms, 10_000)
    assert not hearing.lost()
    at.ms = 10_000
    assert not hearing.lost()
    at.ms = 10_001
    assert hearing.lost()
    at.heard = 2
    assert not hearing.lost()


def test_a_first_answer_that_never_comes_is_missed_too() -> None:
    at = Moments()
    at.heard = -1
    hearing = BrokerContact(lambda: at.heard, lambda: at.ms, 10_000)
    assert not hearing.lost()
    at.ms = 10_001
    assert hearing.lost()


def test_who_fetches_nothing_misses_nothing() -> None:
    at = Moments()
    at.heard = None
    hearing = BrokerContact(lambda: at.heard, lambda: at.ms, 10_000)
    at.ms = 99_999
    assert not hearing.lost()


def test_the_newest_answer_is_that_of_any_partition() -> None:
    consumer = FakeConsumer(FakeLog(lambda: NOW))
    assert newest_answer(consumer, []) is None
    consumer.assign([INPUT])
    assert newest_answer(consumer, [INPUT]) == -1
