"""The Faust agents: each passes its channel's stream to a runner (slice driver, reconciler)."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any, Protocol

import faust
from faust.types import ChannelT, StreamT

from streams.settings.model import FIRST_FAMILY


class Runner(Protocol):
    """Processes the stream of one Faust agent."""

    async def run(self, stream: AsyncIterable[Any], /) -> None:
        """Process the items of the stream, one after the other."""
        ...


def agent_name(role: str, family: str) -> str:
    """Return the name of an agent: its role; for families after the first, role and family code."""
    return role if family == FIRST_FAMILY else f"{role}.{family}"


def attach(
    app: faust.App,
    name: str,
    channel: ChannelT[Any],
    runner: Callable[[], Awaitable[Runner]],
) -> None:
    """Attach an agent to the app; it awaits its runner, which needs a running event loop."""

    @app.agent(channel, name=name)
    async def agent(stream: StreamT[Any]) -> None:
        await (await runner()).run(stream)
