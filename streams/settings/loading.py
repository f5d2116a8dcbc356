"""From file, environment and command line to one checked ``Settings``.

Every problem of every layer is collected, so that an operator mends them in one go.
A problem names the setting as it was written, and says what to do.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import inspect as kinds

from streams.errors import SettingsError
from streams.settings.contradictions import contradictions
from streams.settings.fields import (
    Field,
    alternatives,
    fields,
    none_words,
    sections,
    wanted,
)
from streams.settings.model import Settings
from streams.settings.secret import Secret

CONFIG_VARIABLE: Final = "REFUND_CONFIG"
"""Names the TOML file; read by the command line, never by :func:`load`."""

_PREFIX: Final = "REFUND_"
_SEPARATOR: Final = "__"
_FILE: Final = "_file"
_SHOWN_CHARACTERS: Final = 60

_KAFKA_SPELLINGS: Final = {
    "max_request_size": "max_request_bytes",
    "fetch_wait_max_ms": "fetch_max_wait_ms",
}
"""Kafka's own names that differ in more than the dots."""


class _Given(msgspec.Struct, frozen=True):
    """One value as an operator wrote it."""

    where: str
    """How to find it: ``kafka.client_id in the file``, ``REFUND_KAFKA__CLIENT_ID``."""
    raw: object
    is_text: bool
    """True of environment and command line, which only have text."""


_Layer = dict[str, _Given]


def load(
    environ: Mapping[str, str],
    file: Mapping[str, object] | None,
    overrides: Mapping[str, str],
) -> Settings:
    """Merge the layers over the defaults and check everything; reads secret files.

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
    given: _Layer = {}
    for layer in (
        _of_file(file or {}, problems),
        _of_environment(environ, problems),
        _of_options(overrides, problems),
    ):
        _lay_over(given, layer, problems)
    values: dict[str, object] = {}
    for name, one in given.items():
        _convert(fields()[name], one, values, problems)
    _read_secrets(values, given, problems)
    settings = _build(values)
    # Contradictions between defaults in place of refused values would mislead.
    refused = {name for name in given if name not in values}
    problems += [
        text for names, text in contradictions(settings) if not refused & names
    ]
    if problems:
        raise SettingsError(problems)
    return settings


def _of_file(file: Mapping[str, object], problems: list[str]) -> _Layer:
    layer: _Layer = {}
    for section, table in file.items():
        if section not in sections():
            problems.append(
                f"[{section}] in the file is no section"
                f"{_perhaps(section, sections())}; remove it or correct its name"
            )
        elif not isinstance(table, dict):
            problems.append(
                f"{section} in the file must be a table: write [{section}] and "
                "its keys below"
            )
        else:
            for key, raw in _leaves(table, nested=section == "kafka"):
                _take_key(layer, section, key, raw, problems)
    return layer


def _leaves(
    table: Mapping[str, object], *, nested: bool
) -> Iterator[tuple[str, object]]:
    """Yield the keys of a table; to TOML an unquoted ``a.b`` is a table in a table."""
    for key, value in table.items():
        if nested and isinstance(value, dict):
            for inner, leaf in _leaves(value, nested=True):
                yield f"{key}.{inner}", leaf
        else:
            yield key, value


def _take_key(
    layer: _Layer, section: str, key: str, raw: object, problems: list[str]
) -> None:
    plain = key
    if section == "kafka" and "." in key:
        plain = key.replace(".", "_")
        plain = _KAFKA_SPELLINGS.get(plain, plain)
    name = f"{section}.{plain}"
    where = f"{section}.{key} in the file"
    if name not in fields():
        known = [field.key for field in fields().values() if field.section == section]
        problems.append(
            f"{where} is no setting{_perhaps(plain, known)}; "
            "remove it or correct its name"
        )
    elif name in layer:
        problems.append(f"{where} is given twice; keep one of the two spellings")
    else:
        layer[name] = _Given(where, raw, is_text=False)


def _of_environment(environ: Mapping[str, str], problems: list[str]) -> _Layer:
    names = {field.variable: field.name for field in fields().values()}
    layer: _Layer = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        if variable in names:
            layer[names[variable]] = _Given(variable, text, is_text=True)
        else:
            problems.append(
                f"{variable} is no setting{_perhaps(variable, names)}; "
                "unset it or correct its name"
            )
    return layer


def _of_options(overrides: Mapping[str, str], problems: list[str]) -> _Layer:
    layer: _Layer = {}
    for name, text in overrides.items():
        where = f"{name} on the command line"
        field = fields().get(name)
        if field is None:
            problems.append(
                f"{where} is no setting{_perhaps(name, fields())}; correct its name"
            )
        elif field.is_secret:
            problems.append(
                f"{where} would show a secret to every user of this machine; "
                f"give {name}{_FILE} or set {field.variable}"
            )
        else:
            layer[name] = _Given(where, text, is_text=True)
    return layer


def _perhaps(name: str, known: Mapping[str, object] | list[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def _lay_over(given: _Layer, layer: _Layer, problems: list[str]) -> None:
    """Put a higher layer on; a secret and its file are two ways to give one value."""
    for name, one in layer.items():
        twin = name.removesuffix(_FILE) if name.endswith(_FILE) else name + _FILE
        if twin in layer and name.endswith(_FILE):
            problems.append(
                f"{one.where} and {layer[twin].where} give the same secret; keep one"
            )
        if twin not in layer:
            given.pop(twin, None)
        given[name] = one


def _convert(
    field: Field, given: _Given, values: dict[str, object], problems: list[str]
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


def _read_secrets(
    values: dict[str, object], given: _Layer, problems: list[str]
) -> None:
    for name, path in list(values.items()):
        target = name.removesuffix(_FILE)
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
    parts: dict[str, Any] = {}
    for section, struct in sections().items():
        mine = {
            field.key: values[field.name]
            for field in fields().values()
            if field.section == section and field.name in values
        }
        parts[section] = struct(**mine)
    return Settings(**parts)
