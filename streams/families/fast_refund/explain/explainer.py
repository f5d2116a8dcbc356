"""Read and word decisions of the fast refund for ``refund explain``."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from typing_extensions import override

from streams.families.fast_refund.decision_codec import decode_decision
from streams.families.fast_refund.explain.explanation import Explanation, explain
from streams.families.fast_refund.explain.labels import LABELS
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.policy import Policy
from streams.processing.explain import Explainer, Line
from streams.processing.reasons import Words
from streams.processing.words import Language, money

_VERDICTS: Final[Mapping[str, Words]] = MappingProxyType(
    {
        "auto_approve": ("自动通过", "approved automatically"),
        "manual_review": ("转人工审核", "goes to a person"),
        "out_of_scope": ("不适用本服务", "outside this service"),
        "superseded": ("已被取代或撤回", "superseded or withdrawn"),
    }
)
_ZH: Final = {
    "refund": "退款",
    "order": "订单",
    "asked": "申请金额",
    "too long to quote": "过长未录",
    "buyer": "买家",
    "merchant": "商家",
    "notice": "提示",
}


class FastRefundExplainer(Explainer[Decision, Explanation]):
    """Adds the request, and the texts that buyers and merchants are shown."""

    verdicts = _VERDICTS
    labels = LABELS

    @override
    def read(self, value: bytes) -> Decision:
        return decode_decision(value)

    @override
    def explain(self, decision: Decision, policy: Policy | None) -> Explanation:
        return explain(decision, policy)

    @override
    def version(self, decision: Decision) -> int:
        return decision.refund_version or 0

    @override
    def about(self, decision: Decision, language: Language) -> Iterator[Line]:
        yield _label("refund", language), decision.refund_id
        if decision.order_id is not None:
            yield _label("order", language), decision.order_id
        if decision.refund_fen is not None:
            yield _label("asked", language), money(decision.refund_fen, language)

    @override
    def remarks(self, decision: Decision, language: Language) -> Iterator[Line]:
        seen = decision.seen
        if seen is not None and seen.cut:
            yield _label("too long to quote", language), ", ".join(seen.cut)

    @override
    def told(self, found: Explanation, language: Language) -> Iterator[Line]:
        zh = language == "zh"
        yield _label("buyer", language), found.buyer_zh if zh else found.buyer_en
        for text in found.merchant_zh if zh else found.merchant_en:
            yield _label("merchant", language), text
        notice = found.notice_zh if zh else found.notice_en
        if notice is not None:
            yield _label("notice", language), notice


def _label(word: str, language: Language) -> str:
    return _ZH[word] if language == "zh" else word
