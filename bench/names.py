"""Names by number: what the records of a run are called.

Apart from the records themselves, so that peers can use it without our libraries.
"""

from typing import Final

REFUND_PREFIX: Final = "26077"
_ORDER_PREFIX: Final = "26078"
_BUYER_PREFIX: Final = "b-2100"


def order_id(number: int) -> str:
    """Return the id of an order."""
    return f"{_ORDER_PREFIX}{number:09d}"


def buyer_id(number: int) -> str:
    """Return the id of a buyer."""
    return f"{_BUYER_PREFIX}{number:08d}"


def refund_id(number: int) -> str:
    """Return the id of a refund: of request ``number``."""
    return f"{REFUND_PREFIX}{number:09d}"


def request_number(key: bytes) -> int:
    """Return the number of the request whose refund id is ``key``."""
    return int(key[len(REFUND_PREFIX) :])
