"""Frames of the Kafka protocol: requests decoded, responses encoded, by aiokafka's own structs."""

import functools
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple

import aiokafka.admin.client
import aiokafka.consumer.fetcher
import aiokafka.producer.sender  # noqa: F401 - each of these defines requests
from aiokafka.protocol.api import RequestStruct
from aiokafka.protocol.types import Int16, Int32, String, TaggedFields

import streams.kafka.aiokafka_internals.topic_ids  # noqa: F401 - and our own

_API_VERSIONS = 18
_TEXT = String("utf-8")


class Received(NamedTuple):
    """A decoded request."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str
    request: Any
    """The struct of aiokafka."""
    flexible: bool


@functools.cache
def requests() -> dict[tuple[int, int], type[Any]]:
    """Return the request structs by API key and version."""
    found: dict[tuple[int, int], type[Any]] = {}
    for struct in _below(RequestStruct):
        found.setdefault((struct.API_KEY, struct.API_VERSION), struct)
    return found


def _below(struct: type[Any]) -> Iterator[type[Any]]:
    for one in struct.__subclasses__():
        yield one
        yield from _below(one)


def decode(frame: bytes) -> Received:
    """Decode a frame without its size.

    Raises
    ------
    KeyError
        Nobody here knows this request in this version.
    """
    data = BytesIO(frame)
    api_key, api_version = Int16.decode(data), Int16.decode(data)
    correlation_id, client_id = Int32.decode(data), _TEXT.decode(data)
    struct = requests()[api_key, api_version]
    if struct.FLEXIBLE_VERSION:
        TaggedFields.decode(data)
    return Received(
        api_key,
        api_version,
        correlation_id,
        client_id or "",
        struct.decode(data),
        struct.FLEXIBLE_VERSION,
    )


def encode(received: Received, response: Any) -> bytes:
    """Encode the answer to a request, with its size."""
    head: bytes = Int32.encode(received.correlation_id)
    if received.flexible and received.api_key != _API_VERSIONS:
        head += b"\x00"
    body: bytes = response.encode()
    return b"".join((Int32.encode(len(head) + len(body)), head, body))
