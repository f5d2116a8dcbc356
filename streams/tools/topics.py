"""``refund topics create|check``."""

from typing import TextIO

from streams.errors import TopicsError
from streams.kafka.topic_admin import admin_client, check, create, declare
from streams.platforms.registry import installed
from streams.settings import Settings
from streams.tools.reading import broker_errors


async def create_topics(settings: Settings, out: TextIO) -> None:
    """Create missing topics, then check all.

    Raises
    ------
    TopicsError
        A topic is refused, or exists with another shape.
    SourceError
        The brokers cannot be reached.
    """
    specs = declare(installed(settings), settings)
    with broker_errors(settings.kafka):
        async with admin_client(settings.kafka) as admin:
            created = await create(admin, specs)
            for name in created:
                print(f"created {name}", file=out)
            problems = await check(admin, specs)
    if problems:
        raise TopicsError(problems)
    print(f"{len(specs)} topics are as declared", file=out)


async def check_topics(settings: Settings, out: TextIO) -> None:
    """Compare every topic with its declaration.

    Raises
    ------
    TopicsError
        One line per difference.
    SourceError
        The brokers cannot be reached.
    """
    specs = declare(installed(settings), settings)
    with broker_errors(settings.kafka):
        async with admin_client(settings.kafka) as admin:
            problems = await check(admin, specs)
    if problems:
        raise TopicsError(problems)
    print(f"{len(specs)} topics are as declared", file=out)
