"""The command groups: ``refund topics``, ``dlq`` and ``kuaishou``.

What a command needs is imported when it runs: Kafka's client takes a while.
"""

import sys
from typing import Annotated

import typer

from streams.errors import UsageError
from streams.tools.edge import (
    Config,
    Servers,
    Sets,
    opened,
    print_lines,
    run_quietly,
    settings_of,
)
from streams.tools.policy_commands import policy_app

topics_app = typer.Typer(help="List, create or check topics.", no_args_is_help=True)
dlq_app = typer.Typer(help="List, print or resend dead letters.", no_args_is_help=True)
kuaishou_app = typer.Typer(
    help="Tools for the Kuaishou platform.", no_args_is_help=True
)

GROUPS = {
    "topics": topics_app,
    "policy": policy_app,
    "dlq": dlq_app,
    "kuaishou": kuaishou_app,
}

LetterTopic = Annotated[
    str | None,
    typer.Option(help="Source topic; the prefix may be omitted."),
]


@kuaishou_app.command("classify")
def classify(file: Annotated[str, typer.Argument(metavar="FILE|-")]) -> None:
    """Classify raw platform values, one JSON string per line."""
    from streams.platforms.kuaishou.classify import classify_lines  # noqa: PLC0415

    with opened(file) as lines:
        print_lines(classify_lines(lines))


@topics_app.command("create")
def topics_create(
    context: typer.Context,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Create missing topics, then check all topics."""
    settings = settings_of(context, config, sets, bootstrap_servers)
    from streams.tools.topics import create_topics  # noqa: PLC0415

    run_quietly(create_topics(settings, sys.stdout))


@topics_app.command("check")
def topics_check(
    context: typer.Context,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Compare the topics on the broker with what the processor requires."""
    settings = settings_of(context, config, sets, bootstrap_servers)
    from streams.tools.topics import check_topics  # noqa: PLC0415

    run_quietly(check_topics(settings, sys.stdout))


@topics_app.command("list")
def topics_list(
    context: typer.Context,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the reference table.")
    ] = False,
) -> None:
    """List the topics of all families: key, partitions, clean-up, writers and readers.

    Contacts no broker.
    """
    settings = settings_of(context, config, sets, bootstrap_servers)
    from streams.tools import topics_page as page  # noqa: PLC0415

    if markdown:
        print(page.topics_table(settings), end="")
    else:
        page.list_topics(settings, sys.stdout)


@dlq_app.command("list")
def dlq_list(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Option(help="Source topic; the prefix may be omitted.")
    ] = None,
    error: Annotated[str | None, typer.Option(help="Only this error.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest per partition.")] = 100,
    *,
    json: Annotated[bool, typer.Option("--json", help="One object per line.")] = False,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """List dead letters: source, error, time."""
    settings = settings_of(context, config, sets, bootstrap_servers)
    from streams.tools import dlq  # noqa: PLC0415
    from streams.tools.letters import Choice  # noqa: PLC0415

    choice = Choice(topic=topic, error=error, limit=limit)
    form = "json" if json else "table"
    run_quietly(dlq.list_letters(settings, choice, form, sys.stdout))


@dlq_app.command("show")
def dlq_show(
    context: typer.Context,
    letter: Annotated[str, typer.Argument(metavar="PARTITION:OFFSET")],
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Print one dead letter in full: headers, key, value; bytes that are not text as hex."""
    settings = settings_of(context, config, sets, bootstrap_servers)
    from streams.tools import dlq  # noqa: PLC0415

    run_quietly(dlq.show_letter(settings, letter, sys.stdout))


@dlq_app.command("replay")
def dlq_replay(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    letters: Annotated[
        list[str] | None, typer.Argument(metavar="[PARTITION:OFFSET]...")
    ] = None,
    topic: Annotated[
        str | None, typer.Option(help="Source topic; the prefix may be omitted.")
    ] = None,
    error: Annotated[str | None, typer.Option(help="Only this error.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every dead letter.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send them.")] = False,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Send dead letters to their source topics again; without --yes only list them.

    A dead letter that is sent twice is judged twice: its topic does not record what was
    sent.
    """
    if not letters and not (every or topic or error):
        raise UsageError(
            [
                "name dead letters, --topic or --error, or give --all for every dead letter"
            ]
        )
    settings = settings_of(context, config, sets, bootstrap_servers)
    from streams.tools import dlq  # noqa: PLC0415
    from streams.tools.letters import Choice  # noqa: PLC0415

    choice = Choice(letters=tuple(letters or ()), topic=topic, error=error)
    mode = "send" if yes else "dry"
    run_quietly(dlq.replay(settings, choice, mode, sys.stdout))
