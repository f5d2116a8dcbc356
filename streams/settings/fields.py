"""What the structs of the settings say about themselves: names, types, texts."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Final

import msgspec
from msgspec import inspect as kinds

from streams.settings import model
from streams.settings.secret import Secret

VARIABLE_PREFIX: Final = "REFUND_"
LEVEL_SEPARATOR: Final = "__"
"""Between section and key in a variable."""


class Field(msgspec.Struct, frozen=True):
    """One setting."""

    section: str
    key: str
    type: object
    """As annotated; see :func:`kind_of`."""
    default: object
    text: str
    """The docstring under the field, on one line."""

    @property
    def name(self) -> str:
        """``section.key``, as problems and pages call it."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return variable_of(self.name)

    @property
    def is_secret(self) -> bool:
        """Whether the value must never be shown."""
        return any(
            isinstance(one, kinds.CustomType) and one.cls is Secret
            for one in alternatives(self.type)
        )


def variable_of(name: str) -> str:
    """Return the environment variable of ``section.key``."""
    return VARIABLE_PREFIX + name.replace(".", LEVEL_SEPARATOR).upper()


FAMILIES: Final = "families"
"""The section that has a table a family instead of keys."""


@cache
def sections() -> Mapping[str, type[msgspec.Struct]]:
    """Return section name -> struct, in the order of the file, without ``families``."""
    return {
        field.name: field.type
        for field in msgspec.structs.fields(model.Settings)
        if field.name != FAMILIES
    }


@cache
def fields() -> Mapping[str, Field]:
    """Return ``section.key`` -> field, in order, without those of ``families``.

    Reads the model's source.
    """
    found = (
        field
        for section, struct in sections().items()
        for field in _fields_of(section, struct)
    )
    return {field.name: field for field in found}


@cache
def family_fields(code: str) -> Mapping[str, Field]:
    """Return ``families.CODE.key`` -> field, of one family, registered or not."""
    found = _fields_of(f"{FAMILIES}.{code}", model.FamilySettings)
    return {field.name: field for field in found}


def find(name: str) -> Field | None:
    """Return the setting of a name, a family's too; None = there is no such setting."""
    section, _, rest = name.partition(".")
    if section == FAMILIES:
        return family_fields(rest.partition(".")[0]).get(name)
    return fields().get(name)


def _fields_of(section: str, struct: type[msgspec.Struct]) -> Iterator[Field]:
    texts = _texts(struct)
    for field in msgspec.structs.fields(struct):
        yield Field(section, field.name, field.type, field.default, texts[field.name])


def section_text(section: str) -> str:
    """Return what a section is about."""
    struct = model.FamilySettings if section == FAMILIES else sections()[section]
    return " ".join((inspect.getdoc(struct) or "").split())


def _texts(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the strings that stand under the fields of a struct."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(struct)))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef)).body
    texts: dict[str, str] = {}
    for above, node in pairwise(body):
        match above, node:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                texts[name] = " ".join(text.split())
            case _:
                pass
    return texts


def alternatives(annotation: object) -> tuple[kinds.Type, ...]:
    """Return the types of which a value may be one, None included."""
    kind = kinds.type_info(annotation)
    return kind.types if isinstance(kind, kinds.UnionType) else (kind,)


def wanted(annotation: object) -> str:
    """Return in words which values a field takes: "a whole number from 0 to 65535"."""
    return " or ".join(_words(alternatives(annotation)))


_NONE: Final = "off"
"""How None is written where the other values are numbers or a closed list."""


def none_words(annotation: object) -> tuple[str, ...]:
    """Return the texts that mean None for this field; empty when it cannot be None."""
    options = alternatives(annotation)
    if not any(isinstance(one, kinds.NoneType) for one in options):
        return ()
    free = any(isinstance(one, kinds.StrType | kinds.CustomType) for one in options)
    return ("",) if free else ("", _NONE, "none")


def _words(options: tuple[kinds.Type, ...]) -> Iterator[str]:
    for one in options:
        match one:
            case kinds.IntType(ge=low, le=high):
                yield f"a whole number from {low} to {high}"
            case kinds.StrType(pattern=str(pattern)):
                yield f"a text like {pattern}"
            case kinds.StrType():
                yield "a text"
            case kinds.LiteralType(values=values):
                shown = [str(value) or '""' for value in values]
                yield "one of " + ", ".join(shown) if len(shown) > 1 else shown[0]
            case kinds.VarTupleType(item_type=item):
                yield "a list, each " + " or ".join(_words((item,)))
            case kinds.CustomType():
                yield "a secret text"
            case kinds.NoneType() if len(options) > 1 and not any(
                isinstance(other, kinds.StrType | kinds.CustomType) for other in options
            ):
                yield _NONE
            case _:
                pass
