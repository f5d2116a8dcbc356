"""Settings of rule families that cannot hold together, or with the families themselves."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from streams.errors import UsageError
from streams.families.registered import registered
from streams.processing.family import Family
from streams.processing.topics import registry
from streams.settings.contradictions import Contradiction
from streams.settings.model import FIRST_FAMILY, Settings
from streams.settings.topics import topic_name, topic_partitions

_NAMED: Final = "worker.families"


def family_contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Yield every contradiction, families that do not exist among them; imports them."""
    try:
        families = registered(settings.worker.families)
    except UsageError as refused:
        yield from ((frozenset({_NAMED}), text) for text in refused.problems)
        return
    codes = [family.code for family in families]
    for code in settings.families:
        if code not in codes:
            yield (
                frozenset({_NAMED}),
                (
                    f"families.{code}: no family of {_NAMED} has this code, only "
                    f"{', '.join(codes)}; name the family there or remove the settings"
                ),
            )
    yield from _partitions(settings, families)
    yield from _groups(settings, codes)
    ours = registry(family.topics for family in families)
    if settings.topics.events in {topic_name(row, settings.topics) for row in ours}:
        yield (
            frozenset({_NAMED, "topics.events", "topics.prefix"}),
            f"topics.events: {settings.topics.events} is one of our topics; name another",
        )
    if "ingest" in settings.worker.roles and FIRST_FAMILY not in codes:
        yield (
            frozenset({_NAMED, "worker.roles"}),
            (
                f"worker.roles and {_NAMED}: ingest writes records that fast_refund reads: add "
                "fast_refund or remove ingest"
            ),
        )


def _partitions(
    settings: Settings, families: Sequence[Family]
) -> Iterator[Contradiction]:
    """Yield counts with which an answer or a fact would have no partition.

    A dead letter goes to the partition number of its record, and facts are read with the
    partition of the same number of the input.
    """
    most = settings.topics.partitions
    for family in families:
        mine, name = settings.partitions_of(family.code), _setting(family, "partitions")
        if mine > most:
            yield (
                frozenset({_NAMED, name, "topics.partitions"}),
                (
                    f"{name}: {mine} is more than topics.partitions = {most}, and dead letters "
                    "go to the partition number of the record: lower it"
                ),
            )
        for row in family.topics.facts:
            if topic_partitions(row, settings) != mine:
                yield (
                    frozenset({_NAMED, name, f"families.{row.family}.partitions"}),
                    (
                        f"{name}: {mine}, but the family reads {row.name} with "
                        f"{topic_partitions(row, settings)} partitions: give "
                        f"{family.code} and {row.family} the same number"
                    ),
                )


def _groups(settings: Settings, codes: Sequence[str]) -> Iterator[Contradiction]:
    """Yield groups that two inputs would share: offsets are committed a group."""
    owners = {f"families.{code}.group": settings.group_of(code) for code in codes}
    owners["role ingest"] = settings.ingest_group()
    for group, count in Counter(owners.values()).items():
        if count > 1:
            mine = [owner for owner, its in owners.items() if its == group]
            yield (
                frozenset({_NAMED, "kafka.group_id", *mine}),
                (
                    f"{' and '.join(mine)}: both read as the group {group}; give each "
                    "family a group of its own"
                ),
            )


def _setting(family: Family, key: str) -> str:
    return f"families.{family.code}.{key}"
