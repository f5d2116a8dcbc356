"""What all actions have."""

from typing import Final

import msgspec


class At(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True
):
    """Something that happens at a moment of a universe."""

    at_us: int
    """Virtual µs since the universe began: fine enough to fall between any two steps."""

    def told(self) -> str:
        """Return what happens, as one line for a person."""
        raise NotImplementedError


_SECOND_MS: Final = 1_000


def span(length_ms: int) -> str:
    """Return a length for a person: ``1.5 s``, ``300 ms``."""
    if length_ms < _SECOND_MS:
        return f"{length_ms} ms"
    return f"{length_ms / _SECOND_MS:g} s"


def back(back_ms: int | None) -> str:
    """Return when somebody comes back."""
    return "for good" if back_ms is None else f"back {span(back_ms)} later"
