import io
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from streams.cli import execute
from streams.errors import UsageError
from streams.families.fast_refund.policy_type import POLICY
from streams.settings import load_policy
from streams.tools.capture.record import Captured
from streams.tools.capture.store import Capture
from streams.tools.replay.verifying import first_difference, verify
from tests.families.fast_refund.world import World
from tests.tools.capture.test_store import stored

SHIPPED = load_policy(None)


def decisions(*changes: dict[str, object]) -> list[Captured]:
    world = World(SHIPPED)
    for number, change in enumerate(changes):
        world.add_order(f"o-{number}")
        world.one(refund_id=f"r-{number}", order_id=f"o-{number}", **change)
    return [
        Captured(f"refund.{one.topic}", world.number, n, 1, 0, b"k", one.value)
        for n, one in enumerate(world.outputs)
    ]


def captured(
    folder: Path, found: list[Captured], alter: Callable[[bytes], bytes] = bytes
) -> Capture:
    last = found[-1]
    changed = msgspec.structs.replace(last, value=alter(last.value or b""))
    return stored(folder, [*found[:-1], changed])


def test_decisions_come_out_the_same(tmp_path: Path) -> None:
    found = decisions({}, {"refund_fen": 20_000}, {"refund_kind": "exchange"})
    assert {one.topic for one in found} >= {"refund.approvals", "refund.reviews"}
    result = verify(captured(tmp_path, found), SHIPPED, io.StringIO())
    assert result.passed
    assert result.same == 3


def test_the_first_byte_that_differs_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (found,) = decisions({})
    value = found.value or b""
    at = value.index(b'"auto_approve"') + 1
    capture = captured(
        tmp_path,
        [found],
        lambda one: one.replace(b'"auto_approve"', b'"manual_review"'),
    )
    difference = verify(capture, SHIPPED, io.StringIO()).difference
    assert difference is not None
    assert difference.byte == at
    assert difference.recorded.startswith("manual_review")
    assert difference.computed.startswith("auto_approve")
    assert execute(["replay", str(tmp_path), "--verify"], {}) == 1
    out = capfd.readouterr().out
    assert f"FAILED: {difference.place}, FR:r-0:1: byte {at}" in out


def test_a_fact_that_was_tampered_with_changes_the_decision(tmp_path: Path) -> None:
    (found,) = decisions({})
    capture = captured(
        tmp_path,
        [found],
        lambda one: one.replace(b'"paid_fen":19900', b'"paid_fen":39900'),
    )
    assert verify(capture, SHIPPED, io.StringIO()).difference is not None


def test_what_is_no_decision_is_a_difference(tmp_path: Path) -> None:
    (found,) = decisions({})
    difference = verify(
        captured(tmp_path, [found], lambda _: b"{"), SHIPPED, io.StringIO()
    ).difference
    assert difference is not None
    assert difference.place == f"refund.approvals partition {found.partition} offset 0"


def test_a_policy_that_is_nowhere_is_asked_for(tmp_path: Path) -> None:
    (found,) = decisions({})
    capture = captured(tmp_path, [found], lambda one: one.replace(b"FR@1", b"FR@7"))
    with pytest.raises(UsageError, match="decided under FR@7"):
        verify(capture, SHIPPED, io.StringIO())


def test_a_policy_record_of_the_capture_is_used(tmp_path: Path) -> None:
    (found,) = decisions({})
    fields = msgspec.structs.asdict(SHIPPED) | {"version": 7}
    policy = Captured("refund.policies", 0, 0, 1, 0, b"FR", msgspec.json.encode(fields))
    value = (found.value or b"").replace(b"FR@1", b"FR@7")
    value = value.replace(
        SHIPPED.policy_hash.encode(), POLICY.parse(fields).policy_hash.encode()
    )
    altered = msgspec.structs.replace(found, value=value)
    assert verify(stored(tmp_path, [policy, altered]), SHIPPED, io.StringIO()).passed


def test_a_record_without_a_policy_hash_is_verified_by_the_name_alone(
    tmp_path: Path,
) -> None:
    hashed = f',"policy_hash":"{SHIPPED.policy_hash}"'.encode()
    found = [
        msgspec.structs.replace(one, value=(one.value or b"").replace(hashed, b""))
        for one in decisions({}, {"refund_fen": 20_000})
    ]
    assert all(b"policy_hash" not in (one.value or b"") for one in found)
    result = verify(stored(tmp_path, found), SHIPPED, io.StringIO())
    assert (result.passed, result.same) == (True, 2)


def test_a_policy_of_the_same_name_and_other_content_is_not_taken_for_the_one_that_judged(
    tmp_path: Path,
) -> None:
    (found,) = decisions({})
    other = POLICY.override(SHIPPED, {"version": 1, "paid_limit_fen": 20_000})
    capture = captured(tmp_path, [found])
    with pytest.raises(UsageError, match=rf"FR@1 \(hash {SHIPPED.policy_hash}\)"):
        verify(capture, other, io.StringIO())


def test_a_capture_without_decisions_is_refused(tmp_path: Path) -> None:
    capture = stored(tmp_path, [Captured("refund.orders", 0, 0, 1, 0, b"k", b"{}")])
    with pytest.raises(UsageError, match="holds no decisions"):
        verify(capture, SHIPPED, io.StringIO())
    assert execute(["replay", str(tmp_path), "--verify"], {}) == 2


@pytest.mark.parametrize(
    ("one", "other", "at"),
    [(b"ab", b"ab", None), (b"ab", b"ac", 1), (b"ab", b"abc", 2), (b"", b"a", 0)],
)
def test_the_first_difference_may_be_the_end(
    one: bytes, other: bytes, at: int | None
) -> None:
    assert first_difference(one, other) == at
