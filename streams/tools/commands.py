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

topics_app = typer.Typer(help="List, create or verify topics.", no_args_is_help=True)
dlq_app = typer.Typer(help="Dead letters.", no_args_is_help=True)
kuaishou_app = typer.Typer(help="The Kuaishou platform.", no_args_is_help=True)

GROUPS = {
    "topics": topics_app,
    "policy": policy_app,
    "dlq": dlq_app,
    "kuaishou": kuaishou_app,
}

LetterTopic = Annotated[
    str | None,
    typer.Option(help="Topic it came from; the prefix may be left out."),
]


@kuaishou_app.command("classify")
def classify(file: Annotated[str, typer.Argument(metavar="FILE|-")]) -> None:
    """Say what becomes of each raw platform value; a JSON string a line."""
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
    """Create the topics that are missing, then check all of them."""
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
    """Compare every topic with what the processor needs."""
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
        bool, typer.Option("--markdown", help="The table of the reference page.")
    ] = False,
) -> None:
    """List the topics of all families: key, partitions, clean-up, who writes and reads.

    Asks no broker.
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
        str | None, typer.Option(help="Topic it came from; the prefix may be left out.")
    ] = None,
    error: Annotated[str | None, typer.Option(help="Only this error.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Newest per partition.")] = 100,
    *,
    json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """List dead letters: where from, why, when."""
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
    """Print one dead letter whole: headers, key, value; as hex what is no text."""
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
        str | None, typer.Option(help="Topic it came from; the prefix may be left out.")
    ] = None,
    error: Annotated[str | None, typer.Option(help="Only this error.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Without naming them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send, not only tell.")] = False,
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Send dead letters back where they came from; without --yes only tell.

    A letter that is sent twice is judged twice: the topic of dead letters does not
    remember what was sent.
    """
    if not letters and not (every or topic or error):
        raise UsageError(
            ["name letters, --topic or --error, or say --all to mean every dead letter"]
        )
    settings = settings_of(context, config, sets, bootstrap_servers)
    from streams.tools import dlq  # noqa: PLC0415
    from streams.tools.letters import Choice  # noqa: PLC0415

    choice = Choice(letters=tuple(letters or ()), topic=topic, error=error)
    mode = "send" if yes else "dry"
    run_quietly(dlq.replay(settings, choice, mode, sys.stdout))
