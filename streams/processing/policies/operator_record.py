"""Check operators' records beside the policy versions: pauses and resets of breakers."""

from collections.abc import Mapping

import msgspec


def checked(
    kind: type[msgspec.Struct], fields: Mapping[str, object], code: str
) -> tuple[dict[str, object], list[str]]:
    """Return the valid fields, and one line for every problem.

    Parameters
    ----------
    kind
        The struct of the record; it has a field ``family``.
    code
        Code of the family that the record must name.
    """
    known = kind.__struct_fields__
    problems = [f"{key}: unknown key; remove it" for key in fields if key not in known]
    values: dict[str, object] = {}
    for field in msgspec.structs.fields(kind):
        if field.name not in fields:
            if field.required:
                problems.append(f"{field.name}: required; add it")
            continue
        try:
            values[field.name] = msgspec.convert(fields[field.name], field.type)
        except msgspec.ValidationError as problem:
            problems.append(f"{field.name}: {problem}")
    if values.get("family", code) != code:
        problems.append(f"family: must be {code}, not {values['family']}")
    return values, problems
