"""Open one connection to one broker, as aiokafka's clients do first."""

from collections.abc import Iterator
from typing import Any, Final

from aiokafka.conn import collect_hosts, create_conn

_CLIENT_ONLY: Final = ("bootstrap_servers", "metadata_max_age_ms")
"""Client arguments that a connection does not accept."""


def brokers(bootstrap_servers: str) -> Iterator[tuple[str, int]]:
    """Yield host and port of each broker of the setting, in random order."""
    for host, port, _family in collect_hosts(bootstrap_servers):
        yield host, port


async def try_connection(host: str, port: int, arguments: dict[str, Any]) -> None:
    """Connect, log in, and close again.

    Parameters
    ----------
    arguments
        Arguments of a client.

    Raises
    ------
    KafkaError, OSError
        The broker cannot be reached or refuses; the cause is chained.
    """
    given = {name: one for name, one in arguments.items() if name not in _CLIENT_ONLY}
    connection = await create_conn(host, port, **given)
    connection.close()
