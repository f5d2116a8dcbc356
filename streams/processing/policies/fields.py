"""Flatten the tables of a policy into keys, and check values against their types."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Final, Literal, TypeAlias, Union, get_args, get_origin

import msgspec

from streams.errors import PolicyError

Field: TypeAlias = msgspec.structs.FieldInfo
"""One key: name, type with bounds, default."""

WRONG: Final = object()
"""Marks a refused value, so that it is reported only once."""

_UNITS: Final = ("_ms", "_fen")


def measured(known: Iterable[str]) -> tuple[str, ...]:
    """Return the keys that hold amounts and durations; ``effective_from_ms`` is neither."""
    return tuple(
        key for key in known if key.endswith(_UNITS) and key != "effective_from_ms"
    )


def flatten(
    tables: Mapping[str, object], known: Mapping[str, Field]
) -> dict[str, object]:
    """Join keys and tables of keys into one flat mapping.

    A table named like a known key is that key's value.

    Raises
    ------
    PolicyError
        A key appears twice.
    """
    flat: dict[str, object] = {}
    twice: list[str] = []
    for key, value in _leaves(tables, known):
        if key in flat:
            twice.append(f"{key}: given twice; keep one")
        flat[key] = value
    if twice:
        raise PolicyError(twice)
    return flat


def _leaves(
    tables: Mapping[str, object], known: Mapping[str, Field]
) -> Iterator[tuple[str, object]]:
    for key, value in tables.items():
        if isinstance(value, Mapping) and key not in known:
            yield from _leaves(value, known)
        else:
            yield key, value


def checked(
    flat: Mapping[str, object],
    kept: Mapping[str, object],
    known: Mapping[str, Field],
) -> tuple[dict[str, object], list[str]]:
    """Check values against their types.

    Parameters
    ----------
    flat
        The given keys and values.
    kept
        Values of the keys that are not given.

    Returns
    -------
    tuple
        The values, :data:`WRONG` in place of each refused one, and a line for every
        problem.
    """
    problems = [_unknown(key, known) for key in flat if key not in known]
    values = dict(kept)
    for key, field in known.items():
        if key not in flat:
            if field.required and key not in kept:
                problems.append(f"{key}: required; add it")
            continue
        try:
            values[key] = msgspec.convert(flat[key], field.type)
        except msgspec.ValidationError:
            values[key] = WRONG
            problems.append(f"{key}: {_wanted(field.type)}, not {_shown(flat[key])}")
    return values, problems


def _unknown(key: str, known: Iterable[str]) -> str:
    near = get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "remove it"
    return f"{key}: unknown key; {hint}"


def _shown(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _wanted(kind: object) -> str:
    """Describe the values that a key accepts, from its annotation."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        if len(args) == 1:
            return f"must be {_shown(args[0])}, the only value implemented"
        return f"must be one of {', '.join(args)}"
    if origin is tuple:
        return f"must be a list; each element {_wanted(args[0])}"
    if origin is Annotated:
        return _bounded(args)
    if origin is Union or origin is UnionType:
        some = next(arg for arg in args if arg is not NoneType)
        return f"{_wanted(some)}, or left out"
    return _PLAIN.get(kind, "must be of another type")


_PLAIN: Final[Mapping[object, str]] = {
    bool: "must be true or false",
    int: "must be a whole number",
    str: "must be a text",
}


def _bounded(args: tuple[object, ...]) -> str:
    kind, meta = args[:2]
    if kind is str or not isinstance(meta, msgspec.Meta):
        return "must be a text that is not empty"
    if meta.le is None:
        return f"must be a whole number, {meta.ge} or more"
    return f"must be a whole number from {meta.ge} to {meta.le}"
