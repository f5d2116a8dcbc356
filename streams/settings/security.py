"""Kafka settings as the keyword arguments of aiokafka's clients."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams.errors import SettingsError
from streams.settings.model import Kafka
from streams.settings.secret import Secret


def connection(kafka: Kafka) -> dict[str, Any]:
    """Return what consumer, producer and admin client have in common; reads PEM files.

    Raises
    ------
    SettingsError
        As :func:`security`.
    """
    return {
        "bootstrap_servers": kafka.bootstrap_servers,
        "client_id": kafka.client_id,
        "request_timeout_ms": kafka.request_timeout_ms,
        "metadata_max_age_ms": kafka.metadata_max_age_ms,
        **security(kafka),
    }


def security(kafka: Kafka) -> dict[str, Any]:
    """Return the arguments for encryption and login; reads PEM files.

    Raises
    ------
    SettingsError
        A PEM file that is missing or cannot be used; one line each.
    """
    arguments: dict[str, Any] = {"security_protocol": kafka.security_protocol}
    if kafka.security_protocol.startswith("SASL_"):
        arguments |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": _reveal(kafka.sasl_password),
        }
    if kafka.security_protocol.endswith("SSL"):
        arguments["ssl_context"] = _context(kafka)
    return arguments


def _reveal(secret: Secret | None) -> str | None:
    return secret.reveal() if secret is not None else None


def _context(kafka: Kafka) -> ssl.SSLContext:
    problems = list(_missing(kafka))
    context: ssl.SSLContext | None = None
    if not problems:
        try:
            context = ssl.create_default_context(cafile=kafka.ssl_ca_location)
        except (OSError, ValueError) as problem:
            problems.append(
                f"kafka.ssl_ca_location: {kafka.ssl_ca_location} is not a PEM file of "
                f"certificates ({_short(problem)})"
            )
    if context is not None:
        context.check_hostname = kafka.ssl_endpoint_identification_algorithm == "https"
        problems += _identify(context, kafka)
    if problems or context is None:
        raise SettingsError(problems)
    return context


def _missing(kafka: Kafka) -> Iterator[str]:
    for key, path in (
        ("ssl_ca_location", kafka.ssl_ca_location),
        ("ssl_certificate_location", kafka.ssl_certificate_location),
        ("ssl_key_location", kafka.ssl_key_location),
    ):
        if path is not None and not Path(path).is_file():
            yield f"kafka.{key}: there is no file {path}; give the path of a PEM file"


def _identify(context: ssl.SSLContext, kafka: Kafka) -> Iterator[str]:
    if kafka.ssl_certificate_location is None:
        return
    # With a password at hand OpenSSL never asks for one on the terminal.
    password = _reveal(kafka.ssl_key_password) or ""
    try:
        context.load_cert_chain(
            kafka.ssl_certificate_location, kafka.ssl_key_location, password
        )
    except (OSError, ValueError) as problem:
        yield (
            f"kafka.ssl_certificate_location: {kafka.ssl_certificate_location} and its "
            f"key cannot be used; check the PEM files and kafka.ssl_key_password "
            f"({_short(problem)})"
        )


def _short(problem: Exception) -> str:
    return str(problem).partition("\n")[0][:120]
