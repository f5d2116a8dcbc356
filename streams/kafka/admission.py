"""Find out why every broker refuses us, when waiting will not help.

aiokafka reports a refused login, an expired certificate and a broker that is down
alike: "Unable to bootstrap". So after that error each listed broker is tried once more
over a connection of our own, and a permanent refusal is reported to the operator.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from streams.errors import AccessError
from streams.kafka.aiokafka_internals.bootstrap import brokers, try_connection
from streams.kafka.aiokafka_internals.tested import client_arguments
from streams.kafka.errors import FOREIGN, OUR_CERTIFICATE, advice, row_of
from streams.settings import Kafka
from streams.settings.certificate import valid_until


async def admit(kafka: Kafka) -> None:
    """Try each listed broker; return when one accepts us or none can be reached.

    Raises
    ------
    AccessError
        No broker accepts us, and one or more refuse login, certificate or protocol: one
        line each.
    """
    arguments = client_arguments(kafka)
    problems: list[str] = []
    for host, port in brokers(kafka.bootstrap_servers):
        try:
            await try_connection(host, port, arguments)
        except FOREIGN as refused:
            problem = explained(refused, f"{host}:{port}", kafka)
            if problem is not None:
                problems.append(problem)
        else:
            return
    if problems:
        raise AccessError(sorted(set(problems)))


def explained(refused: BaseException, where: str, kafka: Kafka) -> str | None:
    """Return what the operator must correct; None = the broker may come back by itself.

    Parameters
    ----------
    where
        ``HOST:PORT`` of the broker.
    """
    for one in _causes(refused):
        row = row_of(one)
        if row is None or row.ours is not AccessError:
            continue
        expired = _expired(kafka) if row.setting == OUR_CERTIFICATE else None
        if expired is not None:
            return f"{row.setting}: {where} refuses our certificate: {expired}"
        verified = getattr(one, "verify_message", None)  # of a certificate
        return advice(
            row,
            {
                "where": where,
                "login": f"the login of {kafka.sasl_username!r} by {kafka.sasl_mechanism}",
                "mechanism": str(kafka.sasl_mechanism),
                "protocol": kafka.security_protocol,
                "reason": f": {verified}" if verified else "",
            },
        )
    return None


def _causes(found: BaseException | None) -> Iterator[BaseException]:
    while found is not None:
        yield found
        found = found.__cause__


def _expired(kafka: Kafka) -> str | None:
    """Say when our certificate expired; Java brokers only say "unknown"."""
    path = kafka.ssl_certificate_location
    end = None if path is None else valid_until(path)
    # The wall clock only words a message here; it decides nothing.
    if end is None or end > datetime.now(UTC):  # noqa: TID251 - see above
        return None
    return f"{path} has expired, it was valid until {end:%Y-%m-%d %H:%M} UTC; renew it"
