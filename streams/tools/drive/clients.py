"""Translate Kafka settings to librdkafka's, and its errors to one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.errors import SourceError
from streams.settings import Kafka

_ANSWER_S: Final = 15.0


def connection(kafka: Kafka) -> dict[str, Any]:
    """Return the settings of every librdkafka client: brokers, encryption, login."""
    given = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "client.id": kafka.client_id,
        "security.protocol": kafka.security_protocol,
        "sasl.mechanism": kafka.sasl_mechanism,
        "sasl.username": kafka.sasl_username,
        "sasl.password": kafka.sasl_password and kafka.sasl_password.reveal(),
        "ssl.ca.location": kafka.ssl_ca_location,
        "ssl.certificate.location": kafka.ssl_certificate_location,
        "ssl.key.location": kafka.ssl_key_location,
        "ssl.key.password": kafka.ssl_key_password and kafka.ssl_key_password.reveal(),
        "log_level": 0,  # errors are raised as exceptions
    }
    if kafka.security_protocol.endswith("SSL"):
        algorithm = kafka.ssl_endpoint_identification_algorithm or "none"
        given["ssl.endpoint.identification.algorithm"] = algorithm
    return {name: value for name, value in given.items() if value is not None}


@contextmanager
def client_errors(kafka: Kafka) -> Iterator[None]:
    """Translate librdkafka's errors into one line that names the brokers.

    Raises
    ------
    SourceError
        In place of any librdkafka error.
    """
    try:
        yield
    except KafkaException as problem:
        text = problem.args[0].str() if problem.args else problem
        raise SourceError(
            f"Kafka at {kafka.bootstrap_servers}: {text}; check "
            "kafka.bootstrap_servers, kafka.security_protocol and that the brokers run"
        ) from problem


class Cluster(NamedTuple):
    """Id and topics of a cluster."""

    id: str | None
    topics: dict[str, int]
    """Name -> number of partitions."""


def look_at(kafka: Kafka) -> Cluster:
    """Ask the cluster for its id and its topics; blocks for at most 15 s.

    Raises
    ------
    SourceError
        The cluster does not answer.
    """
    with client_errors(kafka):
        found = AdminClient(connection(kafka)).list_topics(timeout=_ANSWER_S)
    topics = {name: len(topic.partitions) for name, topic in found.topics.items()}
    return Cluster(found.cluster_id, topics)
