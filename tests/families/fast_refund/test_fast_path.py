"""The fast path in a slice: the same outputs, and the rules have the last word."""

import json
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.families.fast_refund import fast_path
from streams.families.fast_refund.decision_codec import recover
from streams.families.fast_refund.decision_history import Entry, RefundHistory
from streams.families.fast_refund.fast_record import Approval
from streams.families.fast_refund.fast_rules import FastRules, fast_rules_at
from streams.processing.applied import NOTHING
from streams.processing.slice_result import SliceResult
from testkit import samples
from tests.families.fast_refund.world import SITE, World, policy, topics

REFUNDS = tuple(f"r-{number}" for number in range(4))
ORDERS = ("o-1", "o-2", "o-3")

REQUESTS = st.builds(
    lambda refund, order, version, **changes: samples.request(
        refund_id=refund, order_id=order, refund_version=version, **changes
    ),
    st.sampled_from(REFUNDS),
    st.sampled_from((*ORDERS, "o-unknown")),
    st.sampled_from((1, 1, 1, 2)),
    action=st.sampled_from(("open", "open", "open", "edit", "withdraw")),
    refund_fen=st.sampled_from((19_900, 19_900, 1, 19_901, "1")),
)


def world(*, plain: bool, **options: object) -> World:
    """A world of three orders; without the fast path when that is asked for."""
    made = World(policy(**options)) if options else World()
    for order_id in ORDERS[1:]:
        made.add_order(order_id)
    made.judge.fast_path.doubtful = not plain  # what a wrong answer would do
    return made


def judged(made: World, slices: Sequence[Sequence[bytes]]) -> list[SliceResult]:
    return [made.slice([made.record(value) for value in one]) for one in slices]


@given(
    st.lists(st.lists(REQUESTS, min_size=1, max_size=6), min_size=1, max_size=4),
    st.sampled_from(
        (
            {},
            {"one_auto_approval_per_order": True},
            {"breaker_shop_max_count": 1, "breaker_window_ms": 1_000},
            {"effective_from_ms": samples.T + 1},
        )
    ),
)
def test_with_and_without_the_fast_path_the_outputs_are_the_same(
    slices: list[list[bytes]], options: dict[str, object]
) -> None:
    one, other = world(plain=True, **options), world(plain=False, **options)
    assert judged(one, slices) == judged(other, slices)
    for refund in REFUNDS:
        for order in ORDERS:
            assert one.tables.ledger.of_group(order, refund) == (
                other.tables.ledger.of_group(order, refund)
            )


def test_what_is_remembered_of_a_plain_approval_tells_all_that_an_entry_does() -> None:
    made = world(plain=True)
    made.decide(samples.request())
    kept = made.tables.ledger.approval("r-1")
    assert isinstance(kept, Approval)
    recovered = recover(kept.value)
    assert recovered is not None
    for name in Entry.__struct_fields__:
        assert getattr(kept, name) == getattr(recovered.entry, name), name


def paused(made: World, *, on: bool = True, **more: object) -> None:
    said = {"family": "FR", "paused": on, "author": "li", "reason": "why"}
    said |= {"published_at_ms": made.now_ms, **more}
    record = json.dumps(said).encode()
    assert made.shared.apply_policy(b"FR:pause", record, made.now_ms) is NOTHING


def test_nothing_is_approved_while_paused_whichever_way_and_again_afterwards() -> None:
    made = world(plain=True)
    paused(made, until_ms=made.now_ms + 1)
    (decision,) = made.decide(samples.request())
    assert decision["reason_codes"] == ["SERVICE_PAUSED"]
    assert decision["seen"]["pause"] == made.now_ms
    made.now_ms += 1  # it is over by itself
    (decision,) = made.decide(samples.request(refund_id="r-2", order_id="o-2"))
    assert decision["outcome"] == "auto_approve"
    assert "pause" not in decision["seen"]
    paused(made)
    (decision,) = made.decide(samples.request(refund_id="r-3", order_id="o-3"))
    assert decision["outcome"] == "manual_review"


def test_a_pause_counts_at_the_decision_and_not_at_the_request() -> None:
    made = world(plain=True)
    paused(made, from_ms=made.now_ms)
    asked_ms = made.now_ms - 60_000
    (decision,) = made.decide(samples.request(requested_at_ms=asked_ms))
    assert decision["reason_codes"] == ["SERVICE_PAUSED"]


def test_a_missing_version_sends_to_a_person_what_it_may_be_in_force_for() -> None:
    made = world(plain=True)
    made.shared.policies_named(
        {("FR@3", "0123"): ("FR:r-9:1", made.now_ms)}, made.now_ms
    )
    (decision,) = made.decide(samples.request())
    assert decision["reason_codes"] == ["POLICY_NOT_LOADED"]
    assert decision["policy"] is None


def test_a_repeated_approval_carries_the_hash_of_the_policy_that_judged_it() -> None:
    made = world(plain=True)
    (first,) = made.decide(samples.request())
    made.shared.policies = type(made.shared.policies)([policy(paid_limit_fen=29_000)])
    (again,) = made.decide(samples.request())
    assert again == first
    (other,) = made.decide(samples.request(refund_id="r-2", order_id="o-2"))
    assert (first["policy"], other["policy"]) == ("FR@1", "FR@2")
    assert first["policy_hash"] != other["policy_hash"]


def test_a_record_without_a_policy_hash_is_answered_again_with_its_own_bytes() -> None:
    made = world(plain=True)
    (output,) = made.slice([made.record(samples.request())]).outputs
    value = output.value or b""
    old = value[: value.index(b',"policy_hash"')] + b"}"
    found = recover(old)
    assert found is not None
    made.tables.ledger = RefundHistory()
    made.tables.ledger.remember(found.entry)
    (again,) = made.slice([made.record(samples.request())]).outputs
    assert again.value == old


def test_an_approval_that_was_remembered_is_followed_by_later_versions() -> None:
    made = world(plain=True)
    made.decide(samples.request())
    made.decide(samples.request(refund_version=2))
    ledger = made.tables.ledger
    kept = [ledger.first("r-1", version, withdraws=False) for version in (1, 2)]
    assert [type(one) for one in kept] == [Approval, Entry]


@pytest.mark.parametrize(
    "veto", [{"order_id": "o-1", "veto": True}, {"order_id": "o-1", "veto": "x"}]
)
def test_the_fast_path_passes_no_veto(veto: dict[str, object]) -> None:
    made = world(plain=True)
    made.tables.apply_outcome(b"o-1", json.dumps(veto).encode(), 0)
    (decision,) = made.decide(samples.request())
    assert decision["outcome"] == "manual_review"


class Liar:
    """A fast path that is wrong about amounts, perhaps of one refund only."""

    def __init__(self, plain: FastRules, about: str | None = None) -> None:
        self.policy, self.text = plain.policy, plain.text
        self._plain = plain
        self._about = about

    def approve(self, *given: object) -> Approval | None:
        found = self._plain.approve(*given)  # type: ignore[arg-type]
        if found is None or self._about not in {None, found.refund_id}:
            return found
        return msgspec.structs.replace(found, paid_fen=1)


def lie(monkeypatch: pytest.MonkeyPatch, about: str) -> None:
    def wrong(*given: object) -> Liar | None:
        plain = fast_rules_at(*given)  # type: ignore[arg-type]
        return None if plain is None else Liar(plain, about)

    monkeypatch.setattr(fast_path, "fast_rules_at", wrong)


def test_one_wrong_answer_among_a_thousand_a_second_is_not_let_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lie(monkeypatch, "r-577")
    made = World()
    for part in range(10):
        for number in range(part * 100, part * 100 + 100):
            made.add_order(f"o-{number}")
        (found,) = judged(
            made,
            [
                [
                    samples.request(refund_id=f"r-{number}", order_id=f"o-{number}")
                    for number in range(part * 100, part * 100 + 100)
                ]
            ],
        )
        assert found.doubted == (part == 5)
        made.now_ms += 100
    for output in made.outputs:
        assert json.loads(output.value or b"")["seen"]["paid_fen"] == 19_900


def test_above_a_thousand_a_second_as_many_are_compared_as_time_has_passed_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compared: list[object] = []
    same = fast_path.FastPath._same  # noqa: SLF001 - counted, not replaced

    def counted(self: fast_path.FastPath, *given: object) -> bool:
        compared.append(given)
        return same(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(fast_path.FastPath, "_same", counted)
    monkeypatch.setattr(fast_path, "_COMPARED_AT_ONCE", 2)
    made = World()
    found = []
    for step, wait_ms in enumerate((0, 0, 1, 5_000, -10_000, 1)):
        made.now_ms += wait_ms
        values = []
        for number in range(5):
            name = f"{step}-{number}"
            made.add_order(f"o-{name}")
            values.append(samples.request(refund_id=name, order_id=f"o-{name}"))
        compared.clear()
        judged(made, [values])
        found.append(len(compared))
    assert found == [2, 0, 1, 2, 0, 1]


def test_where_the_fast_path_is_wrong_the_rules_decide_and_it_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(*given: object) -> Liar | None:
        plain = fast_rules_at(*given)  # type: ignore[arg-type]
        return None if plain is None else Liar(plain)

    monkeypatch.setattr(fast_path, "fast_rules_at", wrong)
    made = world(plain=True)
    values = [
        samples.request(refund_id=refund, order_id=order)
        for refund, order in zip(REFUNDS, ORDERS, strict=False)
    ]
    first, later = judged(made, [values[:2], values[2:]])
    assert topics(first) + topics(later) == ["approvals"] * 3
    assert (first.doubted, later.doubted) == (1, 0)
    (news,) = made.judge.fast_path.news
    assert news.level == "error"
    assert "decide FR:r-0:1 differently" in news.text
    assert made.judge.fast_path.distrusts() == SITE.app_version
    for output in made.outputs:
        assert json.loads(output.value or b"")["refund_fen"] == 19_900
