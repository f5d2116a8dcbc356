"""Records of ours that would not fit: what is left out must not read as "there is none"."""

import json
from typing import Any

import pytest

from streams.platforms.kuaishou.fitting import fitted
from streams.platforms.kuaishou.mapping import Emission, encode

MOST = 4_000


def emission(topic: str, **fields: Any) -> Emission:  # noqa: ANN401 - JSON
    return Emission(topic, b"7", encode(fields), "b-1")


def told(found: Emission) -> dict[str, Any]:
    return dict(json.loads(found.value or b""))


@pytest.mark.parametrize("topic", ["orders", "requests", "outcomes"])
def test_a_record_that_fits_is_left_as_it_is(topic: str) -> None:
    room = MOST - len(emission(topic, a="").value or b"") - 1
    whole = emission(topic, a="x" * room)
    assert fitted(whole, MOST) is whole
    assert fitted(emission(topic, a="x" * (room + 1)), MOST) != whole


def test_an_order_without_its_lines_says_what_is_missing_and_goes_to_a_person() -> None:
    whole = emission("orders", order_id="7", lines=[{"sku_id": "k"}] * 999, risk_code=0)
    found = fitted(whole, MOST)
    assert told(found) == {
        "order_id": "7",
        "lines": [],
        "risk_code": -1,
        "unreadable": ["lines"],
    }
    assert (found.key, found.partition_by) == (whole.key, whole.partition_by)


def test_a_request_without_a_field_withholds_its_kind() -> None:
    whole = emission(
        "requests", refund_id="7", buyer_id="b" * 5_000, refund_kind="refund_only"
    )
    assert told(fitted(whole, MOST)) == {
        "refund_id": "7",
        "buyer_id": None,
        "refund_kind": None,
        "withheld": ["buyer_id"],
    }


def test_numbers_of_any_size_are_kept() -> None:
    whole = emission("orders", paid_fen=10**30, lines=["x" * MOST])
    assert told(fitted(whole, MOST))["paid_fen"] == 10**30


def test_a_tombstone_stays_one() -> None:
    ended = Emission("orders", b"7" * 9_999, None, "b-1")
    assert fitted(ended, MOST) is ended


def test_a_copy_is_never_changed() -> None:
    letter = Emission("dead-letters", b"", b"x" * 9_999, "")
    assert fitted(letter, MOST) is letter
