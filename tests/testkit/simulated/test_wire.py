"""The broker's own encoding writes what aiokafka's writes."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiokafka.protocol import types
from aiokafka.protocol.api import Response
from aiokafka.protocol.metadata import MetadataRequest_v1

from testkit.simulated import wire
from testkit.simulated.encoding import encoder
from testkit.simulated.requests.topic_ids import WITH_IDS


def _below(struct: type[Any]) -> Iterator[type[Any]]:
    for one in struct.__subclasses__():
        yield one
        yield from _below(one)


wire.requests()  # imports the modules that define structs
RESPONSES = sorted(
    {one for one in _below(Response) if hasattr(one, "API_VERSION")},
    key=lambda one: (one.API_KEY, one.API_VERSION, one.__name__),
)
_SCALARS: dict[Any, Callable[[random.Random], Any]] = {
    types.Int8: lambda rng: rng.randint(-(2**7), 2**7 - 1),
    types.Int16: lambda rng: rng.randint(-(2**15), 2**15 - 1),
    types.Int32: lambda rng: rng.randint(-(2**31), 2**31 - 1),
    types.UInt32: lambda rng: rng.randint(0, 2**32 - 1),
    types.Int64: lambda rng: rng.randint(-(2**63), 2**63 - 1),
    types.Float64: lambda rng: rng.random(),
    types.Boolean: lambda rng: rng.random() < 0.5,
    types.Bytes: lambda rng: rng.choice([None, b"", rng.randbytes(20)]),
    types.CompactBytes: lambda rng: rng.choice([None, b"", rng.randbytes(20)]),
    types.TaggedFields: lambda _: {},
    types.UnsignedVarInt32: lambda rng: rng.randint(0, 2**28 - 1),
}


def _value(kind: Any, rng: random.Random) -> Any:
    if isinstance(kind, types.Schema):
        return tuple(_value(field, rng) for field in kind.fields)
    if isinstance(kind, types.Array):
        length = rng.choice([-1, 0, 1, 3])
        items = [_value(kind.array_of, rng) for _ in range(length)]
        return None if length < 0 else items
    if isinstance(kind, types.String):
        return rng.choice([None, "", "refund-requests", "退款"])
    if kind not in _SCALARS:
        return rng.randbytes(16)  # a topic's id
    return _SCALARS[kind](rng)


@pytest.mark.parametrize("struct", RESPONSES, ids=lambda one: one.__name__)
def test_every_response_is_encoded_as_aiokafka_encodes_it(struct: type[Any]) -> None:
    rng = random.Random(struct.__name__)  # noqa: S311 - no secret
    for _ in range(30):
        values = _value(struct.SCHEMA, rng)
        assert wire.encoded(struct(*values)) == struct(*values).encode()


def test_metadata_with_topic_ids_is_encoded_as_its_schema_says() -> None:
    rng = random.Random(1)  # noqa: S311 - no secret
    for _ in range(100):
        values = _value(WITH_IDS, rng)
        assert encoder(WITH_IDS)(values) == WITH_IDS.encode(values)


def test_a_wrong_number_of_values_is_no_answer() -> None:
    with pytest.raises(ValueError, match="values for"):
        encoder(WITH_IDS)([1])


def test_the_same_request_again_is_decoded_with_its_own_correlation_id() -> None:
    request = MetadataRequest_v1(["orders"])
    frames = [
        b"\x00\x03\x00\x01" + number.to_bytes(4) + b"\x00\x02me" + request.encode()
        for number in (7, 8)
    ]
    first, second = (wire.decode(frame) for frame in frames)
    assert (first.correlation_id, second.correlation_id) == (7, 8)
    assert first.request.topics == second.request.topics == ["orders"]
    assert first.client_id == second.client_id == "me"
