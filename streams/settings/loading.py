"""From file, environment and command line to one checked ``Settings``.

Every problem of every layer is collected, so that an operator mends them in one go.
A problem names the setting as it was written, and says what to do.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import inspect as kinds

from streams.errors import SettingsError
from streams.settings.contradictions import contradictions
from streams.settings.families import family_contradictions
from streams.settings.fields import (
    FAMILIES,
    Field,
    alternatives,
    fields,
    find,
    none_words,
    sections,
    wanted,
)
from streams.settings.layers import FILE_SUFFIX, Given, Layer, lay_over, layers
from streams.settings.model import FamilySettings, Settings
from streams.settings.secret import Secret

_SHOWN_CHARACTERS: Final = 60


def load(
    environ: Mapping[str, str],
    file: Mapping[str, object] | None,
    overrides: Mapping[str, str],
) -> Settings:
    """Merge the layers over the defaults and check everything.

    Reads secret files and imports the families that are named. Old names are taken as
    well; :func:`streams.settings.layers.old_names` tells which are used.

    Parameters
    ----------
    environ
        All of the environment; only names with ``REFUND_`` are looked at.
    file
        The parsed TOML file: a table per section. None = no file.
    overrides
        From the command line: ``section.key`` -> text.

    Raises
    ------
    SettingsError
        All problems: unknown keys, wrong types, unreadable secret files,
        contradictions.
    """
    problems: list[str] = []
    given: Layer = {}
    for layer in layers(environ, file, overrides, problems):
        lay_over(given, layer, problems)
    values: dict[str, object] = {}
    for name, one in given.items():
        field = find(name)
        if field is not None:
            _convert(field, one, values, problems)
    _read_secrets(values, given, problems)
    settings = _build(values)
    # Contradictions between defaults in place of refused values would mislead.
    refused = {name for name in given if name not in values}
    problems += [
        text
        for names, text in (
            *contradictions(settings),
            *family_contradictions(settings),
        )
        if not refused & names
    ]
    if problems:
        raise SettingsError(problems)
    return settings


def _convert(
    field: Field, given: Given, values: dict[str, object], problems: list[str]
) -> None:
    try:
        raw = _from_text(field.type, given.raw, is_text=given.is_text)
        values[field.name] = msgspec.convert(raw, field.type, dec_hook=_secret)
    except (msgspec.ValidationError, TypeError, OverflowError):
        shown = "the value" if field.is_secret else _shown(given.raw)
        problems.append(f"{given.where}: {shown} is refused; give {wanted(field.type)}")


def _secret(kind: type, raw: object) -> Secret:
    if kind is not Secret or not isinstance(raw, str) or not raw:
        raise TypeError
    return Secret(raw)


def _from_text(annotation: object, raw: object, *, is_text: bool) -> object:
    if isinstance(raw, str) and raw.lower() in none_words(annotation):
        return None
    if not is_text or not isinstance(raw, str):
        return raw
    for option in alternatives(annotation):
        if isinstance(option, kinds.IntType):
            return int(raw) if raw.isascii() and raw.isdecimal() else raw
        if isinstance(option, kinds.VarTupleType):
            return [part.strip() for part in raw.split(",") if part.strip()]
    return raw


def _shown(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "..."


def _read_secrets(values: dict[str, object], given: Layer, problems: list[str]) -> None:
    for name, path in list(values.items()):
        target = name.removesuffix(FILE_SUFFIX)
        if target == name or target not in fields() or not isinstance(path, str):
            continue
        try:
            text = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "not UTF-8"
            problems.append(
                f"{given[name].where}: {path} cannot be read ({reason}); "
                "give a file that this user may read"
            )
            continue
        if text:
            values[target] = Secret(text)
        else:
            problems.append(
                f"{given[name].where}: {path} is empty; put the secret in it"
            )


def _build(values: Mapping[str, object]) -> Settings:
    parts: dict[str, Any] = {
        section: struct(**_keys_of(section, values))
        for section, struct in sections().items()
    }
    codes = dict.fromkeys(
        name.split(".")[1] for name in values if name.startswith(FAMILIES + ".")
    )
    parts[FAMILIES] = {
        code: FamilySettings(**_keys_of(f"{FAMILIES}.{code}", values)) for code in codes
    }
    return Settings(**parts)


def _keys_of(section: str, values: Mapping[str, object]) -> dict[str, Any]:
    found = ((name.rpartition("."), value) for name, value in values.items())
    return {key: value for (mine, _, key), value in found if mine == section}
