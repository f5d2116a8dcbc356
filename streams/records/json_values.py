"""Decode JSON objects, or say why they are unreadable; decode watermark records."""

from typing import Final

import msgspec

from streams.records.dead_letters import PolicyRefused, UnreadableError
from streams.records.plain_json import NoJsonError, flaw, mark_cut, parse, whole_text


class Unreadable(msgspec.Struct, frozen=True, gc=False):
    """Why a value is a dead letter."""

    error: UnreadableError | PolicyRefused
    message: str
    """For people; at most 200 characters, never the value itself."""


class Watermark(msgspec.Struct, frozen=True, gc=False):
    """A feed's statement that all its events up to ``watermark_ms`` are in this partition."""

    watermark_ms: int


_WATERMARK: Final = msgspec.json.Decoder(Watermark)


def unreadable(error: UnreadableError, message: object) -> Unreadable:
    """Return why a value is a dead letter, with the message cut to its limit."""
    return Unreadable(error, str(message)[:200])


def parse_object(value: bytes) -> dict[str, object] | Unreadable:
    """Decode any JSON object; texts may contain lone surrogates."""
    try:
        found = parse(value)
    except NoJsonError as problem:
        return unreadable("not_json", problem)
    if isinstance(found, dict):
        return found
    return unreadable("not_object", f"a JSON {type(found).__name__}, not an object")


def decode_object(value: bytes) -> dict[str, object] | Unreadable:
    """Decode any JSON object; a text with a lone surrogate is marked unreadable.

    Refused are values that are no JSON or no UTF-8 (E-34), and integers of more than
    4,300 digits (E-35): they cannot be held exactly and would become other numbers.
    """
    found = parse_object(value)
    if isinstance(found, Unreadable) or b"\\u" not in value:
        return found
    try:
        return {whole_text(key): mark_cut(item) for key, item in found.items()}
    except RecursionError as problem:
        return unreadable("not_json", problem)


def flawed(value: bytes) -> Unreadable | None:
    """Return a flaw that the typed decoders accept but no reader may; None = no flaw."""
    why = flaw(value)
    return None if why is None else unreadable("not_json", why)


def decode_watermark(value: bytes | None) -> Watermark | Unreadable:
    """Decode a watermark record."""
    if value is None:
        return unreadable("null_value", "a watermark without a value")
    refused = flawed(value)
    if refused is not None:
        return refused
    try:
        return _WATERMARK.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = decode_object(value)
    if isinstance(found, Unreadable):
        return found
    try:
        return msgspec.convert(found, Watermark)
    except msgspec.ValidationError as problem:
        return unreadable("not_json", problem)


def key_text(key: bytes | None) -> str | None:
    """Return the key of a record as text; None when it is missing, empty or no UTF-8."""
    if not key:
        return None
    try:
        return key.decode()
    except UnicodeDecodeError:
        return None
