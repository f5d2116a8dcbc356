"""Records and decisions that are too large: what is too long is cut, and a person decides."""

import json
from collections.abc import Sequence
from hashlib import sha256

import msgspec
import pytest

from streams.families.fast_refund.decide import judge_again
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.judge import Judge
from streams.processing.answers import Answers, mark_of_letter
from streams.processing.slice_result import Output
from streams.records.unread import undecodable
from testkit import samples
from testkit.fakes import headers_in
from testkit.samples import NOW
from tests.families.fast_refund.world import BOUNDS, SHIPPED, SITE, World, topics


def _again(value: bytes | None) -> bytes:
    decision = decode_decision(value or b"")
    return encode_decision(judge_again(decision, SHIPPED))


@pytest.mark.parametrize(
    ("key", "headers"),
    [(b"k" * 65_536, ()), (b"r-1", [("traceparent", b"z" * 65_536)])],
)
def test_keys_and_headers_count_with_the_value(
    key: bytes, headers: Sequence[tuple[str, bytes]]
) -> None:
    world = World()
    record = world.record(samples.request(), key, headers)
    judged = world.slice([record, world.record(samples.request())])
    assert topics(judged) == ["dead_letters", "approvals"]
    assert judged.outputs[0].record[:2] == (key, record.value)  # whole: there is room


def test_a_letter_larger_than_its_topic_takes_is_cut_and_names_the_original() -> None:
    world = World()
    value = samples.request(reason="x" * 2_000_000)
    (output,) = world.slice([world.record(value)]).outputs
    assert sum(len(part or b"") for part in output.record) < 10_000
    assert value.startswith(output.value or b"-")
    added = dict(headers_in(output.record[2]))
    assert added["refund_dlq_cut"] == b"value"
    assert added["refund_dlq_size"] == str(len(value) + len(b"r-1")).encode()
    assert added["refund_dlq_sha256"] == sha256(b"r-1" + value).hexdigest().encode()
    assert (added["refund_dlq_topic"], added["refund_dlq_offset"]) == (
        b"refund.requests",
        b"0",
    )


def test_a_record_that_no_client_can_take_apart_leaves_what_is_left_of_it() -> None:
    world = World()
    odd = undecodable(
        (b"r-1", samples.request(), [(b"\xff", b"1")]), (0, NOW), "a name", BOUNDS
    )
    world.record(b"")  # has the same offset
    judged = world.slice([odd, world.record(samples.request())])
    assert topics(judged) == ["dead_letters", "approvals"]
    assert judged.dead == {"undecodable": 1}
    assert judged.outputs[0].record[:2] == (b"r-1", samples.request())
    world.answered = Answers()
    world.answered.add(0, mark_of_letter(*judged.outputs[0].record[:2]))
    assert world.slice([odd]).answered == 1  # after a crash its letter is known


# -- decisions that would not fit --------------------------------------------------------


def small(room: int) -> World:
    """A world whose topics of decisions take so many bytes."""
    world = World()
    site = msgspec.structs.replace(SITE, decision_max_bytes=room)
    world.judge = Judge(site, world.shared, world.breaker)
    return world


def size_of(output: Output) -> int:
    return sum(len(part or b"") for part in output.record)


def test_a_decision_too_large_for_its_topic_is_cut_and_a_persons() -> None:
    room = 20_000
    world = small(room)
    world.add_order("o-1", order_version=2, lines=[samples.LINE] * 1_000)
    judged = world.slice([world.record(samples.request())])
    (output,) = judged.outputs
    assert size_of(output) <= room
    found = json.loads(output.value or b"")
    assert found["reason_codes"] == ["ORDER_DETAIL_UNKNOWN"]
    assert "paths" in found["seen"]["cut"]
    assert judged.approved == 0
    assert _again(output.value) == output.value
    # delivered again it gets the same bytes
    assert (
        world.slice([world.record(samples.request())]).outputs[0].value == output.value
    )


def test_an_approval_that_just_fits_is_written_and_cut_one_byte_earlier() -> None:
    whole = World().slice([World().record(samples.request())]).outputs[0]
    for room, outcome in ((size_of(whole), "A"), (size_of(whole) - 1, None)):
        world = small(room)
        judged = world.slice([world.record(samples.request())])
        if outcome is None:  # nothing is long enough to be left out
            assert topics(judged) == ["dead_letters"]
            assert judged.dead == {"too_large": 1}
        else:
            assert judged.outputs[0].value == whole.value


def test_a_plain_approval_with_a_long_path_is_cut_like_any_other() -> None:
    world = small(4_000)
    line = samples.LINE | {"category_path": ["clothing", "s" * 4_000]}
    world.add_order("o-1", order_version=2, lines=[line])
    judged = world.slice([world.record(samples.request())])
    assert topics(judged) == ["reviews"]
    found = json.loads(judged.outputs[0].value or b"")
    assert found["reason_codes"] == ["ORDER_DETAIL_UNKNOWN"]
    assert found["seen"]["cut"] == ["paths"]


def test_a_repeat_whose_key_would_not_fit_has_the_same_bytes_without_a_key() -> None:
    whole = World().slice([World().record(samples.request())]).outputs[0]
    world = small(size_of(whole) + 10)
    (first,) = world.slice([world.record(samples.request())]).outputs
    (again,) = world.slice([world.record(samples.request(), b"k" * 100)]).outputs
    assert again.record[:2] == (None, first.value)


@pytest.mark.parametrize("name", ["order_id", "buyer_id", "shop_id"])
@pytest.mark.parametrize("over", [0, 1])
def test_an_id_as_long_as_allowed_is_read_and_a_longer_one_a_fault(
    name: str, over: int
) -> None:
    found = World().one(**{name: "x" * (1_024 + over)})
    assert found["outcome"] == "manual_review"
    assert ("REQUEST_INVALID" in found["reason_codes"]) == bool(over)
    assert found[name] == (None if over else "x" * 1_024) or name != "order_id"


@pytest.mark.parametrize(("over", "topic"), [(0, "approvals"), (1, "dead_letters")])
def test_a_refund_id_longer_than_allowed_names_nobody(over: int, topic: str) -> None:
    world = World()
    judged = world.slice(
        [world.record(samples.request(refund_id="r" * (1_024 + over)))]
    )
    assert topics(judged) == [topic]
    assert judged.dead == ({"no_id": 1} if over else {})
