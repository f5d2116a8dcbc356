"""Draw whether a second family runs in a universe, and its payments.

From a generator of its own, so that all else that a seed means stays as it is.
"""

from random import Random
from typing import Final

from simulation.drawing.dice import Dice
from simulation.payments import LIMIT_FEN, Payment, SecondFamily

_SHARE: Final = 0.15
_FEWEST: Final = 3
_MOST: Final = 12
_SHOPS: Final = 6
_REPEATED: Final = 0.3
_EARLY: Final = 0.7
"""Share of payments in the first third: their reminders fall due while faults go on."""


def drawn_second_family(seed: int, duration_ms: int) -> SecondFamily | None:
    """Return the payments of a second family; None = the fast refund runs alone."""
    dice = Dice(Random(f"{seed}:families"))  # noqa: S311 - a universe, no secret
    if not dice.chance(_SHARE):
        return None
    numbers = range(dice.within(_FEWEST, _MOST))
    return SecondFamily(
        payments=tuple(
            _payment(dice, number, duration_ms * 1_000) for number in numbers
        )
    )


def _payment(dice: Dice, number: int, duration_us: int) -> Payment:
    latest_us = duration_us // 3 if dice.chance(_EARLY) else duration_us * 9 // 10
    at_us = dice.within(0, latest_us)
    repeats = dice.within(1, 2) if dice.chance(_REPEATED) else 0
    return Payment(
        number=number,
        shop=dice.within(1, _SHOPS),
        amount_fen=dice.within(1, 3 * LIMIT_FEN),
        at_us=at_us,
        again_us=tuple(
            sorted(dice.length(1_000, duration_us - at_us - 1) for _ in range(repeats))
        ),
    )
