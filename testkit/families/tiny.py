"""A whole rule family in one module: shops that pay large sums out, and a reminder.

Its own input, partitioned by shop; one rule, one timer, one policy key. It touches nothing
in ``streams/``; ``worker.families`` names its module beside ``fast_refund``.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from typing_extensions import override

from streams.processing.keyed_process import KeyedProcess
from streams.processing.keyed_records import Case
from streams.processing.keyed_state import KeyedPartition
from streams.processing.policies import AnyPolicy, Policies, PolicyType, Whole
from streams.processing.reasons import Reason, ReasonCatalog, Reasons
from streams.processing.record_explainer import AnyDecision, RecordExplainer
from streams.processing.rules import Bound, Fact, Rule
from streams.processing.site import Site
from streams.processing.timers import Timer
from streams.processing.topics import (
    DEAD_LETTERS,
    KEPT_14_DAYS,
    KEPT_180_DAYS,
    POLICIES,
    FamilyTopics,
    Topic,
)
from streams.records.json_values import Unreadable, unreadable

CODE: Final = "TF"
REMIND_AFTER_MS: Final = 1_000


# -- what it reads and writes ------------------------------------------------------------


def _topic(
    name: str, kind: Literal["input", "output"], records: str, written_by: str
) -> Topic:
    return Topic(
        name=name,
        kind=kind,
        family=CODE,
        key="payment_id",
        partition_key="shop_id",
        retention=KEPT_14_DAYS if kind == "input" else KEPT_180_DAYS,
        records=(records,),
        written_by=(written_by,),
        read_by=("decide", "watch"),
    )


TOPICS: Final = FamilyTopics(
    input=_topic("payments", "input", "payment", "edge"),
    shared_facts=(POLICIES,),
    outputs=(
        _topic("payment-decisions", "output", "decision", "decide"),
        _topic("payment-reminders", "output", "reminder", "watch"),
        DEAD_LETTERS,
    ),
)


class Payment(msgspec.Struct, frozen=True):
    """A record of the input."""

    payment_id: str
    shop_id: str
    amount_fen: int
    at_ms: int


class Reminder(msgspec.Struct, frozen=True):
    """What is written when nobody has looked at a large payment for a while."""

    notice_id: str
    payment_id: str
    due_ms: int


# -- its policy, its reasons, its rule ---------------------------------------------------


class TinyPolicy(AnyPolicy, frozen=True):
    """One key."""

    family: Literal["TF"]
    limit_fen: Whole = 10_000


SMALL: Final = Reason(
    *("PAYMENT_SMALL", 1, "TF-1", "金额不高", "the payment is small"),
    reviewer=("无需处理。", "Nothing to do."),
    outcome="pay",
)
LARGE: Final = Reason(
    *("PAYMENT_LARGE", 10, "TF-1", "金额过高", "the payment is large"),
    reviewer=("核对付款。", "Look at the payment."),
)
NO_POLICY: Final = Reason(
    *("TINY_POLICY_NOT_LOADED", 11, "ours", "规则未加载", "no policy is in force"),
    reviewer=("核对付款。", "Look at the payment."),
)
REASONS: Final = ReasonCatalog((SMALL, LARGE, NO_POLICY))


def within_limit(payment: Payment, policy: TinyPolicy) -> Reasons:
    """TF-1: the amount is at most ``limit_fen``, inclusive."""
    return () if payment.amount_fen <= policy.limit_fen else (LARGE,)


RULES: Final[tuple[Rule[Payment, TinyPolicy], ...]] = (
    Rule(
        check=within_limit,
        clause="TF-1",
        title=("金额不高", "the payment is small"),
        fact=Fact("amount_fen"),
        codes=(LARGE,),
        bound=Bound("最多{}", "at most {}", ("limit_fen",)),
    ),
)


# -- the family --------------------------------------------------------------------------

_PAYMENT: Final = msgspec.json.Decoder(Payment)


class TinyProcess(KeyedProcess[Payment, TinyPolicy]):
    """Decides each payment once; reminds of a large one a second later."""

    rules = RULES
    passed = SMALL.code
    no_policy = NO_POLICY.code

    @override
    def read_case(self, value: bytes | None) -> Case[Payment] | Unreadable:
        if value is None:
            return unreadable("null_value", "a payment without a value")
        try:
            payment = _PAYMENT.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            return unreadable("not_json", problem)
        if not payment.payment_id:
            return unreadable("no_id", "payment_id is empty")
        return Case(payment.payment_id, payment.at_ms, payment)

    @override
    def keep(self, state: KeyedPartition[Any], decision: AnyDecision) -> None:
        seen = decision.seen or {}
        at_ms = int(str(seen["at_ms"]))
        state.passed(at_ms)
        if decision.outcome == "manual_review":
            payment_id = str(seen["payment_id"])
            state.timers.put("remind", payment_id, at_ms + REMIND_AFTER_MS)

    @override
    def timer_value(self, timer: Timer, state: KeyedPartition[Any]) -> bytes:
        reminder = Reminder(timer.identity, timer.key, timer.due_ms)
        return msgspec.json.encode(reminder)


class Tiny:
    """The declaration (:class:`streams.processing.family.Family`)."""

    code: str = CODE
    topics: FamilyTopics = TOPICS
    policy: PolicyType[Any] = PolicyType(TinyPolicy)
    reasons: ReasonCatalog = REASONS
    explainer = RecordExplainer(REASONS, RULES, {"pay": ("付款", "paid")})
    kinds: Sequence[str] = ("remind",)

    def process(self, site: Site, policies: Policies[Any]) -> TinyProcess:
        """Return the family in one process."""
        return TinyProcess(self, site, policies)


FAMILY: Final = Tiny()
