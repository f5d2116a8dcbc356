import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.model import Decision
from streams.records.fold import fold, fold_payouts

DOCS: Final = Path(__file__).parents[2] / "docs"
EXAMPLES: Final = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))[
    "components"
]["messages"]
APPROVAL: Final = decode_decision(
    msgspec.json.encode(EXAMPLES["approval"]["examples"][0]["payload"])
)


def named(decision_id: str, at_ms: int = 1) -> Decision:
    return msgspec.structs.replace(
        APPROVAL, decision_id=decision_id, decided_at_ms=at_ms
    )


def test_without_repeats_every_record_is_passed_on_in_its_order() -> None:
    records = [named("b"), named("a"), named("c")]
    assert list(fold(records)) == records


def test_of_equal_ids_the_first_in_the_log_counts_whatever_comes_later() -> None:
    first, repeat, zombie = named("a", 5), named("a", 5), named("a", 3)
    assert list(fold([first, repeat, named("b"), zombie])) == [first, named("b")]


def test_partitions_may_be_mixed() -> None:
    assert [
        one.decision_id
        for one in fold([named("a"), named("x"), named("a"), named("x"), named("b")])
    ] == ["a", "x", "b"]


def test_a_refund_under_two_buyers_is_paid_once_whatever_partitions_it_is_in() -> None:
    here = msgspec.structs.replace(APPROVAL, buyer_id="b-1")
    there = msgspec.structs.replace(APPROVAL, buyer_id="b-2")
    edited = msgspec.structs.replace(
        APPROVAL, decision_id=APPROVAL.decision_id + "1", refund_version=11
    )
    assert list(fold([here, there])) == [here]
    paid: set[str] = set()
    assert list(fold_payouts([here, there, edited], paid)) == [here]
    assert list(fold_payouts([there], paid)) == []  # another process, the same set
    assert paid == {APPROVAL.payout_key}


def test_only_approvals_are_paid() -> None:
    review = msgspec.structs.replace(APPROVAL, payout_key=None)
    assert list(fold_payouts([review, APPROVAL])) == [APPROVAL]


def test_a_reader_that_keeps_the_ids_meets_none_again_after_a_restart() -> None:
    known: set[str] = set()
    assert list(fold([named("a")], known)) == [named("a")]
    assert list(fold([named("a"), named("b")], known)) == [named("b")]
    assert known == {"a", "b"}


def test_nothing_is_read_ahead_of_what_is_asked_for() -> None:
    def endless() -> Iterator[Decision]:
        while True:
            yield named("a")

    assert next(fold(endless())) == named("a")


def test_no_records_give_none() -> None:
    assert list(fold(iter(()))) == []


def payouts_of_the_page(
    values: Iterable[bytes], paid: set[str]
) -> list[tuple[str, int]]:
    """Run the example of docs/readers.md as it stands there."""
    page = (DOCS / "readers.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(example.splitlines()) <= 15
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - it is our own page
    return list(names["payouts"](values, paid))


def test_the_example_for_the_payout_service_pays_every_refund_once() -> None:
    later = msgspec.structs.replace(APPROVAL, decision_id="FR:26077000002001:2")
    other = msgspec.structs.replace(
        APPROVAL, decision_id="FR:9:1", payout_key="pay:9", refund_fen=1
    )
    values = [encode_decision(one) for one in (APPROVAL, APPROVAL, later, other)]
    paid: set[str] = set()
    assert payouts_of_the_page(values, paid) == [
        ("pay:26077000002001", 19900),
        ("pay:9", 1),
    ]
    assert payouts_of_the_page(values, paid) == [], "a restart pays nothing again"
