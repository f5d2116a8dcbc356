"""All topics of one installation: those of its families and of the platforms."""

from typing import Final

from streams.families.registered import registered
from streams.platforms.kuaishou.topics import EVENTS, FEEDS
from streams.processing.topics import Topic, registry
from streams.settings import Settings

_GROUP: Final = "kafka.group_id"


def installed(settings: Settings) -> tuple[Topic, ...]:
    """Return the rows of all families that run here, then those of the platforms.

    Raises
    ------
    UsageError
        A name in ``worker.families`` is no family; ``load`` has already refused it.
    """
    families = registered(settings.worker.families)
    heard = any(family.code == FEEDS for family in families)
    return registry((family.topics for family in families), (EVENTS,) if heard else ())


def groups(settings: Settings) -> dict[str, str]:
    """Return the groups that this worker's roles join -> the setting that names each."""
    found: dict[str, str] = {}
    if "decide" in settings.worker.roles:
        for family in registered(settings.worker.families):
            given = settings.families.get(family.code)
            own = given is not None and given.group is not None
            setting = f"families.{family.code}.group" if own else _GROUP
            found[settings.group_of(family.code)] = setting
    if "ingest" in settings.worker.roles:
        found[settings.ingest_group()] = _GROUP
    return found
