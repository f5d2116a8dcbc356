"""The join of request, facts and memory: one output a record, in the right topic."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.families.fast_refund.decide import judge_again
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.decision_history import Entry
from streams.processing.answers import Answers
from streams.processing.partitioner import partition_of
from streams.processing.topics import DEAD_LETTERS
from testkit import samples
from testkit.fakes import FakeRecord, headers_in
from testkit.samples import BUYER, DROP, NOW, NUMBER, PARTITIONS, T
from tests.families.fast_refund.world import (
    SHIPPED,
    World,
    answers_to,
    policy,
    topics,
    verdict,
)

TRACE = (
    "traceparent",
    b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
OTHER = (NUMBER + 1) % PARTITIONS
NEW_BUYERS = [f"b-{number}" for number in range(100, 150)]
DAY_MS = 86_400_000


# -- one output a record ---------------------------------------------------------------


def test_an_approval_is_written_as_the_contract_says() -> None:
    world = World()
    judged = world.slice([world.record(samples.request(), b"the key")])
    (output,) = judged.outputs
    assert topics(judged) == ["approvals"]
    assert output.record[0] == b"the key"
    found = json.loads(output.value or b"")
    seen = found.pop("seen")
    assert found == {
        "decision_id": "FR:r-1:1",
        "family": "FR",
        "refund_id": "r-1",
        "refund_version": 1,
        "order_id": "o-1",
        "buyer_id": BUYER,
        "shop_id": "s-1",
        "disposition": "decided",
        "outcome": "auto_approve",
        "reason_codes": ["FR_ALL_CONDITIONS_MET"],
        "policy": "FR@1",
        "refund_fen": 19_900,
        "payout_key": "pay:r-1",
        "requested_at_ms": T,
        "decided_at_ms": NOW,
        "review_deadline_ms": None,
        "policy_hash": SHIPPED.policy_hash,
    }
    assert seen["order_status"] == "paid"
    assert seen["quality"] == "quality"
    assert judged.approved == 1
    assert judged.ages_ms == [NOW - T]
    assert (judged.repeated, judged.misrouted, judged.answered) == (0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "topic", "kind"),
    [
        ({}, "approvals", "auto_approve"),
        ({"refund_fen": 19_901}, "reviews", "manual_review"),
        ({"refund_kind": "exchange"}, "skipped", "out_of_scope"),
        ({"action": "withdraw"}, "skipped", "superseded"),
    ],
)
def test_every_output_has_all_headers_of_the_contract(
    changes: dict[str, object], topic: str, kind: str
) -> None:
    world = World()
    world.record(b"")  # an offset before it
    record = world.record(samples.request(**changes), b"r-1", [("x", b"1"), TRACE])
    judged = world.slice([record])
    assert topics(judged) == [topic]
    headers = headers_in(judged.outputs[0].record[2])
    assert len(headers) == len({name for name, _ in headers})
    assert dict(headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"FR:r-1:1",
        "ce_type": f"refund.{kind}.v1".encode(),
        "ce_source": b"/refund.requests",
        "ce_time": b"2026-03-18T02:15:01.000Z",
        "content-type": b"application/json",
        "source_topic": b"refund.requests",
        "source_partition": str(NUMBER).encode(),
        "source_offset": b"1",
        "traceparent": TRACE[1],
    }
    assert all((value or b"").decode() for _, value in headers)


def test_without_a_trace_none_is_made_up() -> None:
    world = World()
    judged = world.slice([world.record(samples.request())])
    assert "traceparent" not in dict(headers_in(judged.outputs[0].record[2]))


VALUES = st.sampled_from(
    [
        samples.request(),
        samples.request(refund_version=2),
        samples.request(refund_id="r-2"),
        samples.request(action="withdraw"),
        samples.request(action="withdraw", refund_version=2),
        samples.request(refund_id="r-2", refund_fen="19900"),
        samples.request(refund_id="r-3", order_id="o-9"),
        samples.request(refund_id="r-3", refund_kind="exchange"),
        samples.request(refund_id=""),
        b"nonsense",
        b"{}",
        None,
    ]
)


@given(st.lists(st.lists(VALUES, max_size=5), max_size=4))
def test_every_record_gets_exactly_one_output_that_names_its_offset(
    slices: list[list[bytes | None]],
) -> None:
    world = World()
    firsts: dict[str, bytes | None] = {}
    for values in slices:
        records = [world.record(value) for value in values]
        judged = world.slice(records)
        assert len(judged.outputs) == len(records)
        for record, output in zip(records, judged.outputs, strict=True):
            headers = dict(headers_in(output.record[2]))
            if output.topic == DEAD_LETTERS.name:
                assert output.value == record.value
                assert headers["refund_dlq_offset"] == str(record.offset).encode()
                continue
            assert headers["source_offset"] == str(record.offset).encode()
            found = json.loads(output.value or b"")
            assert headers["ce_id"] == found["decision_id"].encode()
            assert found["refund_id"] == json.loads(record.value or b"")["refund_id"]
            # the first decision of a version and kind of record is the only one
            identity = f"{found['decision_id']} {found['seen']['action']}"
            assert firsts.setdefault(identity, output.value) == output.value
            assert _again(output.value) == output.value


def _again(value: bytes | None) -> bytes:
    decision = decode_decision(value or b"")
    by = SHIPPED if decision.policy == SHIPPED.name else None
    return encode_decision(judge_again(decision, by))


def test_offsets_answered_before_a_restart_are_skipped_and_counted() -> None:
    world = World()
    records = [
        world.record(samples.request(refund_id=f"r-{number}", order_id=f"o-{number}"))
        for number in range(4)
    ]
    world.answered = answers_to(records[0], records[2])
    judged = world.slice(records)
    assert judged.answered == 2
    offsets = [
        dict(headers_in(one.record[2]))["source_offset"] for one in judged.outputs
    ]
    assert offsets == [b"1", b"3"]
    assert set(world.answered.offsets()) == {0, 2}  # until the slice is surely judged


def test_an_order_that_is_not_there_yet_is_noticed_but_not_that_of_answered_ones() -> (
    None
):
    world = World()
    there = world.record(samples.request())
    missing = world.record(samples.request(order_id="o-9"))
    without = world.record(samples.request(order_id=None))
    bad = world.record(b"nonsense")
    read = partial(_lacking, world)
    assert read(Answers(), there, without, bad) == (False, False, set())
    assert read(Answers(), there, missing, there) == (True, False, set())
    assert read(answers_to(missing), missing) == (False, False, set())


def _lacking(
    world: World, answered: Answers, *records: FakeRecord
) -> tuple[bool, bool, set[str]]:
    missing = world.judge.read(records, answered, world.tables)[1]
    found = missing.orders, bool(missing.buyers), missing.shops
    assert bool(missing) == any(found)
    return found


def test_a_buyer_or_shop_without_a_row_is_noticed_also_when_the_order_names_it() -> (
    None
):
    world = World()
    new = next(one for one in NEW_BUYERS if partition_of(one, PARTITIONS) == NUMBER)
    world.add_order("o-8", buyer_id=new, shop_id="s-new")
    read = partial(_lacking, world, Answers())
    ids = {"buyer_id": new, "shop_id": "s-new"}
    unnamed = world.record(samples.request(order_id="o-8", buyer_id=None, shop_id=None))
    asked = world.record(samples.request(order_id="o-8", **ids))
    assert read(unnamed) == read(asked) == (False, True, {"s-new"})
    world.shared.note_sought(["s-new"])
    assert read(asked) == (False, True, set())
    nobody = world.record(samples.request(order_id=None, buyer_id=None, shop_id=None))
    assert read(nobody) == (False, False, set())


OTHERS = {
    "another request": samples.request(refund_id="r-2"),
    "another version": samples.request(refund_version=2),
    "a withdrawal": samples.request(action="withdraw"),
    "nothing readable": b"nonsense",
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_answer_counts_only_for_the_record_that_it_answers(name: str) -> None:
    """A topic made anew has other records at the offsets that outputs name."""
    world = World()
    there = world.record(samples.request())
    world.answered = answers_to(replace(there, value=OTHERS[name]))
    judged = world.slice([there])
    assert (judged.answered, len(judged.outputs)) == (0, 1)
    assert world.answered.unfit == {there.offset}


def test_an_answer_to_the_same_request_under_another_key_is_none() -> None:
    world = World()
    there = world.record(samples.request())
    world.answered = answers_to(replace(there, key=b"other"))
    assert world.slice([there]).answered == 0


def test_a_dead_letter_answers_a_record_of_the_same_bytes_only() -> None:
    world = World()
    dead, other = world.record(b"nonsense"), world.record(b"other nonsense")
    world.answered = answers_to(dead, replace(other, value=b"nonsense"))
    judged = world.slice([dead, other])
    assert (judged.answered, judged.dead) == (1, {"not_json": 1})


def test_of_two_outputs_that_name_one_offset_the_one_that_fits_counts() -> None:
    world = World()
    there = world.record(samples.request())
    world.answered = answers_to(replace(there, value=OTHERS["another request"]), there)
    assert world.slice([there]).answered == 1
    assert world.answered.unfit == set()


# -- dead letters ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (b"nonsense \xff", "not_json"),
        (b"", "not_json"),
        (b"[1]", "not_object"),
        (b"{}", "no_id"),
        (samples.request(refund_id=""), "no_id"),
        (samples.request(refund_id=DROP), "no_id"),
        (None, "null_value"),
    ],
)
@pytest.mark.parametrize("key", [b"\xff\x00", b"", None])
def test_a_dead_letter_keeps_key_value_and_headers_byte_for_byte(
    value: bytes | None, error: str, key: bytes | None
) -> None:
    original = [("a", b"\xff\x00"), ("a", b"\xff\x00"), ("", b""), TRACE, ("a", b"2")]
    world = World()
    judged = world.slice([world.record(value, key, original)])
    (output,) = judged.outputs
    assert topics(judged) == ["dead_letters"]
    assert (output.record[0], output.value) == (key, value)
    assert list(headers_in(output.record[2])[:5]) == original
    added = dict(headers_in(output.record[2])[5:])
    assert (added.pop("refund_dlq_message") or b"").decode()
    assert added == {
        "refund_dlq_topic": b"refund.requests",
        "refund_dlq_partition": str(NUMBER).encode(),
        "refund_dlq_offset": b"0",
        "refund_dlq_stage": b"decode",
        "refund_dlq_error": error.encode(),
        "refund_dlq_failed_at_ms": str(NOW).encode(),
        "refund_dlq_app_version": b"1.2.3",
    }
    assert judged.dead == {error: 1}
    assert judged.decided == {}


@pytest.mark.parametrize(("over", "topic"), [(0, "approvals"), (1, "dead_letters")])
def test_a_record_as_large_as_allowed_is_read_and_a_larger_one_buried(
    over: int, topic: str
) -> None:
    world = World()
    room = 65_536 - len(samples.request(reason="")) - len(b"r-1") - len(b"x1")
    value = samples.request(reason="x" * (room + over))
    judged = world.slice([world.record(value, b"r-1", [("x", b"1")])])
    assert topics(judged) == [topic]
    assert judged.dead == ({"too_large": 1} if over else {})
    assert judged.outputs[0].record[0] == b"r-1"


def test_a_bad_record_does_not_hinder_its_neighbours() -> None:
    world = World()
    judged = world.slice(
        [
            world.record(value)
            for value in (b"nonsense", samples.request(), None, b"{}", b"nonsense")
        ]
    )
    assert topics(judged) == [
        "dead_letters",
        "approvals",
        *["dead_letters"] * 3,
    ]
    assert judged.dead == {"not_json": 2, "null_value": 1, "no_id": 1}
    assert judged.dead_at == {"not_json": 0, "null_value": 2, "no_id": 3}


# -- the same version again (case 57) ---------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"refund_fen": 1_000_000},
        {"refund_kind": "exchange"},
        {"action": "withdraw"},
        {"refund_version": None},
    ],
)
def test_a_request_delivered_again_gets_the_first_decisions_bytes_again(
    changes: dict[str, object],
) -> None:
    world = World()
    value = samples.request(**changes)
    first = world.slice([world.record(value)])
    rows = world.tables.ledger.of_group("o-1", "r-1")
    world.now_ms += DAY_MS  # every fact is stale by now, and the order has shipped
    world.tables.apply_order(
        None, samples.order(order_version=2, order_status="shipped")
    )
    again = world.slice([world.record(value), world.record(value)])
    assert topics(again) == topics(first) * 2
    for output in again.outputs:
        assert output.value == first.outputs[0].value
    old, new = (
        dict(headers_in(first.outputs[0].record[2])),
        dict(headers_in(again.outputs[1].record[2])),
    )
    assert (old.pop("source_offset"), new.pop("source_offset")) == (b"0", b"2")
    assert (old.pop("ce_time") or b"") < (new.pop("ce_time") or b"")
    assert old == new  # the same id and type
    assert (again.repeated, again.approved) == (2, 0)
    assert (again.decided, again.ages_ms, again.touched) == ({}, [], [])
    assert world.tables.ledger.of_group("o-1", "r-1") == rows


def test_a_request_twice_in_one_slice_is_decided_once() -> None:
    world = World()
    first, second = world.decide(samples.request(), samples.request())
    assert first == second
    assert world.outputs[0].value == world.outputs[1].value
    assert verdict(first) == "A"


# -- versions and withdrawals (cases 58 to 62) ---------------------------------------------


def in_one_slice(world: World, values: Sequence[bytes]) -> list[object]:
    return [verdict(found) for found in world.decide(*values)]


def one_by_one(world: World, values: Sequence[bytes]) -> list[object]:
    return [verdict(found) for value in values for found in world.decide(value)]


V1, V2 = samples.request(), samples.request(refund_version=2, action="edit")
OLD = ("superseded", ["SUPERSEDED_BY_VERSION"])
GONE = ("superseded", ["REQUEST_WITHDRAWN"])
EDITED = ["REQUEST_EDITED_AFTER_APPROVAL"]
WITHDRAW = samples.request(action="withdraw")
MANUAL = samples.request(refund_fen=19_901)


def test_case_58_version_2_is_there_before_version_1_is_decided() -> None:
    assert in_one_slice(World(), [V1, V2]) == [OLD, "A"]


@pytest.mark.parametrize("how", [in_one_slice, one_by_one])
def test_case_59_version_1_arrives_after_version_2(
    how: Callable[[World, Sequence[bytes]], list[object]],
) -> None:
    assert how(World(), [V2, V1]) == ["A", OLD]


def test_case_60_a_better_version_2_after_a_manual_version_1_is_approved() -> None:
    world = World()
    assert one_by_one(world, [MANUAL, V2]) == [["REFUND_AMOUNT_INVALID"], "A"]
    states = [row.state for row in world.tables.ledger.of_group(None, "r-1")]
    assert states == ["approved"]  # the item of version 1 is closed


def test_case_61_a_version_after_an_approval_goes_to_a_person() -> None:
    world = World()
    assert one_by_one(world, [V1, V2]) == ["A", EDITED]
    found = world.one(refund_version=3, refund_fen=0)
    assert found["reason_codes"] == [*EDITED, "REFUND_AMOUNT_INVALID"]
    assert found["payout_key"] is None


def test_case_62_a_withdrawal_before_the_decision_supersedes_the_request() -> None:
    assert in_one_slice(World(), [V1, WITHDRAW]) == [GONE, GONE]
    assert in_one_slice(World(), [WITHDRAW, V1]) == [GONE, GONE]
    assert one_by_one(World(), [WITHDRAW, V1]) == [GONE, GONE]


def test_case_62_an_approval_stands_when_the_withdrawal_comes_after_it() -> None:
    world = World()
    assert one_by_one(world, [V1]) == ["A"]
    judged = world.slice([world.record(WITHDRAW)])
    assert verdict(json.loads(judged.outputs[0].value or b"")) == GONE
    assert judged.touched == ["r-1"]  # the watch agent is told
    approval = world.tables.ledger.approval("r-1")
    assert approval is not None
    assert one_by_one(world, [V1]) == ["A"]  # and again, when delivered again


def test_a_withdrawal_of_a_newer_version_hides_the_request_in_its_slice() -> None:
    later = samples.request(action="withdraw", refund_version=2)
    first, second = in_one_slice(World(), [V1, later])
    assert second == GONE
    assert isinstance(first, tuple)
    assert first[0] == "superseded"
    assert "REQUEST_WITHDRAWN" in first[1]


def test_slices_answered_before_a_restart_do_not_count_as_undecided() -> None:
    world = World()
    first, second = world.record(V1), world.record(V2)
    world.answered = answers_to(second)
    (output,) = world.slice([first, second]).outputs
    assert verdict(json.loads(output.value or b"")) == "A"


# -- other refunds of the order --------------------------------------------------------


def test_a_second_refund_of_an_order_whose_first_was_approved_goes_to_a_person() -> (
    None
):
    world = World()
    first, second = world.decide(samples.request(), samples.request(refund_id="r-2"))
    assert verdict(first) == "A"
    assert verdict(second) == ["PRIOR_REFUND_ON_ORDER"]


def test_a_second_refund_while_the_first_is_in_review_goes_to_a_person() -> None:
    world = World()
    first, second = world.decide(MANUAL, samples.request(refund_id="r-2"))
    assert verdict(second) == ["OPEN_REFUND_ON_ORDER"]
    world.tables.apply_outcome(None, samples.reviewed("rejected"), 1)
    assert verdict(world.one(refund_id="r-3")) == ["OPEN_REFUND_ON_ORDER"]  # r-2 is
    world.tables.apply_outcome(None, samples.reviewed("rejected", "r-2"), 2)
    world.tables.apply_outcome(None, samples.reviewed("rejected", "r-3"), 3)
    assert verdict(world.one(refund_id="r-4")) == "A"
    assert first["outcome"] == "manual_review"


def test_what_a_person_approved_is_not_approved_again_though_its_payout_failed() -> (
    None
):
    """E-20: the version after a refund that somebody approved is for a person."""
    world = World()
    world.decide(MANUAL)
    world.tables.apply_outcome(None, samples.reviewed("approved"), 1)
    world.tables.apply_outcome(None, samples.outcome("payout_failed"), 2)
    assert verdict(world.one(refund_version=2)) == EDITED


def test_a_withdrawn_request_leaves_the_order_free() -> None:
    world = World()
    world.decide(MANUAL, WITHDRAW)
    assert verdict(world.one(refund_id="r-2")) == "A"


# -- routing ---------------------------------------------------------------------------


@pytest.mark.clause("E-38")
def test_a_request_in_the_wrong_partition_is_counted_and_goes_to_a_person() -> None:
    world = World(number=OTHER)
    record = world.record(samples.request())
    judged = world.slice([record])
    assert (judged.misrouted, judged.misrouted_at) == (1, record.offset)
    assert topics(judged) == ["reviews"]
    found = json.loads(judged.outputs[0].value or b"")
    assert "REQUEST_MISROUTED" in found["reason_codes"]
    assert "REQUEST_INVALID" not in found["reason_codes"]
    assert found["seen"]["expected_partition"] == NUMBER
    assert _again(judged.outputs[0].value) == judged.outputs[0].value


def test_a_buyer_row_in_the_same_wrong_partition_does_not_make_it_right() -> None:
    world = World(number=OTHER)
    world.tables.apply_buyer(None, samples.buyer())
    world.tables.apply_order(None, samples.order())
    judged = world.slice([world.record(samples.request())])
    assert (judged.misrouted, topics(judged)) == (1, ["reviews"])


def test_no_way_approves_a_request_in_another_partition_than_its_buyers() -> None:
    """Whatever rows were written there: read well, badly, or loaded and not yet checked."""
    for loading in (False, True):
        world = World(number=OTHER)
        world.tables.loading = loading
        for row in (b"no json", samples.buyer()):
            world.tables.apply_buyer(BUYER.encode(), row)
        world.tables.apply_order(None, samples.order())
        for ids in ({}, {"buyer_id": None}, {"shop_id": None}):
            found = world.one(refund_id=f"r-{len(ids)}-{loading}", **ids)
            assert found["outcome"] == "manual_review"
            assert found["payout_key"] is None


def test_an_order_of_another_partition_is_not_approved_on_before_it_is_checked() -> (
    None
):
    """A stale or strange row that was just loaded: it contradicts the request (E-12)."""
    world = World()
    world.tables.loading = True
    stranger = next(
        one for one in NEW_BUYERS if partition_of(one, PARTITIONS) != NUMBER
    )
    world.add_order("o-8", buyer_id=stranger)
    assert world.tables.orders.has("o-8")
    named = world.one(refund_id="r-8", order_id="o-8")
    assert verdict(named) == ["BUYER_UNKNOWN"]
    unnamed = world.one(refund_id="r-9", order_id="o-8", buyer_id=None)
    assert "REQUEST_MISROUTED" in unnamed["reason_codes"]


def test_a_request_without_a_buyer_belongs_where_its_order_does() -> None:
    number = partition_of("o-5", PARTITIONS)
    for at, misrouted in ((number, 0), ((number + 1) % PARTITIONS, 1)):
        world = World(number=at)
        judged = world.slice(
            [world.record(samples.request(buyer_id=None, order_id="o-5"))]
        )
        assert judged.misrouted == misrouted
        found = json.loads(judged.outputs[0].value or b"")
        assert "BUYER_UNKNOWN" in found["reason_codes"]
        assert ("REQUEST_MISROUTED" in found["reason_codes"]) == bool(misrouted)
        assert found["seen"].get("expected_partition") == (
            number if misrouted else None
        )


def test_a_request_that_names_neither_buyer_nor_order_is_nowhere_misrouted() -> None:
    world = World()
    judged = world.slice(
        [world.record(samples.request(buyer_id=None, order_id=None, shop_id=None))]
    )
    assert judged.misrouted == 0
    assert topics(judged) == ["reviews"]


def test_missing_ids_are_taken_from_the_order() -> None:
    found = World().one(buyer_id=None, shop_id=None)
    assert verdict(found) == "A"
    assert (found["buyer_id"], found["shop_id"]) == (BUYER, "s-1")


# -- facts as the tables hold them ------------------------------------------------------


def test_a_watermark_keeps_an_old_snapshot_fresh_and_without_one_it_is_stale() -> None:
    world = World()
    world.now_ms = NOW + 60_001
    for number in range(PARTITIONS):
        for apply in (world.shared.apply_shop, world.shared.apply_catalog):
            apply(number, b"__watermark__", samples.watermark(world.now_ms))
    world.tables.apply_buyer(b"__watermark__", samples.watermark(world.now_ms))
    world.tables.vetoes_known_ms = world.now_ms
    stale = ["ORDER_STATUS_STALE", "PAID_AMOUNT_STALE"]
    assert verdict(world.one(refund_id="r-0")) == stale
    world.tables.apply_outcome(None, samples.reviewed("rejected", "r-0"), 0)
    world.tables.apply_order(b"__watermark__", samples.watermark(NOW + 1))
    found = world.one()
    assert verdict(found) == "A"
    assert found["seen"]["order_as_of_ms"] == NOW + 1


@pytest.mark.parametrize("lack", ["buyers", "vetoes", "shops"])
def test_without_every_list_nothing_is_approved(lack: str) -> None:
    world = World()
    if lack == "buyers":
        world.tables.apply_buyer(b"__watermark__", None)
    elif lack == "vetoes":
        world.tables.vetoes_known_ms = None
    else:
        world.shared.apply_shop(1, b"__watermark__", None)
    assert verdict(world.one()) == ["LISTS_NOT_READY"]


def test_a_veto_holds_while_it_is_active_and_an_unreadable_one_is_not_overlooked() -> (
    None
):
    world = World()
    world.tables.apply_outcome(None, samples.veto(), 1)
    assert verdict(world.one(refund_id="r-1")) == ["ORDER_VETOED"]
    world.tables.apply_outcome(None, samples.reviewed("rejected", "r-1"), 2)
    world.tables.apply_outcome(b"o-1", b"nonsense", 3)
    assert verdict(world.one(refund_id="r-2")) == ["LISTS_NOT_READY"]
    world.tables.apply_outcome(None, samples.reviewed("rejected", "r-2"), 4)
    world.tables.apply_outcome(None, samples.veto(on=False), 5)
    assert verdict(world.one(refund_id="r-3")) == "A"


def test_a_shop_or_article_the_operator_excluded_goes_to_a_person() -> None:
    world = World()
    world.shared.apply_shop(0, None, samples.shop(enabled=False))
    world.shared.apply_catalog(0, None, samples.category(id="sku:k-1"))
    world.shared.apply_catalog(
        0, None, samples.category(id="category:shirts", kind="excluded")
    )
    assert verdict(world.one()) == [
        "CATEGORY_EXCLUDED",
        "SKU_EXCLUDED",
        "SHOP_EXCLUDED",
    ]


def test_an_approval_with_a_ship_signal_is_given_to_the_watch() -> None:
    world = World()
    world.add_order("o-1", order_version=2, waybill_printed_at_ms=T - 5)
    judged = world.slice([world.record(samples.request())])
    assert (topics(judged), judged.touched) == (["approvals"], ["r-1"])
    world = World()
    judged = world.slice([world.record(samples.request())])
    assert judged.touched == []


# -- policies and options ------------------------------------------------------------------


def test_the_policy_is_the_one_in_force_when_the_refund_was_asked_for() -> None:
    for begins, expected in ((T + 1, "A"), (T, ["PAID_AT_OR_OVER_LIMIT"])):
        later = policy(paid_limit_fen=10_000, effective_from_ms=begins)
        world = World(SHIPPED, later)
        found = world.one()
        assert verdict(found) == expected
        assert found["policy"] == ("FR@1" if expected == "A" else "FR@2")


def test_without_a_request_time_the_policy_of_the_decision_counts() -> None:
    world = World(SHIPPED, policy(paid_limit_fen=10_000, effective_from_ms=NOW))
    found = world.one(requested_at_ms=None)
    assert found["reason_codes"] == ["EVENT_TIME_UNKNOWN", "PAID_AT_OR_OVER_LIMIT"]
    assert world.slice([]).ages_ms == []


def test_without_any_policy_everything_goes_to_a_person() -> None:
    world = World()
    world.shared.policies = type(world.shared.policies)()
    found = world.one()
    assert verdict(found) == ["POLICY_NOT_LOADED"]
    assert found["policy"] is None
    assert found["policy_hash"] is None


def test_the_breaker_turns_the_approval_that_passes_its_maximum() -> None:
    world = World(
        policy(
            breaker_shop_max_count=2,
            breaker_window_ms=60_000,
            breaker_cooldown_ms=5_000,
            effective_from_ms=0,
        )
    )
    for number in range(4):
        world.add_order(f"o-{number}")
    found = [
        world.one(refund_id=f"r-{number}", order_id=f"o-{number}")
        for number in range(4)
    ]
    assert [verdict(one) for one in found] == [
        "A",
        "A",
        ["BREAKER_OPEN"],
        ["BREAKER_OPEN"],
    ]
    assert [one["seen"].get("breaker") for one in found[2:]] == ["shop", "shop"]
    assert found[2]["payout_key"] is None


def test_a_request_delivered_again_does_not_count_for_the_breaker() -> None:
    world = World(
        policy(
            breaker_global_max_count=2, breaker_window_ms=60_000, effective_from_ms=0
        )
    )
    world.add_order("o-2")
    for _ in range(5):
        assert verdict(world.one()) == "A"
    assert verdict(world.one(refund_id="r-2", order_id="o-2")) == "A"


def approved_before(world: World, refund_id: str, at_ms: int) -> None:
    """Put an approval into the memory, as it is read back after a restart."""
    world.tables.ledger.remember(
        Entry(
            refund_id,
            1,
            f"order of {refund_id}",
            BUYER,
            "decided",
            "auto_approve",
            at_ms,
            19_900,
            withdraws=False,
            reason_codes=("FR_ALL_CONDITIONS_MET",),
            value=b"",
        )
    )


@pytest.mark.parametrize(
    ("age_ms", "expected"),
    [(7 * DAY_MS - 1, ["BUYER_COUNT_LIMIT"]), (7 * DAY_MS, "A")],
)
def test_the_count_option_counts_what_the_memory_holds(
    age_ms: int, expected: object
) -> None:
    """Case 76."""
    world = World(
        policy(buyer_count_max=2, buyer_count_window_ms=7 * DAY_MS, effective_from_ms=0)
    )
    approved_before(world, "r-8", T - age_ms)
    approved_before(world, "r-9", T)
    found = world.one()
    assert verdict(found) == expected
    assert found["seen"]["history"]["auto_count"] == (2 if expected != "A" else 1)


def test_the_quota_is_used_by_approvals_and_released_by_a_failed_payout() -> None:
    """Cases 72 and 77: 39800 allows for two of 19900."""
    world = World(
        policy(
            buyer_amount_quota_fen=39_800,
            buyer_amount_window_ms=DAY_MS,
            effective_from_ms=0,
        )
    )

    def ask(number: int) -> object:
        world.add_order(f"o-{number}")
        return verdict(
            world.one(
                refund_id=f"r-{number}",
                order_id=f"o-{number}",
                requested_at_ms=NOW + 1,  # after the others were decided
            )
        )

    assert [ask(1), ask(2), ask(3)] == ["A", "A", ["BUYER_AMOUNT_QUOTA"]]
    world.tables.apply_outcome(None, samples.outcome("payout_failed", "r-1"), 1)
    assert [ask(4), ask(5)] == ["A", ["BUYER_AMOUNT_QUOTA"]]


def test_one_approval_an_order_counts_even_when_it_was_never_paid() -> None:
    world = World(policy(one_auto_approval_per_order=True, effective_from_ms=0))
    assert verdict(world.one()) == "A"
    world.tables.apply_outcome(None, samples.outcome("payout_failed"), 1)
    world.tables.apply_outcome(None, samples.reviewed("rejected"), 2)
    assert verdict(world.one(refund_id="r-2")) == ["ORDER_ALREADY_AUTO_APPROVED"]


# -- every decision can be judged again ---------------------------------------------------


ODD = st.none() | st.booleans() | st.integers(-1, 3) | st.sampled_from(["paid", "x"])


@given(
    request=st.dictionaries(
        st.sampled_from([name for name in samples.REQUEST if name != "refund_id"]), ODD
    ),
    order=st.dictionaries(
        st.sampled_from([name for name in samples.ORDER if name != "order_id"]), ODD
    ),
    buyer=st.dictionaries(st.sampled_from(["quality", "limits", "as_of_ms"]), ODD),
    shop=st.dictionaries(st.sampled_from(["enabled", "standing"]), ODD),
)
def test_a_decision_on_anything_can_be_judged_again_from_its_own_bytes(
    request: dict[str, object],
    order: dict[str, object],
    buyer: dict[str, object],
    shop: dict[str, object],
) -> None:
    world = World()
    world.tables.apply_order(None, samples.order(order_version=9, **_no_version(order)))
    world.tables.apply_buyer(None, samples.buyer(**buyer))
    world.shared.apply_shop(0, None, samples.shop(**shop))
    judged = world.slice([world.record(samples.request(**request))])
    for output in judged.outputs:
        assert output.topic != DEAD_LETTERS.name
        assert _again(output.value) == output.value


def _no_version(order: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in order.items() if key != "order_version"}
