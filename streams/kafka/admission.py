"""Why no broker lets us in, when waiting will not change that.

aiokafka says of a refused login, an expired certificate and a broker that is down the
same: "Unable to bootstrap". So when it says that, each broker of the list is asked once
more over a connection of our own, and what it refuses for good is the operator's.
"""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from streams.errors import AccessError
from streams.kafka.aiokafka_internals.bootstrap import brokers, try_connection
from streams.kafka.aiokafka_internals.tested import client_arguments
from streams.settings import Kafka
from streams.settings.certificate import valid_until

_CERTIFICATE_ALERTS: Final = {
    "CERTIFICATE_EXPIRED": "it has expired; renew it",
    "CERTIFICATE_REVOKED": "it was revoked; renew it",
    "CERTIFICATE_REQUIRED": "there is none; set kafka.ssl_certificate_location",
    "UNKNOWN_CA": "the broker does not know who signed it; add that authority there",
    "CERTIFICATE_UNKNOWN": "the broker does not accept it; see the broker's log",
    "BAD_CERTIFICATE": "the broker does not accept it; see the broker's log",
}
"""TLS alerts by which a broker refuses our certificate, as OpenSSL names them."""


async def admit(kafka: Kafka) -> None:
    """Ask each broker of the list; return when one lets us in, or none can be reached.

    Raises
    ------
    AccessError
        A broker refuses login, certificate or protocol: one line each, none let us in.
    """
    arguments = client_arguments(kafka)
    problems: list[str] = []
    for host, port in brokers(kafka.bootstrap_servers):
        try:
            await try_connection(host, port, arguments)
        except (KafkaError, OSError, TimeoutError) as refused:
            problem = explained(refused, f"{host}:{port}", kafka)
            if problem is not None:
                problems.append(problem)
        else:
            return
    if problems:
        raise AccessError(sorted(set(problems)))


def explained(refused: BaseException, where: str, kafka: Kafka) -> str | None:
    """Say what to put right; None = the broker may come back by itself.

    Parameters
    ----------
    where
        ``HOST:PORT`` of the broker.
    """
    for one in _causes(refused):
        text = _of_login(one, where, kafka) or _of_tls(one, where, kafka)
        if text is not None:
            return text
    return None


def _causes(found: BaseException | None) -> Iterator[BaseException]:
    while found is not None:
        yield found
        found = found.__cause__


def _of_login(refused: BaseException, where: str, kafka: Kafka) -> str | None:
    if isinstance(refused, SaslAuthenticationFailed | AuthenticationFailedError):
        return (
            f"kafka.sasl_username and kafka.sasl_password: {where} refuses the login of "
            f"{kafka.sasl_username!r} by {kafka.sasl_mechanism}; check both"
        )
    if isinstance(refused, UnsupportedSaslMechanismError):
        return (
            f"kafka.sasl_mechanism: {where} does not take {kafka.sasl_mechanism}; choose "
            "one of its sasl.enabled.mechanisms"
        )
    if isinstance(refused, IllegalSaslStateError):
        return (
            f"kafka.security_protocol: {where} takes no login, "
            f"{kafka.security_protocol} sends one; choose the protocol of that listener"
        )
    return None


def _of_tls(refused: BaseException, where: str, kafka: Kafka) -> str | None:
    if isinstance(refused, ssl.SSLCertVerificationError):
        return (
            f"kafka.ssl_ca_location: the certificate of {where} is refused: "
            f"{refused.verify_message}; renew it there, or correct the file of authorities"
        )
    if not isinstance(refused, ssl.SSLError):
        return None
    reason: Any = refused.reason or ""
    for alert, why in _CERTIFICATE_ALERTS.items():
        if str(reason).endswith(alert):
            return (
                f"kafka.ssl_certificate_location: {where} refuses our certificate: "
                f"{_expired(kafka) or why}"
            )
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"):
        return (
            f"kafka.security_protocol: {where} does not encrypt; choose the protocol of "
            "that listener"
        )
    return None


def _expired(kafka: Kafka) -> str | None:
    """Say since when our certificate is too old; Java's brokers only say "unknown"."""
    path = kafka.ssl_certificate_location
    end = None if path is None else valid_until(path)
    # The wall clock finds words here, and decides nothing.
    if end is None or end > datetime.now(UTC):  # noqa: TID251 - see above
        return None
    return f"{path} has expired, it was valid until {end:%Y-%m-%d %H:%M} UTC; renew it"
