"""JSON Schemas of every record we read or write: the files in ``docs/schemas``.

Our records are described by the structs that encode them, records of others by those of
:mod:`~streams.families.fast_refund.wire`. Docstrings become descriptions; closed lists
and the types of well-formed facts come from
:mod:`~streams.families.fast_refund.closed_lists`.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import msgspec

from streams.families.fast_refund.closed_lists import ANY_VALUE, refine
from streams.families.fast_refund.model import Decision, History, Request, Seen
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.wire import (
    BuyerFacts,
    CatalogRow,
    LimitEntry,
    OrderLine,
    OrderSnapshot,
    OutcomeRecord,
    PushEnvelope,
    QualityEntry,
    ShopFacts,
    WatermarkRecord,
)
from streams.processing.policies.breaker_reset import BreakerReset
from streams.processing.policies.pause import Pause
from streams.processing.policies.publication import Publication
from streams.records.notices import Notice

RECORDS: Final[Mapping[str, type[msgspec.Struct]]] = MappingProxyType(
    {
        "request": Request,
        "order": OrderSnapshot,
        "buyer": BuyerFacts,
        "outcome": OutcomeRecord,
        "shop": ShopFacts,
        "catalog": CatalogRow,
        "policy": Policy,
        "pause": Pause,
        "breaker-reset": BreakerReset,
        "watermark": WatermarkRecord,
        "decision": Decision,
        "notice": Notice,
        "kuaishou-event": PushEnvelope,
    }
)
"""File name in ``docs/schemas`` -> struct of its schema."""

_NOT_SENT: Final = {"request": ("faults",)}
"""Fields that our codec sets, never a sender."""

_BESIDE: Final[Mapping[str, type[msgspec.Struct]]] = {"policy": Publication}
"""Record -> further struct whose fields are in the same object."""

_CLOSED: Final = frozenset({"policy", "pause", "breaker-reset"})
"""Records that are refused when they carry an unknown field."""

_PARTS: Final[tuple[type[msgspec.Struct], ...]] = (
    OrderLine,
    QualityEntry,
    LimitEntry,
    Seen,
    History,
)


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a record of :data:`RECORDS`."""
    kind = RECORDS[name]
    found = msgspec.json.schema(kind, schema_hook=_any_value)
    parts = found["$defs"]
    described = {known.__name__: known for known in (kind, *_PARTS)}
    for title, part in parts.items():
        _describe(part, described[title])
        refine(part, described[title])
    root = parts.pop(kind.__name__)
    beside = _BESIDE.get(name)
    if beside is not None:
        more = msgspec.json.schema(beside)["$defs"][beside.__name__]
        _describe(more, beside)
        root["properties"] |= more["properties"]
    for field in _NOT_SENT.get(name, ()):
        del root["properties"][field]
    if name in _CLOSED:
        root["additionalProperties"] = False
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **root}
    return {**whole, "$defs": parts} if parts else whole


def _any_value(kind: type) -> dict[str, Any]:
    """``object`` = the JSON value as it was sent, whatever it is."""
    if kind is object:
        return {"description": ANY_VALUE}
    raise NotImplementedError


def files() -> Iterator[tuple[str, str]]:
    """Yield the name and text of every file in ``docs/schemas``."""
    for name in RECORDS:
        text = msgspec.json.format(msgspec.json.encode(schema(name)), indent=2)
        yield f"{name}.json", text.decode() + "\n"


def write(folder: Path) -> None:
    """Write all files; the caller removes those of former records."""
    for name, text in files():
        (folder / name).write_text(text, encoding="utf-8")


def _describe(part: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    """Put the docstrings of a struct and its fields into its schema."""
    part["description"] = _plain(inspect.getdoc(kind) or "")
    for one in reversed(kind.__mro__):
        if issubclass(one, msgspec.Struct) and one is not msgspec.Struct:
            for name, text in _field_docs(one):
                if name in part["properties"]:
                    part["properties"][name]["description"] = _plain(text)


def _field_docs(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    if not isinstance(declared, ast.ClassDef):
        return
    for field, after in pairwise(declared.body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            yield field.target.id, after.value.value


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
