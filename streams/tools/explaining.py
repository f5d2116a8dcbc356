"""``refund explain``: an explanation as text or JSON."""

from collections.abc import Iterator
from typing import Literal, TextIO

import msgspec

from streams.decision.explain import Condition, Explanation, explain
from streams.decision.model import Decision
from streams.decision.policy import Policies, Policy, full_name
from streams.errors import UsageError
from streams.records.decisions import decode_decision

Language = Literal["zh", "en"]

_LABELS = {
    "en": ("reasons", "conditions", "buyer", "merchant", "notice"),
    "zh": ("原因", "条件", "买家", "商家", "提示"),
}
_STATES_ZH = {
    "holds": "满足",
    "fails": "不满足",
    "unknown": "未知",
    "stale": "过期",
    "not_evaluated": "未判断",
}


def read_decision(text: bytes) -> Decision:
    """Read a decision record.

    Raises
    ------
    UsageError
        It is none.
    """
    try:
        return decode_decision(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise UsageError([f"no decision record: {problem}"]) from None


def policy_of(decision: Decision, policies: Policies) -> tuple[Policy | None, str]:
    """Return the policy a decision names, and a warning when it is not at hand."""
    if decision.policy is None:
        return None, ""
    found = policies.named(decision.policy, decision.policy_hash)
    if found is not None:
        return found, ""
    hashed = decision.policy_hash is not msgspec.UNSET
    known = (
        ", ".join(
            full_name(policy.name, policy.policy_hash) if hashed else policy.name
            for policy in policies
        )
        or "none"
    )
    made_under = full_name(decision.policy, decision.policy_hash)
    return None, (
        f"made under {made_under}, which is not at hand (known: {known}): bounds "
        "are left out; name its file with --policy"
    )


def show(
    decision: Decision, policy: Policy | None, language: Language, out: TextIO
) -> None:
    """Print an explanation for people."""
    for line in _lines(explain(decision, policy), language):
        print(line, file=out)


def as_json(decision: Decision, policy: Policy | None) -> str:
    """Return an explanation as one line of JSON, both languages."""
    return msgspec.json.encode(explain(decision, policy)).decode()


def _lines(found: Explanation, language: Language) -> Iterator[str]:
    zh = language == "zh"
    reasons, conditions, buyer, merchant, notice = _LABELS[language]
    verdict = found.outcome or found.disposition
    yield f"{found.decision_id}  {verdict}  {found.policy or '-'}"
    yield f"{reasons}:"
    for line in found.reviewer_zh if zh else found.reviewer_en:
        yield f"  {line}"
    yield f"{conditions}:"
    for condition in found.conditions:
        yield f"  {_condition(condition, zh=zh)}"
    yield f"{buyer}: {found.buyer_zh if zh else found.buyer_en}"
    for line in found.merchant_zh if zh else found.merchant_en:
        yield f"{merchant}: {line}"
    text = found.notice_zh if zh else found.notice_en
    if text:
        yield f"{notice}: {text}"


def _condition(one: Condition, *, zh: bool) -> str:
    state = _STATES_ZH[one.state] if zh else one.state
    parts = [f"{state:<13} {one.clause:<10} {one.fact} = {_json(one.value)}"]
    if one.bound is not None:
        parts.append(f"{'界限' if zh else 'bound'} {_json(one.bound)}")
    if one.age_ms is not None:
        limit = "" if one.max_age_ms is None else f" <= {one.max_age_ms}"
        parts.append(f"{'时效' if zh else 'age'} {one.age_ms}{limit} ms")
    return ", ".join(parts) + f": {one.zh if zh else one.en}"


def _json(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
