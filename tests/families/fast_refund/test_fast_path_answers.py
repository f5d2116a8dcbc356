"""Every rule stops the fast path: asked, excluded by an empty field, or off by policy."""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
import pytest

from streams.families.fast_refund import fast_rules, rules
from streams.families.fast_refund.decide import asked
from streams.families.fast_refund.decision_codec import decode_decision
from streams.families.fast_refund.fast_path import FastPath
from streams.families.fast_refund.fast_rules import usable
from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.rules import RULES
from streams.families.fast_refund.rules.case import Case, Codes, case_of
from streams.families.fast_refund.rules.rule import (
    ASKED,
    EMPTY,
    FULL_PATH,
    Rule,
)
from streams.processing.partitioner import partition_of
from testkit import samples
from testkit.samples import NOW, NUMBER, PARTITIONS, T
from tests.families.fast_refund.world import SHIPPED, World, policy
from tests.mutants import without_a_condition

BUYERS: Final = [f"b-{number}" for number in range(50)]
ELSEWHERE: Final = next(
    name for name in BUYERS if partition_of(name, PARTITIONS) != NUMBER
)
NEIGHBOUR: Final = next(
    name for name in BUYERS if partition_of(name, PARTITIONS) == NUMBER
)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What differs from the base case, so that a rule objects."""

    request: Mapping[str, object] = {}
    order: Mapping[str, object] = {}
    buyer: Mapping[str, object] = {}
    shop: Mapping[str, object] = {}
    options: Mapping[str, object] = {}
    before: Callable[[World], object] | None = None
    beside: Mapping[str, object] | None = None
    """A request that is read together with it."""


def line(**changes: object) -> list[dict[str, Any]]:
    return [{**samples.LINE, **changes}]


def approve(**changes: object) -> Callable[[World], object]:
    """Let another refund be approved before."""

    def ask(made: World) -> None:
        made.add_order("o-9")
        assert made.one(**changes)["outcome"] == "auto_approve"

    return ask


def pause(made: World) -> object:
    said = {"family": "FR", "paused": True, "author": "li", "reason": "why"}
    value = json.dumps({**said, "published_at_ms": NOW}).encode()
    return made.shared.apply_policy(b"FR:pause", value, NOW)


def list_article(sku: str) -> Callable[[World], object]:
    entry = samples.category(id=f"sku:{sku}", kind="excluded")
    return lambda made: made.shared.apply_catalog(0, None, entry)


def later(by_ms: int) -> Callable[[World], None]:
    """Let time pass in which only orders and buyers are told anew."""

    def wait(made: World) -> None:
        made.now_ms += by_ms
        made.tables.apply_order(None, samples.order(as_of_ms=made.now_ms))
        made.tables.apply_buyer(None, samples.buyer(as_of_ms=made.now_ms))

    return wait


OBJECTS: Final[Mapping[str, Told]] = {
    "request_shape": Told(request={"refund_version": None}),
    "event_time": Told(
        request={"requested_at_ms": NOW + SHIPPED.future_skew_ms + 1},
    ),
    "route": Told(request={"buyer_id": ELSEWHERE}),
    "refund_kind": Told(request={"refund_kind": "exchange"}),
    "version": Told(request={"action": "withdraw"}),
    "edited_after_approval": Told(
        request={"refund_version": 2, "action": "edit"},
        before=approve(),
    ),
    "service_running": Told(options={"service_paused": True}),
    "service_not_paused": Told(before=pause),
    "breaker": Told(
        options={"breaker_global_max_count": 1, "breaker_window_ms": 60_000},
        before=approve(refund_id="r-9", order_id="o-9"),
    ),
    "look_ups": Told(request={"unavailable": ["weather"]}),
    "order_status": Told(order={"order_status": "shipped"}),
    "ship_signals": Told(
        order={"waybill_printed_at_ms": T}, options={"waybill_soft_veto": True}
    ),
    "category": Told(order={"lines": line(category_path=["virtual"])}),
    "category_tree": Told(before=later(2 * SHIPPED.category_max_age_ms)),
    "sku": Told(before=list_article("k-1")),
    "sku_known": Told(order={"lines": line(sku_id=None)}, before=list_article("k-2")),
    "paid_amount": Told(order={"paid_fen": 30_000}),
    "paid_amount_kept": Told(order={"total_changed_at_ms": T + 1}),
    "currency": Told(order={"currency": "USD"}),
    "refund_amount": Told(request={"refund_fen": 19_901}),
    "buyer": Told(order={"buyer_id": NEIGHBOUR}),
    "buyer_limits": Told(
        buyer={"limits": [{"kind": "limited", "from_ms": 1, "until_ms": NOW + 1}]}
    ),
    "buyer_quality": Told(buyer={"quality": [{"from_ms": 1, "value": "ordinary"}]}),
    "order_veto": Told(
        before=lambda made: made.tables.apply_outcome(b"o-1", samples.veto(), 0)
    ),
    "shop": Told(order={"shop_id": "s-other"}),
    "shop_eligible": Told(shop={"enabled": False}),
    "lists": Told(before=later(SHIPPED.lists_max_age_ms + 1)),
    "other_refunds": Told(before=approve(refund_id="r-9")),
    "pay_later": Told(order={"pay_type": 88}),
    "presale": Told(order={"presale_stage": "deposit_paid"}),
    "delivery_block": Told(order={"delivery_block": 1}),
    "risk_code": Told(order={"risk_code": 1}),
    "order_detail": Told(request={"order_id": "o-unknown"}),
    "buyer_count": Told(
        request={"requested_at_ms": NOW},
        options={"buyer_count_max": 1, "buyer_count_window_ms": 60_000},
        before=approve(refund_id="r-9", order_id="o-9"),
    ),
    "buyer_amount": Told(
        options={"buyer_amount_quota_fen": 1, "buyer_amount_window_ms": 60_000},
    ),
    "one_auto_approval": Told(
        options={"one_auto_approval_per_order": True},
        before=approve(refund_id="r-9"),
    ),
    "payment_age": Told(options={"payment_age_max_ms": 1}),
}
"""Rule -> a case in which it objects."""

NO_POLICY: Final = {"policy_in_force"}
"""It runs without a policy only, and then there is no fast path at all."""


SAFE: Final = {
    *("order_id is None", "at_ms is None", "buyer is None", "policy is None")
}
"""Asked for the type checker: no table holds None, and ``FastRules`` asks for it as well."""
ELSEWHERE_TESTED: Final = {
    *("self.doubtful", "known.policy is not policy"),
    "if len(value) > self._surely_fits and (not self._site.fits(made))",
    "if self._to_compare > 0 and (not self._same(request, written, work))",
}
"""What is too large for its topic: test_sizes.py. The comparison, what it finds, and
another policy: test_plain_slices.py."""


def judged(told: Told, *, short: bool = True) -> bytes:
    """Judge the case as a worker does, or as one that has no fast path."""
    made = World(policy(**told.options))
    made.judge.fast_path.doubtful = not short
    if told.before is not None:
        told.before(made)
    for apply, base, changes in (
        (made.tables.apply_order, samples.order, told.order),
        (made.tables.apply_buyer, samples.buyer, told.buyer),
    ):
        if changes:
            apply(None, base(as_of_ms=NOW, **changes))
    if told.shop:
        made.shared.apply_shop(0, None, samples.shop(**told.shop))
    values = [samples.request(**told.request)]
    if told.beside is not None:
        values.append(samples.request(**told.beside))
    found = made.slice([made.record(value) for value in values])
    assert found.doubted == 0
    return found.outputs[0].value or b""


def objects(rule: Rule, value: bytes, by: Policy) -> bool:
    """Whether a rule speaks against what its record says was seen."""
    decision = decode_decision(value)
    assert decision.seen is not None
    request = asked(decision, decision.seen)
    case = case_of(request, decision.seen, by, decision.decided_at_ms)
    return bool(rule.check(case, by))


def test_every_rule_says_how_the_fast_path_answers_it() -> None:
    assert OBJECTS.keys() | NO_POLICY == {rule.name for rule in RULES}
    for rule in RULES:
        assert rule.fast in (ASKED, EMPTY, FULL_PATH), rule.name
        assert rule.fast != EMPTY or rule.needs is not None, rule.name
        assert rule.fast != FULL_PATH or rule.on is not None, rule.name
        assert rule.fast != ASKED or rule.on is None, rule.name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.check.__name__)
def test_the_fast_path_passes_nothing_that_a_rule_objects_to(rule: Rule) -> None:
    name = rule.check.__name__
    if name in NO_POLICY:
        made = World(policy(effective_from_ms=T + 1))
        assert made.one()["reason_codes"] == ["POLICY_NOT_LOADED"]
        return
    told = OBJECTS[name]
    by = policy(**told.options)
    value = judged(told)
    assert objects(rule, value, by)
    assert b'"outcome":"auto_approve"' not in value
    if rule.fast == EMPTY:
        assert rule.needs is not None
        assert getattr(decode_decision(value).seen, rule.needs)
    if rule.fast == FULL_PATH:
        assert not usable(by)


def test_under_a_rule_that_is_left_to_the_full_path_nothing_is_plain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def of_late(_case: Case, _policy: Policy) -> Codes:
        return ()

    assert usable(SHIPPED)
    known = next(rule for rule in RULES if rule.name == "service_not_paused")
    later = msgspec.structs.replace(known, check=of_late, fast=FULL_PATH)
    for needs in (None, "pause"):
        rule = msgspec.structs.replace(later, needs=needs)
        monkeypatch.setattr(rules, "RULES", (*RULES, rule))
        assert not rules.answered_fast(SHIPPED)


def test_every_rule_that_is_asked_is_named_at_the_branch_that_asks_it() -> None:
    """A reader of the fast path finds the rule, and a reader of the row the branch."""
    comments = {
        word
        for line in inspect.getsource(fast_rules).splitlines()
        if line.lstrip().startswith("# ")
        for word in re.findall(r"\w+", line)
    }
    assert {rule.name for rule in RULES if rule.fast == ASKED} <= comments


def test_a_rule_that_does_not_say_how_the_fast_path_answers_it_is_no_rule() -> None:
    known = msgspec.structs.asdict(RULES[0])
    del known["fast"]
    with pytest.raises(TypeError, match="fast"):
        Rule(**known)


def test_no_condition_of_the_agent_can_go_without_a_rule_noticing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = (
        *OBJECTS.values(),
        Told(options={"effective_from_ms": T + 1}),
        Told(beside={"refund_version": 2}),
    )
    expected = [judged(told, short=False) for told in given]

    def noticed() -> bool:
        for told, value in zip(given, expected, strict=True):
            try:
                if judged(told) != value:
                    return True
            except (AssertionError, TypeError, AttributeError):
                return True
        return False

    assert not noticed()
    kept = set()
    for function in (FastPath.ready, FastPath.answer):
        for condition, without in without_a_condition(function):
            with monkeypatch.context() as patched:
                patched.setattr(FastPath, function.__name__, without)
                if not noticed():
                    kept.add(condition)
    assert {condition.split(" of ")[0] for condition in kept} == SAFE | ELSEWHERE_TESTED
