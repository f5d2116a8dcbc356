"""Make records fit their topic: the platform's answer may be larger than a topic accepts.

A field that is left out must not read as "none": an order without lines, and a request
that withholds something, go to a person.
"""

from typing import Final

import msgspec

from streams.families.fast_refund.topics import ORDERS, REQUESTS
from streams.platforms.kuaishou.mapping import Emission, encode
from streams.platforms.kuaishou.snapshot import UNREADABLE
from streams.processing.topics import DEAD_LETTERS

_FIELD_MAX_BYTES: Final = 1_024
"""Largest field of a cut record, as JSON."""


def fitted(emission: Emission, most: int) -> Emission:
    """Return a record unchanged, or without its long fields when it is too large.

    Parameters
    ----------
    most
        Largest key and value together, bytes.
    """
    value = emission.value
    if emission.topic == DEAD_LETTERS.name or value is None:
        return emission  # a copy (cut with its original) or a tombstone
    if len(emission.key) + len(value) <= most:
        return emission
    record: dict[str, object] = msgspec.json.decode(value)
    long = [name for name, field in record.items() if _is_long(field)]
    record.update(dict.fromkeys(long))
    if emission.topic == ORDERS.name:
        if "lines" in long:
            record["lines"] = []
        record["risk_code"] = UNREADABLE
        record["unreadable"] = long
    elif emission.topic == REQUESTS.name:
        record["refund_kind"] = None
        record["withheld"] = long
    return msgspec.structs.replace(emission, value=encode(record))


def _is_long(field: object) -> bool:
    return len(encode({"": field})) > _FIELD_MAX_BYTES
