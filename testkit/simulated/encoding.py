"""Encode values as a schema of aiokafka says, several times faster than it does itself.

A schema is read once and made into functions: neighbouring numbers become one
``struct.pack``. Only brokers answer this way; clients use aiokafka's own.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import groupby
from typing import Any, Final, TypeAlias

from aiokafka.protocol import types

Encoder: TypeAlias = Callable[[Any], bytes]

_LETTERS: Final[dict[object, str]] = {
    types.Int8: "b",
    types.Int16: "h",
    types.Int32: "i",
    types.UInt32: "I",
    types.Int64: "q",
    types.Float64: "d",
    types.Boolean: "?",
}
"""Types of fixed width, as ``struct`` writes them."""
_short = struct.Struct(">h").pack
_int = struct.Struct(">i").pack


@cache
def encoder(kind: Any) -> Encoder:
    """Return what encodes a value of a type, an array or a schema.

    It writes the bytes that ``kind.encode`` writes. It raises other errors than that
    does for values that do not fit.
    """
    if type(kind) is types.Schema:
        return _schema(kind.fields)
    if type(kind) is types.Array:
        return _array(encoder(kind.array_of))
    if type(kind) is types.String and kind.encoding == "utf-8":
        return _string
    if kind is types.Bytes:
        return _bytes
    letter = _LETTERS.get(kind)
    if letter is not None:
        return struct.Struct(f">{letter}").pack
    fallback: Encoder = kind.encode
    return fallback


def _string(value: str | None) -> bytes:
    if value is None:
        return b"\xff\xff"
    data = value.encode()
    return _short(len(data)) + data


def _bytes(value: bytes | None) -> bytes:
    if value is None:
        return b"\xff\xff\xff\xff"
    return _int(len(value)) + value


def _array(of: Encoder) -> Encoder:
    def encode(items: Sequence[Any] | None) -> bytes:
        if items is None:
            return b"\xff\xff\xff\xff"
        if not items:
            return b"\x00\x00\x00\x00"
        return _int(len(items)) + b"".join(map(of, items))

    return encode


def _schema(fields: Sequence[Any]) -> Encoder:
    parts = list(_parts(fields))
    count = len(fields)

    def encode(item: Sequence[Any]) -> bytes:
        if len(item) != count:
            raise ValueError(f"{len(item)} values for {count} fields")
        return b"".join([part(item) for part in parts])

    return encode


def _parts(fields: Sequence[Any]) -> Iterable[Encoder]:
    """Yield what encodes the fields of an item: neighbouring numbers together."""
    at = 0
    for fixed, group in groupby(fields, lambda field: field in _LETTERS):
        run = list(group)
        if fixed:
            yield _numbers(run, at)
        else:
            for nth, field in enumerate(run, at):
                yield _field(encoder(field), nth)
        at += len(run)


def _numbers(run: Sequence[Any], first: int) -> Encoder:
    pack = struct.Struct(">" + "".join(_LETTERS[one] for one in run)).pack
    end = first + len(run)
    return lambda item: pack(*item[first:end])


def _field(encode: Encoder, nth: int) -> Encoder:
    return lambda item: encode(item[nth])
