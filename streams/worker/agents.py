"""The Faust agents: each hands the stream of its channel to what runs on it."""

from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any, Protocol

import faust
from faust.types import ChannelT, StreamT

from streams.settings.model import FIRST_FAMILY


class Runner(Protocol):
    """What an agent does for as long as its stream goes on."""

    async def run(self, stream: AsyncIterable[Any], /) -> None:
        """Take what comes, one after the other."""
        ...


def agent_name(role: str, family: str) -> str:
    """Return the name of an agent: its role, and of a later family its code behind it."""
    return role if family == FIRST_FAMILY else f"{role}.{family}"


def attach(
    app: faust.App,
    name: str,
    channel: ChannelT[Any],
    runner: Callable[[], Awaitable[Runner]],
) -> None:
    """Attach an agent to the app; it waits for its runner, which needs a running loop."""

    @app.agent(channel, name=name)
    async def agent(stream: StreamT[Any]) -> None:
        await (await runner()).run(stream)
