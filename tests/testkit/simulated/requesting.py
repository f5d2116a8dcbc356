"""Requests of every kind and version, filled with something."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from aiokafka.protocol.types import (
    Array,
    Boolean,
    Bytes,
    Int8,
    Int16,
    Int32,
    Int64,
    Schema,
    String,
    TaggedFields,
)

from testkit.simulated import wire
from testkit.simulated.dispatch import versions


def filled(field: Any) -> Any:
    """Return a value for a field: of lists one item."""
    if isinstance(field, Array):
        return [filled(field.array_of)]
    if isinstance(field, Schema):
        return tuple(filled(one) for one in field.fields)
    if isinstance(field, String):
        return "t"
    values: dict[Any, Any] = {
        Boolean: True,
        Bytes: b"x",
        Int8: 1,
        Int16: 1,
        Int32: 1,
        Int64: 1,
        TaggedFields: {},
    }
    return values[field] if field in values else field.decode(BytesIO(bytes(16)))


def requests() -> Iterator[Any]:
    """Yield a request of each kind in each version that is offered and has a struct."""
    for key, lowest, highest in versions():
        for version in range(lowest, highest + 1):
            struct = wire.requests().get((key, version))
            if struct is not None:
                yield struct(*(filled(field) for field in struct.SCHEMA.fields))


def numbers(value: Any) -> Iterator[int]:
    """Yield all numbers in an answer, however deep they are."""
    if isinstance(value, int):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from numbers(one)
