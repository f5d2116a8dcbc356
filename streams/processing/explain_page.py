"""Format an explanation as lines of text in one language."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from streams.processing.conditions import Condition
from streams.processing.explain import Decided, Explained, Explainer, ToldReason
from streams.processing.policies.policy import AnyPolicy, full_name
from streams.processing.reasons import OURS
from streams.processing.words import Language, duration, moment, value_words

_EN: Final = {"not_evaluated": "not judged", "stale": "too old"}
_ZH: Final = {
    "fails": "不满足",
    "unknown": "未知",
    "stale": "过期",
    "not_evaluated": "未判断",
    "holds": "满足",
    "policy": "规则",
    "none in force": "未生效",
    "judged": "判断时间",
    "reasons": "原因",
    "reviewer": "审核",
    "operator": "运维",
    "conditions": "条件",
    "told": "告知",
    "age": "时效",
    "at most": "最多",
    "ahead by": "晚于判断时间",
    OURS: "自定",
}

_NOT_KNOWN: Final = ("unknown", "stale")
"""States in which a missing value is worth a remark."""


class Line(msgspec.Struct, frozen=True):
    """One line of text; the printer wraps it where the page is too narrow."""

    text: str
    first: str = ""
    """Prefix of the first line."""
    other: str | None = None
    """Prefix of wrapped lines; None = spaces as wide as ``first``."""


EMPTY: Final = Line("")


class Page:
    """One explanation in one language."""

    def __init__(
        self,
        explainer: Explainer[Any, Any],
        decision: Decided,
        policy: AnyPolicy | None,
        language: Language,
    ) -> None:
        self._explainer = explainer
        self._decision = decision
        self._found: Explained = explainer.explain(decision, policy)
        self._language: Language = language
        self._zh = language == "zh"

    def lines(self) -> Iterator[Line]:
        """Yield every line; texts may contain unprintable characters."""
        yield from self._head()
        yield EMPTY
        yield self._title("reasons")
        for reason in self._found.reasons:
            yield from self._reason(reason)
        if self._found.conditions:
            yield EMPTY
            yield self._title("conditions")
            for condition in self._found.conditions:
                yield from self._condition(condition)
        told = [
            self._labelled(*one)
            for one in self._explainer.told(self._found, self._language)
        ]
        if told:
            yield EMPTY
            yield self._title("told")
            yield from told

    def _head(self) -> Iterator[Line]:
        decision, language = self._decision, self._language
        verdict = decision.outcome or decision.disposition
        called = self._explainer.verdicts.get(verdict)
        words = verdict if called is None else called[0 if self._zh else 1]
        yield Line(decision.decision_id, "", "  ")
        yield Line(f"{words} ({verdict})")
        for label, text in self._explainer.about(decision, language):
            yield self._labelled(label, text)
        yield self._labelled(self._word("judged"), moment(decision.decided_at_ms))
        name = decision.policy
        named = "" if name is None else full_name(name, decision.policy_hash)
        yield self._labelled(self._word("policy"), named or self._word("none in force"))
        if not self._found.policy_at_hand:
            yield Line(self._not_at_hand(named), "  ")
        for label, text in self._explainer.remarks(decision, language):
            yield self._labelled(label, text)

    def _not_at_hand(self, name: str) -> str:
        if self._zh:
            return (
                f"规则 {name} 不在手边。以下按记录所判告知，不含限额和时限。用 --policy "
                "FILE 给出该规则的文件；它若在 refund.policies 中，则用 decision_id 查询。"
            )
        return (
            f"The policy {name} is not available, so the decision is explained as "
            "recorded, without limits and allowed ages. Give its file with --policy FILE; "
            "if it is in refund.policies, ask by the decision's id."
        )

    def _reason(self, one: ToldReason) -> Iterator[Line]:
        clause = "" if one.clause is None else f" ({self._clause(one.clause)})"
        yield Line(f"{one.code}{clause}", "  ")
        yield Line(one.zh if self._zh else one.en, "    ")
        for who, zh, en in (
            ("reviewer", one.reviewer_zh, one.reviewer_en),
            ("operator", one.operator_zh, one.operator_en),
        ):
            text = zh if self._zh else en
            if text is not None:
                yield Line(text, f"    {self._word(who)}{self._gap}", "      ")

    def _condition(self, one: Condition) -> Iterator[Line]:
        title = one.title_zh if self._zh else one.title_en
        state, clause = self._word(one.state), self._clause(one.clause)
        yield Line(f"{state}{self._gap}{title} ({clause})", "  ", "    ")
        labels = self._explainer.labels
        value = value_words(one.fact, one.value, self._language, labels)
        bound = one.bound_zh if self._zh else one.bound_en
        if bound is not None or one.value is not None or one.state in _NOT_KNOWN:
            told = value if bound is None else f"{value}{self._semicolon}{bound}"
            yield Line(told, "    ", "      ")
        if one.age_ms is not None:
            yield Line(self._age(one.age_ms, one.max_age_ms), "    ", "      ")

    def _age(self, age_ms: int, max_age_ms: int | None) -> str:
        language = self._language
        if age_ms < 0:
            return f"{self._word('ahead by')} {duration(-age_ms, language)}"
        text = f"{self._word('age')} {duration(age_ms, language)}"
        if max_age_ms is None:
            return text
        most = duration(max_age_ms, language)
        return f"{text}{self._semicolon}{self._word('at most')} {most}"

    def _title(self, word: str) -> Line:
        return Line(self._word(word) + ("：" if self._zh else ":"))

    def _labelled(self, label: str, text: str) -> Line:
        return Line(text, f"  {label}{self._gap}", "    ")

    def _clause(self, clause: str) -> str:
        return self._word(clause) if clause == OURS else clause

    def _word(self, word: str) -> str:
        return (_ZH if self._zh else _EN).get(word, word)

    @property
    def _gap(self) -> str:
        return "：" if self._zh else ": "

    @property
    def _semicolon(self) -> str:
        return "；" if self._zh else "; "
