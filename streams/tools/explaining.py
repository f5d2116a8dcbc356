"""``refund explain``: an explanation as text or JSON."""

from collections.abc import Iterator
from typing import Final, TextIO

import msgspec

from streams.errors import UsageError
from streams.families.fast_refund.decision_codec import decode_decision
from streams.families.fast_refund.explain import Condition, Explanation, Told, explain
from streams.families.fast_refund.explain.words import (
    Language,
    duration,
    moment,
    money,
    value_words,
)
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policies, Policy
from streams.processing.policies.policy import full_name
from streams.tools.columns import wrapped
from streams.tools.show import json_line
from streams.visible import visible

_EN: Final = {
    "auto_approve": "approved automatically",
    "manual_review": "goes to a person",
    "out_of_scope": "outside this service",
    "superseded": "superseded or withdrawn",
    "fails": "fails",
    "unknown": "unknown",
    "stale": "too old",
    "not_evaluated": "not judged",
    "holds": "holds",
}
_ZH: Final = {
    "auto_approve": "自动通过",
    "manual_review": "转人工审核",
    "out_of_scope": "不适用本服务",
    "superseded": "已被取代或撤回",
    "fails": "不满足",
    "unknown": "未知",
    "stale": "过期",
    "not_evaluated": "未判断",
    "holds": "满足",
    "refund": "退款",
    "order": "订单",
    "asked": "申请金额",
    "policy": "规则",
    "none in force": "未生效",
    "judged": "判断时间",
    "reasons": "原因",
    "too long to quote": "过长未录",
    "reviewer": "审核",
    "operator": "运维",
    "conditions": "条件",
    "told": "告知",
    "buyer": "买家",
    "merchant": "商家",
    "notice": "提示",
    "age": "时效",
    "at most": "最多",
    "ahead by": "晚于判断时间",
    "ours": "自定",
    "unknown outcome": "未知结果",
}


_NOT_KNOWN: Final = ("unknown", "stale")
"""States in which it matters that a fact has no value."""


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
        f"made under {made_under}, which is not at hand (known: {known}): told as "
        "recorded, without bounds; name its file with --policy"
    )


def show(
    decision: Decision, policy: Policy | None, language: Language, out: TextIO
) -> None:
    """Print an explanation for people, within 60 columns."""
    for line in _Page(explain(decision, policy), decision, language).lines():
        print(line, file=out)


def as_json(decision: Decision, policy: Policy | None) -> str:
    """Return an explanation as one line of JSON, both languages; money in fen."""
    return json_line(explain(decision, policy))


class _Page:
    """One explanation in one language, as lines."""

    def __init__(
        self, found: Explanation, decision: Decision, language: Language
    ) -> None:
        self._found = found
        self._decision = decision
        self._language: Language = language
        self._zh = language == "zh"

    def lines(self) -> Iterator[str]:
        """Yield every line; what cannot be seen is escaped."""
        yield from self._head()
        yield ""
        yield self._word("reasons") + self._colon
        for one in self._found.reasons:
            yield from self._reason(one)
        if self._found.conditions:
            yield ""
            yield self._word("conditions") + self._colon
            for condition in self._found.conditions:
                yield from self._condition(condition)
        yield ""
        yield self._word("told") + self._colon
        yield from self._told()

    def _head(self) -> Iterator[str]:
        found = self._found
        verdict = found.outcome or found.disposition
        yield from _wrapped(found.decision_id, "", "  ")
        yield from _wrapped(f"{self._word(verdict)} ({verdict})")
        yield from self._labelled("refund", found.refund_id)
        if found.order_id is not None:
            yield from self._labelled("order", found.order_id)
        if found.refund_fen is not None:
            yield from self._labelled("asked", money(found.refund_fen, self._language))
        yield from self._labelled("judged", moment(found.decided_at_ms))
        name = self._policy_name()
        yield from self._labelled("policy", name or self._word("none in force"))
        if not found.policy_at_hand:
            yield from _wrapped(self._not_at_hand(name), "  ")
        seen = self._decision.seen
        if seen is not None and seen.cut:
            yield from self._labelled("too long to quote", ", ".join(seen.cut))

    def _policy_name(self) -> str:
        name = self._decision.policy
        return full_name(name, self._decision.policy_hash) if name is not None else ""

    def _not_at_hand(self, name: str) -> str:
        if self._zh:
            return (
                f"规则 {name} 不在手边。以下按记录所判告知，不含限额和时限。用 --policy "
                "FILE 给出该规则的文件；它若在 refund.policies 中，则用 decision_id 查询。"
            )
        return (
            f"The policy {name} is not at hand. What was judged is told as recorded, "
            "without limits and ages allowed. Give its file with --policy FILE; if it is "
            "in refund.policies, ask by the decision's id."
        )

    def _reason(self, one: Told) -> Iterator[str]:
        clause = "" if one.clause is None else f" ({self._clause(one.clause)})"
        yield from _wrapped(f"{one.code}{clause}", "  ")
        yield from _wrapped(one.zh if self._zh else one.en, "    ")
        for who, zh, en in (
            ("reviewer", one.reviewer_zh, one.reviewer_en),
            ("operator", one.operator_zh, one.operator_en),
        ):
            text = zh if self._zh else en
            if text is not None:
                start = f"    {self._word(who)}{self._gap}"
                yield from _wrapped(text, start, "      ")

    def _condition(self, one: Condition) -> Iterator[str]:
        title = one.title_zh if self._zh else one.title_en
        state = self._word(one.state)
        clause = self._clause(one.clause)
        yield from _wrapped(f"{state}{self._gap}{title} ({clause})", "  ", "    ")
        value = value_words(one.fact, one.value, self._language)
        bound = one.bound_zh if self._zh else one.bound_en
        if bound is not None or one.value is not None or one.state in _NOT_KNOWN:
            told = value if bound is None else f"{value}{self._semicolon}{bound}"
            yield from _wrapped(told, "    ", "      ")
        if one.age_ms is not None:
            yield from _wrapped(self._age(one.age_ms, one.max_age_ms), "    ", "      ")

    def _age(self, age_ms: int, max_age_ms: int | None) -> str:
        language = self._language
        if age_ms < 0:
            return f"{self._word('ahead by')} {duration(-age_ms, language)}"
        text = f"{self._word('age')} {duration(age_ms, language)}"
        if max_age_ms is None:
            return text
        most = duration(max_age_ms, language)
        return f"{text}{self._semicolon}{self._word('at most')} {most}"

    def _told(self) -> Iterator[str]:
        found = self._found
        yield from self._labelled(
            "buyer", found.buyer_zh if self._zh else found.buyer_en
        )
        for line in found.merchant_zh if self._zh else found.merchant_en:
            yield from self._labelled("merchant", line)
        notice = found.notice_zh if self._zh else found.notice_en
        if notice is not None:
            yield from self._labelled("notice", notice)

    def _labelled(self, label: str, text: str) -> Iterator[str]:
        yield from _wrapped(text, f"  {self._word(label)}{self._gap}", "    ")

    def _clause(self, clause: str) -> str:
        return self._word(clause) if clause == "ours" else clause

    def _word(self, word: str) -> str:
        return (_ZH if self._zh else _EN).get(word, word)

    @property
    def _colon(self) -> str:
        return "：" if self._zh else ":"

    @property
    def _gap(self) -> str:
        return "：" if self._zh else ": "

    @property
    def _semicolon(self) -> str:
        return "；" if self._zh else "; "


def _wrapped(text: str, first: str = "", other: str | None = None) -> Iterator[str]:
    return wrapped(visible(text), first, other)
