"""Waiting for a condition, with a deadline: tests never sleep for a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.02


async def eventually(probe: Callable[[], Awaitable[T]], deadline_s: float = 30.0) -> T:
    """First truthy answer of ``probe``; the test fails when none comes in time."""
    until = time.monotonic() + deadline_s
    while not (answer := await probe()):
        if time.monotonic() > until:
            raise AssertionError(f"not within {deadline_s} s; last seen: {answer!r}")
        await asyncio.sleep(_POLL_S)
    return answer
