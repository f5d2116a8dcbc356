"""Read the worker's outputs and word them."""

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.families.fast_refund.decision_codec import decode_decision
from streams.families.fast_refund.model import Decision
from streams.families.fast_refund.reasons import reviewer_text, reviewer_text_en
from streams.families.fast_refund.reasons.request import FR_ALL_CONDITIONS_MET
from streams.families.fast_refund.topics import DECISIONS, NOTICES
from streams.processing.topics import DEAD_LETTERS, Topic
from streams.records.dead_letters import last_text
from streams.records.notices import Notice
from streams.records.record import Record
from streams.settings import Settings
from streams.settings.topics import placed
from streams.tools.demo.scoreboard import DEAD_LETTER, ResultRow

_POLL_MS: Final = 200
_SHOWN: Final = (*DECISIONS, NOTICES, DEAD_LETTERS)
_NOTICE: Final = msgspec.json.Decoder(Notice)

_APPROVED: Final = FR_ALL_CONDITIONS_MET.code
_APPROVED_WORDS: Final = ("各项条件均满足", "every condition holds")
"""Used instead of the fixed notice, which is too long for a table."""

_NOTICE_WORDS: Final = {
    "withdrawn_after_approval": (
        "自动通过后买家撤回",
        "the buyer withdrew after the approval",
    ),
    "merchant_switch_ignored": (
        "商家不能自行关闭本服务",
        "a merchant cannot switch the service; nothing changed",
    ),
}
"""Texts of notices whose records have none."""


async def rows(
    consumer: "AIOKafkaConsumer[bytes, bytes]",
    settings: Settings,
    limit_fen: int | None,
) -> AsyncIterator[ResultRow]:
    """Yield every output from the beginning of the topics, without end.

    Parameters
    ----------
    consumer
        Started, without a group.
    limit_fen
        ``paid_limit_fen`` of the policy, for the wording.
    """
    topics = {topic.name: topic for topic in placed(_SHOWN, settings)}
    where = [
        TopicPartition(topic.name, number)
        for topic in topics.values()
        for number in range(topic.partitions)
    ]
    consumer.assign(where)
    await consumer.seek_to_beginning(*where)
    while True:
        polled: dict[Any, list[Record]] = await consumer.getmany(timeout_ms=_POLL_MS)
        for partition, records in polled.items():
            for record in records:
                yield row(topics[partition.topic].row, record, limit_fen)


def row(topic: Topic, record: Record, limit_fen: int | None) -> ResultRow:
    """Return one output in words."""
    if topic == DEAD_LETTERS:
        return _of_dead_letter(record)
    if topic == NOTICES:
        return _of_notice(_NOTICE.decode(record.value or b""))
    return _of_decision(decode_decision(record.value or b""), limit_fen)


def _of_decision(decision: Decision, limit_fen: int | None) -> ResultRow:
    codes = decision.reason_codes
    if codes == (_APPROVED,):
        zh, en = _APPROVED_WORDS
    else:
        zh = "；".join(reviewer_text(code, limit_fen) for code in codes)
        en = "; ".join(reviewer_text_en(code, limit_fen) for code in codes)
    return ResultRow(
        what="decision",
        key=decision.refund_id,
        result=decision.outcome or decision.disposition,
        decision_id=decision.decision_id,
        refund_id=decision.refund_id,
        order_id=decision.order_id,
        refund_fen=decision.refund_fen,
        reason_codes=codes,
        zh=zh,
        en=en,
    )


def _of_notice(notice: Notice) -> ResultRow:
    zh, en = _NOTICE_WORDS.get(
        notice.kind, (notice.text_zh or "", notice.text_en or "")
    )
    return ResultRow(
        what="notice",
        key=f"{notice.kind}:{notice.refund_id or notice.shop_id}",
        result=notice.kind,
        decision_id=notice.decision_id,
        refund_id=notice.refund_id,
        order_id=notice.order_id,
        refund_fen=notice.amount_fen,
        zh=zh,
        en=en,
    )


def _of_dead_letter(record: Record) -> ResultRow:
    error = last_text(record.headers, "error") or "unknown"
    topic = last_text(record.headers, "topic") or "?"
    return ResultRow(
        what="dead_letter",
        key=(record.key or b"").decode(errors="replace"),
        result=DEAD_LETTER,
        reason_codes=(error,),
        zh=f"无法读取，原文保留（{topic}）",
        en=f"cannot be read, kept as received ({topic})",
    )
