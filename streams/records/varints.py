"""Numbers of variable length, as Kafka's record format 2 writes lengths and differences.

Zigzag first (0, -1, 1, -2 become 0, 1, 2, 3), then seven bits a byte, the lowest first;
the eighth bit says that more follow (KIP-98).
"""

from typing import Final

_MORE: Final = 0x80
"""The bit that says that more bytes follow."""
_KEPT_MAX: Final = 16_384
"""Lengths of records and their places in a batch repeat; larger numbers are not kept."""


class _Varints(dict[int, bytes]):
    """Number -> how it is written; a look-up costs a third of a call."""

    def __missing__(self, number: int) -> bytes:
        written = _written(number)
        if 0 <= number < _KEPT_MAX:
            self[number] = written
        return written


def _written(number: int) -> bytes:
    left = number << 1 if number >= 0 else (-number << 1) - 1
    found = bytearray()
    while left >= _MORE:
        found.append(left & ~_MORE & 0xFF | _MORE)
        left >>= 7
    found.append(left)
    return bytes(found)


VARINTS: Final = _Varints()
NULL: Final = VARINTS[-1]
"""In the place of a length: there is no value."""
