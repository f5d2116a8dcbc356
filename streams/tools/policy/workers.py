"""Ask workers for their policies by their ``/status`` pages."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

import aiohttp

from streams.errors import UnconfirmedError

_PATIENCE_S: Final = 15.0
_BETWEEN_S: Final = 0.2
_ANSWER_S: Final = 5.0

Shows = Callable[[dict[str, Any]], bool]
"""Whether the policies of a status page show what was published."""


async def confirm(
    addresses: Sequence[str], code: str, shows: Shows, patience_s: float = _PATIENCE_S
) -> None:
    """Wait until every worker shows it.

    Parameters
    ----------
    addresses
        Addresses of their pages, with or without ``http://``.
    code
        Code of the family.

    Raises
    ------
    UnconfirmedError
        A worker does not show it or does not answer within ``patience_s``; each is
        named.
    """
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        failures = await asyncio.gather(
            *(
                _confirm(
                    partial(_policies, session, address, code),
                    address,
                    shows,
                    patience_s,
                )
                for address in addresses
            )
        )
    lacking = [failure for failure in failures if failure is not None]
    if lacking:
        raise UnconfirmedError("; ".join(lacking))


async def _confirm(
    look: Callable[[], Awaitable[dict[str, Any]]],
    address: str,
    shows: Shows,
    patience_s: float,
) -> str | None:
    last = "did not answer"
    try:
        async with asyncio.timeout(patience_s):
            while True:
                try:
                    found = await look()
                except (aiohttp.ClientError, OSError, ValueError) as problem:
                    last = f"{type(problem).__name__}: {problem}"
                else:
                    if shows(found):
                        return None
                    last = "does not show it"
                await asyncio.sleep(_BETWEEN_S)
    except TimeoutError:
        return f"worker {address}: {last}, waited {patience_s:g} s; see its log"


async def _policies(
    session: aiohttp.ClientSession, address: str, code: str
) -> dict[str, Any]:
    base = address if "://" in address else f"http://{address}"
    async with session.get(base.rstrip("/") + "/status") as answer:
        answer.raise_for_status()
        found = await answer.json(content_type=None)
    others = found.get("families") if isinstance(found, dict) else None
    if isinstance(others, dict):  # the top level shows the first family
        found = others.get(code, found)
    policies = found.get("policies") if isinstance(found, dict) else None
    if not isinstance(policies, dict):
        raise ValueError("no status page of a worker that decides")  # noqa: TRY004 - one kind of failure
    return policies


def shows_version(name: str, policy_hash: str) -> Shows:
    """Return a check for a version and its content among those that are not past."""

    def look(policies: dict[str, Any]) -> bool:
        return any(
            row.get("policy") == name and row.get("policy_hash") == policy_hash
            for state in ("in_force", "waiting", "overtaken")
            for row in policies.get(state, ())
        )

    return look


def shows_pause(published_at_ms: int) -> Shows:
    """Return a check for the last pause record."""
    return partial(_shows_last, "pause", published_at_ms)


def shows_reset(published_at_ms: int) -> Shows:
    """Return what looks for the last reset of breakers."""
    return partial(_shows_last, "breaker_reset", published_at_ms)


def _shows_last(what: str, published_at_ms: int, policies: dict[str, Any]) -> bool:
    last = policies.get(what) or {}
    return bool(last.get("published_at_ms") == published_at_ms)
