"""A text that is never printed by accident."""

from typing import Final

from typing_extensions import override

HIDDEN: Final = "(hidden)"


class Secret:
    """A password or token: ``repr`` and ``str`` hide it, ``reveal`` gives it.

    Parameters
    ----------
    value
        The secret itself.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret; call it only where it goes to a library."""
        return self._value

    @override
    def __repr__(self) -> str:
        return f"Secret{HIDDEN}"

    @override
    def __str__(self) -> str:
        return HIDDEN

    @override
    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    @override
    def __hash__(self) -> int:
        return hash((Secret, self._value))

    @override
    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")
