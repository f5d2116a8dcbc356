"""Frames of the Kafka protocol: requests and responses are aiokafka's own structs."""

import functools
import struct as packing
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final, NamedTuple

import aiokafka.admin.client
import aiokafka.consumer.fetcher
import aiokafka.producer.sender  # noqa: F401 - each of these defines requests
from aiokafka.protocol.api import RequestStruct
from aiokafka.protocol.struct import Struct
from aiokafka.protocol.types import String, TaggedFields

import streams.kafka.aiokafka_internals.topic_ids  # noqa: F401 - and our own
from testkit.simulated.encoding import encoder

_API_VERSIONS: Final = 18
_TEXT: Final = String("utf-8")
_HEAD: Final = packing.Struct(">hhi")
"""API key, version and correlation id of a request."""
_TWO: Final = packing.Struct(">ii")
"""Size and correlation id of an answer."""
_CORRELATION: Final = 4


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
    api_key, api_version, correlation_id = _HEAD.unpack_from(frame)
    client_id, request = _decoded(api_key, api_version, frame[_HEAD.size :])
    return Received(
        api_key,
        api_version,
        correlation_id,
        client_id,
        request,
        request.FLEXIBLE_VERSION,
    )


@functools.lru_cache(maxsize=256)
def _decoded(api_key: int, api_version: int, rest: bytes) -> tuple[str, Any]:
    """Decode what follows the correlation id; the same bytes give the same struct.

    Clients that wait ask the same again and again. So no handler may change a request.
    """
    data = BytesIO(rest)
    client_id = _TEXT.decode(data)
    struct = requests()[api_key, api_version]
    if struct.FLEXIBLE_VERSION:
        TaggedFields.decode(data)
    return client_id or "", struct.decode(data)


def encode(received: Received, response: Any) -> bytes:
    """Encode the answer to a request, with its size."""
    tags = b""
    if received.flexible and received.api_key != _API_VERSIONS:
        tags = b"\x00"
    body = encoded(response)
    size = _CORRELATION + len(tags) + len(body)
    return b"".join((_TWO.pack(size, received.correlation_id), tags, body))


def encoded(struct: Any) -> bytes:
    """Encode a struct of aiokafka, or what else can be encoded."""
    if not isinstance(struct, Struct):
        body: bytes = struct.encode()
        return body
    values = [struct.__dict__[name] for name in struct.SCHEMA.names]
    return encoder(struct.SCHEMA)(values)
