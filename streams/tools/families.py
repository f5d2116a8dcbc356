"""Find the family of a command: by its code, or by a decision id."""

from collections.abc import Callable
from typing import Any

import msgspec

from streams.errors import UsageError
from streams.families.registered import SHIPPED, registered
from streams.processing.family import Family
from streams.processing.policies import AnyPolicy, Policies
from streams.settings import Settings, load_record

Load = Callable[[], Settings]
"""Loads the settings; called only if they are needed."""


class _Named(msgspec.Struct):
    decision_id: str = ""


def family_of_code(code: str, load: Load) -> Family:
    """Return the family of a code: a shipped one, or one that the settings name.

    Raises
    ------
    UsageError
        There is none.
    """
    (first, *_) = shipped = registered(SHIPPED)
    families = shipped if code == first.code else registered(load().worker.families)
    for family in families:
        if family.code == code:
            return family
    known = ", ".join(family.code for family in families)
    raise UsageError(
        [f"--family {code}: no family of worker.families has this code, only {known}"]
    )


def family_of_id(decision_id: str, load: Load) -> Family:
    """Return the family of a decision id.

    An id without a family code belongs to the fast refund: refund ids may contain
    colons too.
    """
    (first, *_) = registered(SHIPPED)
    code, colon, _ = decision_id.partition(":")
    if not colon or code == first.code:
        return first
    named = registered(load().worker.families)
    return next((family for family in named if family.code == code), first)


def family_of_record(value: bytes, load: Load) -> Family:
    """Return the family of a decision record; other records are refused when they are decoded."""
    try:
        decision_id = msgspec.json.decode(value, type=_Named).decision_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decision_id = ""
    return family_of_id(decision_id, load)


def base_of(family: Family, file: str | None) -> Policies[Any]:
    """Return the policy of a file; without a file the shipped policy, if any.

    Raises
    ------
    PolicyError
        The file cannot be used.
    """
    (first, *_) = registered(SHIPPED)
    if file is None and family.code != first.code:
        return Policies()
    policy: AnyPolicy = load_record(family.policy, file).policy
    return Policies((policy,))
