"""The commands ``refund policy ...``: parse arguments and call one tool each.

What a command needs is imported when it runs: Kafka's client takes a while.
"""

import sys
from functools import partial
from typing import Annotated, Any

import typer

from streams.errors import UsageError
from streams.tools.edge import (
    Config,
    Edge,
    FamilyCode,
    Servers,
    Sets,
    run_quietly,
    settings_of,
)

policy_app = typer.Typer(
    help="Check, publish and pause the policy of a family.",
    no_args_is_help=True,
)

PolicyArgument = Annotated[
    str | None,
    typer.Argument(metavar="[FILE]", help="Default: the shipped policy of FR."),
]
Reason = Annotated[str, typer.Option(help="Why; kept in the record.")]
Author = Annotated[str | None, typer.Option(help="Who. Default: the login name.")]
Allow = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY", help="Accept its implausible value."),
]
Overtake = Annotated[
    list[int] | None,
    typer.Option(
        metavar="VERSION", help="A waiting version that may never be in force."
    ),
]
Backtest = Annotated[
    str | None, typer.Option(metavar="ID", help="Backtest behind the decision.")
]
From = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="MOMENT", help="RFC 3339 with zone, UTC ms, or now."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Publish it.")]
Workers = Annotated[
    list[str] | None,
    typer.Option(metavar="URL", help="URL of a worker that must show it."),
]


def _topic(
    context: typer.Context,
    family: str,
    config: str | None,
    sets: list[str] | None,
    bootstrap_servers: str | None,
) -> Any:  # noqa: ANN401 - its module is imported when a command runs
    """Return the topic of policies and the selected family."""
    from streams.tools.families import family_of_code  # noqa: PLC0415
    from streams.tools.policy.topic import PolicyTopic  # noqa: PLC0415

    settings = settings_of(context, config, sets, bootstrap_servers)
    return PolicyTopic(settings, family_of_code(family, lambda: settings).policy)


def _moment(option: str, text: str | None, edge: Edge) -> int | None:
    from streams.tools.moments import read_moment  # noqa: PLC0415

    return edge.now_ms() if text == "now" else read_moment(option, text)


@policy_app.command("check")
def policy_check(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    file: PolicyArgument = None,
    *,
    start: From = None,
    allow: Allow = None,
    overtake: Overtake = None,
    family: FamilyCode = "FR",
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Check whether a policy can be published; one line per problem.

    With --bootstrap-servers it is compared with the versions on the topic, otherwise with
    the default values.
    """
    from streams.tools import families, policies  # noqa: PLC0415

    edge: Edge = context.obj
    choice = policies.Choice(
        allow=tuple(allow or ()),
        overtake=tuple(overtake or ()),
        from_ms=_moment("--from", start, edge),
    )
    where: Any = None
    if bootstrap_servers is None:
        load = partial(settings_of, context, config, sets, None)
        where = families.family_of_code(family, load).policy
    else:
        where = _topic(context, family, config, sets, bootstrap_servers)
    run_quietly(policies.check(file, choice, where, sys.stdout, edge.now_ms()))


@policy_app.command("show")
def policy_show(
    context: typer.Context,
    file: PolicyArgument = None,
    *,
    family: FamilyCode = "FR",
    config: Config = None,
) -> None:
    """Print every key of a policy, defaults included."""
    from streams.tools import families, policies  # noqa: PLC0415

    load = partial(settings_of, context, config, None, None)
    kind = families.family_of_code(family, load).policy
    policies.show(kind, file, sys.stdout)


@policy_app.command("publish")
def policy_publish(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE")],
    *,
    reason: Reason,
    author: Author = None,
    start: From = None,
    backtest: Backtest = None,
    allow: Allow = None,
    overtake: Overtake = None,
    workers: Workers = None,
    yes: Yes = False,
    family: FamilyCode = "FR",
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Publish a policy file as a version; without --yes only show what would change."""
    from streams.tools.policies import Choice, record_of  # noqa: PLC0415
    from streams.tools.policy import actions  # noqa: PLC0415

    edge: Edge = context.obj
    at = _topic(context, family, config, sets, bootstrap_servers)
    said = _said(edge, author, reason, workers, yes=yes)
    choice = Choice(
        backtest=backtest,
        allow=tuple(allow or ()),
        overtake=tuple(overtake or ()),
        from_ms=_moment("--from", start, edge),
    )
    now_ms = edge.now_ms()
    record = record_of(at.kind, file, choice, said, now_ms)
    run_quietly(actions.publish(at, record, said, sys.stdout, now_ms))


@policy_app.command("diff")
def policy_diff(
    context: typer.Context,
    file: Annotated[str | None, typer.Argument(metavar="[FILE]")] = None,
    family: FamilyCode = "FR",
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Show the version in force, and how a file, or each waiting version, differs."""
    from streams.tools import policies  # noqa: PLC0415

    edge: Edge = context.obj
    at = _topic(context, family, config, sets, bootstrap_servers)
    run_quietly(policies.diff(file, at, sys.stdout, edge.now_ms()))


@policy_app.command("history")
def policy_history(
    context: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="One object per line.")] = False,
    family: FamilyCode = "FR",
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """List versions, refusals, pauses and resets: when, who, why."""
    from streams.tools import policies  # noqa: PLC0415

    edge: Edge = context.obj
    at = _topic(context, family, config, sets, bootstrap_servers)
    form = "json" if json else "table"
    run_quietly(policies.history(at, form, sys.stdout, edge.now_ms()))


@policy_app.command("rollback")
def policy_rollback(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    version: Annotated[
        int | None,
        typer.Argument(metavar="[VERSION]", help="Default: the version before."),
    ] = None,
    *,
    reason: Reason,
    author: Author = None,
    start: From = None,
    backtest: Backtest = None,
    allow: Allow = None,
    overtake: Overtake = None,
    workers: Workers = None,
    yes: Yes = False,
    family: FamilyCode = "FR",
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Publish the content of an earlier version as the next version, from now on."""
    from streams.tools.policies import Choice  # noqa: PLC0415
    from streams.tools.policy import actions  # noqa: PLC0415

    edge: Edge = context.obj
    at = _topic(context, family, config, sets, bootstrap_servers)
    said = _said(edge, author, reason, workers, yes=yes)
    choice = Choice(
        backtest=backtest,
        allow=tuple(allow or ()),
        overtake=tuple(overtake or ()),
        from_ms=_moment("--from", start, edge),
    )
    now_ms = edge.now_ms()
    run_quietly(actions.rollback(at, version, choice, said, sys.stdout, now_ms))


@policy_app.command("pause")
def policy_pause(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    reason: Reason,
    author: Author = None,
    start: From = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="MOMENT", help="Exclusive. Default: until resumed."),
    ] = None,
    workers: Workers = None,
    yes: Yes = False,
    family: FamilyCode = "FR",
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Send every request to a person, at once or from a moment; without --yes only show it."""
    from streams.tools.policy import actions  # noqa: PLC0415

    edge: Edge = context.obj
    at = _topic(context, family, config, sets, bootstrap_servers)
    said = _said(edge, author, reason, workers, yes=yes)
    # "Now" is when a worker reads it, whatever its clock.
    begin = None if start == "now" else _moment("--from", start, edge)
    span = (begin, _moment("--until", until, edge))
    run_quietly(actions.pause(at, span, said, sys.stdout, edge.now_ms()))


@policy_app.command("resume")
def policy_resume(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    reason: Reason,
    author: Author = None,
    workers: Workers = None,
    yes: Yes = False,
    family: FamilyCode = "FR",
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """End the pause, or cancel a future one; without --yes only show it."""
    from streams.tools.policy import actions  # noqa: PLC0415

    edge: Edge = context.obj
    at = _topic(context, family, config, sets, bootstrap_servers)
    said = _said(edge, author, reason, workers, yes=yes)
    run_quietly(actions.resume(at, said, sys.stdout, edge.now_ms()))


@policy_app.command("reset-breakers")
def policy_reset_breakers(  # noqa: PLR0913 - one parameter an option
    context: typer.Context,
    *,
    reason: Reason,
    shop: Annotated[
        str | None, typer.Option(metavar="ID", help="Only the breaker of this shop.")
    ] = None,
    only_global: Annotated[
        bool, typer.Option("--global", help="Only the breaker over all shops.")
    ] = False,
    author: Author = None,
    workers: Workers = None,
    yes: Yes = False,
    family: FamilyCode = "FR",
    config: Config = None,
    sets: Sets = None,
    bootstrap_servers: Servers = None,
) -> None:
    """Close open breakers and restart their counts; without --yes only show it."""
    from streams.tools.policy import breakers  # noqa: PLC0415

    edge: Edge = context.obj
    at = _topic(context, family, config, sets, bootstrap_servers)
    said, now_ms = _said(edge, author, reason, workers, yes=yes), edge.now_ms()
    code = at.kind.code
    record = breakers.reset_of(code, shop, said, now_ms, only_global=only_global)
    run_quietly(breakers.reset_breakers(at, record, said, sys.stdout, now_ms))


def _said(
    edge: Edge, author: str | None, reason: str, workers: list[str] | None, *, yes: bool
) -> Any:  # noqa: ANN401 - its module is imported when a command runs
    from streams.tools.policies import Said  # noqa: PLC0415

    name = author or edge.login()
    if not name:
        raise UsageError(["--author: no login name is known; give your name"])
    if not reason.strip():
        raise UsageError(["--reason: give a reason"])
    return Said(
        author=name,
        reason=reason,
        mode="send" if yes else "tell",
        workers=tuple(workers or ()),
    )
