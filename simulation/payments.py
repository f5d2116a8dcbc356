"""The second family of a universe: payments of shops, and their records.

It runs in the same workers beside the fast refund; see :mod:`testkit.families.tiny`. The
fast refund has no timers, so timers are simulated with it.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from simulation.timed import Timed
from streams.processing.partitioner import partition_of
from streams.tools.traffic import records
from testkit.rows import Row

MODULE: Final = "testkit.families.tiny"
"""Import path of the family, for ``worker.families``."""
CODE: Final = "TF"
LIMIT_FEN: Final = 5_000
"""``limit_fen`` of its policy: a larger payment is for a person, and a timer reminds of it."""
_HOUR_MS: Final = 3_600_000


class Payment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A payment; it is dated at its moment."""

    number: int
    shop: int = 0
    """It decides the partition."""
    amount_fen: int = 1
    at_us: int = 0
    again_us: tuple[int, ...] = ()
    """µs after its moment at which it is sent again, in the same bytes."""

    def told(self) -> str:
        """Return what happens, for a person."""
        again = f", and {len(self.again_us)} times more" if self.again_us else ""
        return f"payment p-{self.number} of {self.amount_fen} fen is sent{again}"


class SecondFamily(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What the second family is asked."""

    payments: tuple[Payment, ...] = ()


def payment_rows(
    second: SecondFamily, duration_ms: int, start_ms: int, partitions: int
) -> Iterator[Timed]:
    """Yield its policy, its payments, and a small payment for each partition at the end.

    The last ones carry event time on, as later payments do: reminders fall due.
    """
    yield Timed(0, _policy(start_ms))
    for one in second.payments:
        where = partition_of(f"s-{one.shop}", partitions)
        at_ms = start_ms + one.at_us // 1_000
        row = _row(where, f"p-{one.number}", one.amount_fen, at_ms)
        yield Timed(one.at_us, row)
        for later_us in one.again_us:
            yield Timed(one.at_us + later_us, row)
    for number in range(partitions):
        row = _row(number, f"last-{number}", 1, start_ms + duration_ms)
        yield Timed(duration_ms * 1_000, row)


def _row(partition: int, name: str, amount_fen: int, at_ms: int) -> Row:
    value = records.encoded(
        {"payment_id": name, "shop_id": "s", "amount_fen": amount_fen, "at_ms": at_ms}
    )
    return Row("payments", partition, name.encode(), value)


def _policy(start_ms: int) -> Row:
    value = {
        "family": CODE,
        "version": 1,
        "effective_from_ms": start_ms - _HOUR_MS,
        "limit_fen": LIMIT_FEN,
        "author": "simulation",
        "reason": "the first one",
        "published_at_ms": start_ms - _HOUR_MS,
    }
    return Row("policies", 0, f"{CODE}@1".encode(), records.encoded(value))
