"""Every topic of one installation: those of its families, and those of the platforms."""

from streams.families.registered import registered
from streams.platforms.kuaishou.topics import EVENTS, FEEDS
from streams.processing.topics import Topic, registry
from streams.settings import Settings


def installed(settings: Settings) -> tuple[Topic, ...]:
    """Return the rows of all families that run here, then those of the platforms.

    Raises
    ------
    UsageError
        A name in ``worker.families`` stands for no family; ``load`` has refused it.
    """
    families = registered(settings.worker.families)
    heard = any(family.code == FEEDS for family in families)
    return registry((family.topics for family in families), (EVENTS,) if heard else ())


def groups(settings: Settings) -> tuple[str, ...]:
    """Return the consumer groups that the roles of this worker join."""
    found: list[str] = []
    if "decide" in settings.worker.roles:
        families = registered(settings.worker.families)
        found += (settings.group_of(family.code) for family in families)
    if "ingest" in settings.worker.roles:
        found.append(settings.ingest_group())
    return tuple(found)
