"""``refund policy reset-breakers``: show, write, read back, ask the workers."""

from typing import TextIO

import msgspec

from streams.errors import UnconfirmedError, UsageError
from streams.processing.policies.breaker_reset import BreakerReset
from streams.processing.policies.keys import breaker_key
from streams.tools.policies import Said
from streams.tools.policy import topic, workers
from streams.tools.policy.actions import SEND, ask_workers
from streams.tools.policy.shown import reset_words, standing


def reset_of(
    code: str, shop_id: str | None, said: Said, now_ms: int, *, only_global: bool
) -> BreakerReset:
    """Return the record that resets all breakers, the global one, or that of a shop.

    Raises
    ------
    UsageError
        A shop and the global breaker are named together, or the shop has no name.
    """
    if shop_id is not None and only_global:
        raise UsageError(["--shop, --global: name one of them; neither = all breakers"])
    if shop_id == "":
        raise UsageError(["--shop: name the shop"])
    return BreakerReset(
        family=code,
        scope="shop" if shop_id else "global" if only_global else "all",
        shop_id=shop_id,
        from_ms=now_ms,
        author=said.author,
        reason=said.reason,
        published_at_ms=now_ms,
    )


async def reset_breakers(
    at: topic.PolicyTopic, record: BreakerReset, said: Said, out: TextIO, now_ms: int
) -> None:
    """Reset the breakers of every worker, or show what would be reset.

    Raises
    ------
    UsageError
        The family has no breakers.
    UnconfirmedError
        It was written, but its arrival is not confirmed.
    SourceError
        The brokers cannot be reached.
    """
    if not at.kind.breakers:
        raise UsageError([f"{at.kind.code} has no breakers"])
    for line in standing(await at.read_book(), now_ms):
        print(line, file=out)
    print(f"would publish: {reset_words(record)}", file=out)
    if said.mode != SEND:
        print("nothing was published; repeat with --yes", file=out)
        return
    fields: dict[str, object] = msgspec.to_builtins(record)
    await at.write(breaker_key(record.family), topic.value_of(fields))
    after = await at.read_book()
    if after.resets.last != record:
        raise UnconfirmedError(
            "it was written, but a later record is the last reset of breakers; "
            "see refund policy history"
        )
    print(f"{record.what} reset on {at.name}", file=out)
    shows = workers.shows_reset(record.published_at_ms)
    await ask_workers(said, at.kind.code, shows, f"{record.what} reset", out)
