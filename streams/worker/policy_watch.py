"""What a worker shows about policies: in force, waiting, missing, refused, paused."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from streams.kafka import static_membership
from streams.kafka.errors import FOREIGN
from streams.kafka.source import Source
from streams.logs import log_news
from streams.processing.policies import Policies, PolicyBook
from streams.processing.policies.publication import Version
from streams.settings import Kafka
from streams.worker.supervision import monotonic_ms

log = logging.getLogger(__name__)

NONE: Final = "none"
"""Name of the policy in force when there is none."""

_LOOK_S: Final = 1.0
_AGAIN_MS: Final = 60_000
"""Time between two comparisons, ms: a static member that returns with another file
causes no rebalance."""


def file_of(policies: Policies[Any]) -> str:
    """Return ``FR@1:HASH`` of the policy file, as sent to the group; empty = no file."""
    newest = policies.newest
    return "" if newest is None else f"{newest.name}:{newest.policy_hash}"


async def compare_files(
    kafka: Kafka, group: str, source: Source, book: PolicyBook[Any]
) -> None:
    """Find members that started with another policy file, at each rebalance and once a minute.

    Never returns. If the broker does not answer, it is asked again a second later.
    """
    rebalances, looked_ms = -1, 0
    while True:
        await asyncio.sleep(_LOOK_S)
        now = monotonic_ms()
        if source.rebalances == rebalances and now - looked_ms < _AGAIN_MS:
            continue
        seen = source.rebalances
        try:
            files = await static_membership.policy_files(kafka, group)
        except FOREIGN as problem:
            log.info("cannot compare the policy files of the group: %s", problem)
            continue
        rebalances, looked_ms = seen, now
        book.members(files)
        log_news(log, book.news)


def states(book: PolicyBook[Any], at_ms: int) -> Iterator[tuple[str, str]]:
    """Yield name and state of every policy that is not past, for the metrics."""
    policies = book.policies
    if policies.at(at_ms) is None:
        yield NONE, "in_force"
    for policy in policies:
        state = policies.state_of(policy, at_ms)
        if state != "past":
            yield policy.name, state
    for number in policies.missing():
        yield f"{book.kind.code}@{number}", "missing"
    for refusal in book.refused_last:
        yield refusal.name, "refused"


def shown(book: PolicyBook[Any], at_ms: int) -> dict[str, object]:
    """Return the policies as ``/status`` shows them."""
    rows: dict[str, list[object]] = {"in_force": [], "waiting": [], "overtaken": []}
    for version in book.versions():
        state = book.policies.state_of(version.policy, at_ms)
        if state in rows:
            rows[state].append(_row(version))
    pause, reset = book.pauses.last, book.resets.last
    return {
        **rows,
        "missing": list(book.policies.missing()),
        "refused": [msgspec.to_builtins(one) for one in book.refusals],
        "pause": None if pause is None else msgspec.to_builtins(pause),
        "breaker_reset": None if reset is None else msgspec.to_builtins(reset),
        "paused": book.pauses.at(at_ms) is not None,
        "disagreements": [one.text for one in book.disagreements],
    }


def _row(version: Version[Any]) -> dict[str, object]:
    policy, said = version.policy, version.publication
    return {
        "policy": policy.name,
        "policy_hash": policy.policy_hash,
        "effective_from_ms": policy.effective_from_ms,
        "from": "file" if version.written_ms is None else "topic",
        "author": said.author,
        "reason": said.reason,
        "published_at_ms": said.published_at_ms,
        "backtest": said.backtest,
        "allow": list(said.allow),
    }
