"""Foreign text for people: what cannot be seen is written as an escape.

Ids, keys, header values and messages come from others. A line break in one of them
forges a line, a bidirectional mark turns the rest of a line round, a zero-width
character makes two different ids look the same, an escape sequence moves the cursor.
Everything that people read (terminal, log, status page, report) passes through
:func:`visible`; what programs read keeps its bytes.
"""

import re
from typing import Final

_ASTRAL: Final = 0x10000

# str.isprintable() refuses controls, format characters (bidirectional marks, zero-width
# joiners, byte order marks), surrogates, unassigned characters and every separator but
# the space. These here are letters or marks by category, and yet nothing is drawn.
_UNDRAWN: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
) | {
    chr(point)
    for first, last in ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for point in range(first, last + 1)
}
_SUSPECT: Final = re.compile(
    "[^ -~\u4e00-\u9fff\u3001-\u3011\uff01-\uff5e]"  # all else is looked at one by one
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""Escape every character that people cannot see, as JSON writes it.

    ``\n``, ``\r``, ``\t`` and ``\uXXXX`` (two of them above U+FFFF). A backslash stays
    as it is, so a text that is visible already does not change. For the same reason
    JSON text (from an encoder that keeps non-ASCII letters) stays JSON of the same
    value.
    """
    return _SUSPECT.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    one = found[0]
    if one.isprintable() and one not in _UNDRAWN:
        return one
    if one in _SHORT:
        return _SHORT[one]
    point = ord(one)
    if point < _ASTRAL:
        return f"\\u{point:04x}"
    high, low = divmod(point - _ASTRAL, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
