"""What file, environment and command line give, before it is checked.

A layer maps ``section.key`` to the value as it was written. Names that are no settings
are problems, each with a guess what was meant.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

import msgspec

from streams.settings.fields import (
    FAMILIES,
    LEVEL_SEPARATOR,
    VARIABLE_PREFIX,
    Field,
    family_fields,
    fields,
    find,
    sections,
    variable_of,
)

CONFIG_VARIABLE: Final = "REFUND_CONFIG"
"""Names the TOML file; read by the command line, never by ``load``."""

FILE_SUFFIX: Final = "_file"
_IN_FILE: Final = "in the file"
_IN_OPTIONS: Final = "on the command line"

_KAFKA_SPELLINGS: Final = {
    "max_request_size": "max_request_bytes",
    "fetch_wait_max_ms": "fetch_max_wait_ms",
}
"""Kafka's own names that differ in more than the dots."""

OLD_NAMES: Final = {"worker.agents": "worker.roles"}
"""Names of the release before -> today's. Both work for one release."""


class Given(msgspec.Struct, frozen=True):
    """One value as an operator wrote it."""

    where: str
    """How to find it: ``kafka.client_id in the file``, ``REFUND_KAFKA__CLIENT_ID``."""
    raw: object
    is_text: bool
    """True of environment and command line, which only have text."""
    old_name: str | None = None
    """The name of the release before, where that one was written."""


Layer = dict[str, Given]


def layers(
    environ: Mapping[str, str],
    file: Mapping[str, object] | None,
    overrides: Mapping[str, str],
    problems: list[str],
) -> tuple[Layer, ...]:
    """Return the layers, lowest first; see ``load`` for the parameters."""
    return (
        _of_file(file or {}, problems),
        _of_environment(environ, problems),
        _of_options(overrides, problems),
    )


def lay_over(given: Layer, layer: Layer, problems: list[str]) -> None:
    """Put a higher layer on.

    A secret and its file are two ways to give one value. An old and a new name are refused
    together: nobody can tell which of them was forgotten.
    """
    for name, one in layer.items():
        twin = _twin(name)
        if twin in layer and name.endswith(FILE_SUFFIX):
            problems.append(
                f"{one.where} and {layer[twin].where} give the same secret; keep one"
            )
        if twin not in layer:
            given.pop(twin, None)
        _put(given, name, one, problems)


def _put(layer: Layer, name: str, one: Given, problems: list[str]) -> None:
    before = layer.get(name)
    if before is not None and before.old_name != one.old_name:
        problems.append(
            f"{before.where} and {one.where} give the same setting; "
            f"keep {name}, the new name"
        )
    layer[name] = one


def old_names(
    environ: Mapping[str, str],
    file: Mapping[str, object] | None,
    overrides: Mapping[str, str],
) -> tuple[str, ...]:
    """Return a line for each setting that is given by its old name; see ``load``."""
    places: dict[str, list[str]] = {}
    for layer in layers(environ, file, overrides, []):
        for name, one in layer.items():
            if one.old_name is not None:
                places.setdefault(name, []).append(one.where)
    return tuple(
        f"{' and '.join(where)}: this setting is now {name} "
        f"({fields()[name].variable}); the old name works in this release only"
        for name, where in places.items()
    )


def _twin(name: str) -> str:
    if name.endswith(FILE_SUFFIX):
        return name.removesuffix(FILE_SUFFIX)
    return name + FILE_SUFFIX


def _of_file(file: Mapping[str, object], problems: list[str]) -> Layer:
    layer: Layer = {}
    known = (*sections(), FAMILIES)
    for section, table in file.items():
        if section not in known:
            problems.append(
                f"[{section}] {_IN_FILE} is not a section"
                f"{_perhaps(section, known)}; remove it or correct its name"
            )
        elif not isinstance(table, dict):
            problems.append(
                f"{section} {_IN_FILE} must be a table: write [{section}] and "
                "its keys below"
            )
        elif section == FAMILIES:
            _take_families(layer, table, problems)
        else:
            for key, raw in _leaves(table, nested=section == "kafka"):
                _take_key(layer, section, key, raw, problems)
    return layer


def _take_families(
    layer: Layer, tables: Mapping[str, object], problems: list[str]
) -> None:
    for code, table in tables.items():
        if not isinstance(table, dict):
            problems.append(
                f"{FAMILIES}.{code} {_IN_FILE} must be a table: write "
                f"[{FAMILIES}.CODE], with the code of a family, and its keys below"
            )
            continue
        for key, raw in table.items():
            _take_key(layer, f"{FAMILIES}.{code}", key, raw, problems)


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
    layer: Layer, section: str, key: str, raw: object, problems: list[str]
) -> None:
    plain = key
    if section == "kafka" and "." in key:
        plain = key.replace(".", "_")
        plain = _KAFKA_SPELLINGS.get(plain, plain)
    written = f"{section}.{plain}"
    field, old_name = _today(written)
    where = f"{section}.{key} {_IN_FILE}"
    if field is None:
        known = [one.key for one in _of_section(section)]
        problems.append(
            f"{where} is not a setting{_perhaps(plain, known)}; "
            "remove it or correct its name"
        )
        return
    before = layer.get(field.name)
    if before is not None and before.old_name == old_name:
        problems.append(f"{where} is given twice; keep one of the two spellings")
    else:
        one = Given(where, raw, is_text=False, old_name=old_name)
        _put(layer, field.name, one, problems)


def _of_section(name: str) -> list[Field]:
    """Return the settings of a section, or of the family that a longer name names."""
    section, _, rest = name.partition(".")
    if section == FAMILIES and rest:
        return list(family_fields(rest.partition(".")[0]).values())
    return [field for field in fields().values() if field.section == section]


def _today(written: str) -> tuple[Field | None, str | None]:
    """Return the setting of a name, and that name if it is an old one."""
    if written in OLD_NAMES:
        return find(OLD_NAMES[written]), written
    return find(written), None


def _of_environment(environ: Mapping[str, str], problems: list[str]) -> Layer:
    names = {field.variable: field.name for field in fields().values()}
    names |= {variable_of(old): old for old in OLD_NAMES}
    layer: Layer = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(VARIABLE_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        written = names.get(variable) or _name_of_family(variable)
        field, old_name = _today(written)
        if field is None:
            known = [*names, *(one.variable for one in _of_section(written))]
            problems.append(
                f"{variable} is not a setting{_perhaps(variable, known)}; "
                "unset it or correct its name"
            )
        else:
            one = Given(variable, text, is_text=True, old_name=old_name)
            _put(layer, field.name, one, problems)
    return layer


def _name_of_family(variable: str) -> str:
    """Return ``families.CODE.key`` of ``REFUND_FAMILIES__CODE__KEY``; empty = it is none."""
    section, _, rest = variable.removeprefix(VARIABLE_PREFIX).partition(LEVEL_SEPARATOR)
    code, _, key = rest.partition(LEVEL_SEPARATOR)
    return f"{FAMILIES}.{code}.{key.lower()}" if section == FAMILIES.upper() else ""


def _of_options(overrides: Mapping[str, str], problems: list[str]) -> Layer:
    layer: Layer = {}
    for name, text in overrides.items():
        where = f"{name} {_IN_OPTIONS}"
        field, old_name = _today(name)
        if field is None:
            known = [*fields(), *(one.name for one in _of_section(name))]
            problems.append(
                f"{where} is not a setting{_perhaps(name, known)}; correct its name"
            )
        elif field.is_secret:
            problems.append(
                f"{where} would show a secret to every user of this machine; "
                f"give {name}{FILE_SUFFIX} or set {field.variable}"
            )
        else:
            one = Given(where, text, is_text=True, old_name=old_name)
            _put(layer, field.name, one, problems)
    return layer


def _perhaps(
    name: str, known: Mapping[str, object] | list[str] | tuple[str, ...]
) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]}?)" if close else ""
