"""Settings for people: what is in force, the reference page, a file to start from."""

import json
from collections.abc import Iterable
from typing import Final

from streams.families.registered import SHIPPED, registered
from streams.settings.fields import (
    FAMILIES,
    Field,
    family_fields,
    fields,
    section_text,
    sections,
    wanted,
)
from streams.settings.model import Settings
from streams.settings.secret import HIDDEN, Secret

_PAGE_HEAD = """\
# Settings

Settings say how a worker runs. The rules are policy: `refund policy show`.

Sources, from lowest to highest precedence: the defaults below; a TOML file (`--config
FILE` or `REFUND_CONFIG`; start from `config/worker.toml`); environment variables; the
command line (`--bootstrap-servers`, `--web-port`, `--policy`, and `--set
section.key=value` for any other). The variable of `kafka.client_id` is
`REFUND_KAFKA__CLIENT_ID`. In a variable, commas separate the items of a list, and an
empty text unsets an optional setting. Unknown names are refused, those of `REFUND_`
variables too, and all problems are reported at once. `refund settings` prints the
settings in force.

A secret comes from its `_file` setting or its variable; on the command line it is
refused. In the file, the keys of `[kafka]` may be spelled as in Kafka
(`"security.protocol" = "SASL_SSL"`, also `max.request.size` for `max_request_bytes`).

`refund settings --markdown` prints this page.
"""

_ANY_CODE: Final = "CODE"
"""Stands for the code of a family on the page."""

_FILE_HEAD = """\
# Settings of a worker, each with its default. Uncomment the ones you change.
# Precedence, lowest first: defaults, this file (--config FILE or REFUND_CONFIG),
# environment (REFUND_SECTION__KEY), command line. Reasons: docs/settings.md.
"""


def effective(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return (``section.key``, value) of every setting; secrets stay hidden.

    Of each family: what it has, given or by default.
    """
    plain = (
        (field.name, _shown(getattr(getattr(settings, field.section), field.key)))
        for field in fields().values()
    )
    of_families = (
        (f"{FAMILIES}.{family.code}.{key}", _shown(value))
        for family in registered(settings.worker.families)
        for key, value in (
            ("partitions", settings.partitions_of(family.code)),
            ("group", settings.group_of(family.code)),
        )
    )
    return (*plain, *of_families)


def secret_texts(settings: Settings) -> tuple[str, ...]:
    """Return the secrets themselves, for the log to leave out."""
    values = (
        getattr(getattr(settings, field.section), field.key)
        for field in fields().values()
    )
    return tuple(value.reveal() for value in values if isinstance(value, Secret))


def settings_page() -> str:
    """Return ``docs/settings.md``."""
    parts = [_PAGE_HEAD]
    for section in (*sections(), FAMILIES):
        rows = "\n".join(_row(field) for field in _of(section))
        parts.append(
            f"## {section}\n\n{_markdown(section_text(section))}\n\n"
            f"| setting | default | value | meaning |\n|---|---|---|---|\n{rows}\n"
        )
    return "\n".join(parts)


def settings_file() -> str:
    """Return ``config/worker.toml``: every setting, commented out, with its default."""
    of_families = (
        _table(f"{FAMILIES}.{family.code}", family_fields(family.code).values())
        for family in registered(SHIPPED)
    )
    plain = (_table(section, _of(section)) for section in sections())
    return "\n".join((_FILE_HEAD, *plain, *of_families))


def _table(section: str, settings: Iterable[Field]) -> str:
    lines = "\n".join(_line(field) for field in settings)
    return f"[{section}]\n{lines}\n"


def _of(section: str) -> Iterable[Field]:
    if section == FAMILIES:
        return family_fields(_ANY_CODE).values()
    return (field for field in fields().values() if field.section == section)


def _row(field: Field) -> str:
    kind = wanted(field.type).replace("|", "\\|")
    default = "-" if field.default is None else f"`{_shown(field.default)}`"
    text = _markdown(field.text).replace("|", "\\|")
    return f"| `{field.name}` | {default} | {kind} | {text} |"


def _line(field: Field) -> str:
    if field.default is None:
        return f"# {field.key} = ...  (not set; takes {wanted(field.type)})"
    return f"# {field.key} = {_shown(field.default)}"


def _shown(value: object) -> str:
    if isinstance(value, Secret):
        return HIDDEN
    if value is None:
        return "(not set)"
    return json.dumps(value, ensure_ascii=False)


def _markdown(text: str) -> str:
    return text.replace("``", "`")
