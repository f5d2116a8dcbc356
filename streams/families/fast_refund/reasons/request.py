"""Reasons on the request itself, and the reason of an approval."""

from typing import Final

from streams.families.fast_refund.reasons.words import NOTICE_EN, NOTICE_ZH
from streams.processing.reasons import OURS, Reason

FR_ALL_CONDITIONS_MET: Final = Reason(
    "FR_ALL_CONDITIONS_MET",
    1,
    "FR-1.4",
    NOTICE_ZH,
    NOTICE_EN,
    reviewer=(
        "无需审核；由付款服务退款。",
        "Nothing to review; the payout service returns the money.",
    ),
    merchant=(
        "不要再发货；已发出的尽快拦截，并填写运单号。",
        "Do not ship; if the parcel has left, stop it and enter its waybill.",
    ),
    outcome="auto_approve",
)
REQUEST_INVALID: Final = Reason(
    "REQUEST_INVALID",
    10,
    OURS,
    "申请数据格式有误",
    "the request has a field of a wrong type or lacks version or action",
    reviewer=(
        "看哪些字段有误（seen.request_faults），以平台售后单为准审核。",
        "See which fields are wrong (seen.request_faults); decide by the ticket.",
    ),
    operator=(
        "让写入申请的一方改正字段类型，或补上 refund_version 和 action。",
        (
            "Have the sender of requests correct the types of those fields, or add "
            "refund_version and action."
        ),
    ),
)
EVENT_TIME_UNKNOWN: Final = Reason(
    "EVENT_TIME_UNKNOWN",
    11,
    OURS,
    "申请时间缺失",
    "the time of the request is missing",
    reviewer=(
        "从售后单查申请时间，按该时间核对优质资格。",
        "Take the time from the ticket; check the quality mark at that time.",
    ),
    operator=(
        "让写入申请的一方补上 requested_at_ms。",
        "Have the sender of requests add requested_at_ms.",
    ),
    state="unknown",
)
EVENT_IN_FUTURE: Final = Reason(
    "EVENT_IN_FUTURE",
    12,
    OURS,
    "申请时间晚于系统时间",
    "the request is dated later than our clock allows",
    reviewer=(
        "从售后单查真实的申请时间后审核。",
        "Take the true time from the ticket, then decide.",
    ),
    operator=(
        "核对写入方和各台机器的时钟。",
        "Compare the clocks of the sender and of the workers.",
    ),
)
HISTORY_UNAVAILABLE: Final = Reason(
    "HISTORY_UNAVAILABLE",
    12,
    OURS,
    "申请早于可查记录，请核对是否已处理",
    ("older than the decisions still known; check whether it was handled before"),
    reviewer=(
        "先按 refund_id 查付款服务和售后单：已处理过的不要再退。",
        (
            "Look the refund_id up in the payout service and the ticket first: what "
            "was handled before is not paid again."
        ),
    ),
    operator=(
        "成批出现时，查是谁重发旧申请；结果主题的保留时间要比重发的时限长。",
        (
            "If there are many, find who sends old requests again; keep the topics of"
            " decisions for longer than that."
        ),
    ),
)
REQUEST_MISROUTED: Final = Reason(
    "REQUEST_MISROUTED",
    12,
    OURS,
    "申请写入了错误分区，请核对",
    ("the request was written to another partition than its buyer's; please check"),
    reviewer=(
        "先按 refund_id 查 approvals 和 reviews：别的分区可能已有结果。",
        (
            "Look the refund_id up in approvals and reviews first: another partition "
            "may have answered it."
        ),
    ),
    operator=(
        "让写入方按 docs/topics.md 的公式取分区；正确的见 seen.expected_partition。",
        (
            "Have the sender use the formula of docs/topics.md; "
            "seen.expected_partition is the right partition."
        ),
    ),
)
REFUND_KIND_UNKNOWN: Final = Reason(
    "REFUND_KIND_UNKNOWN",
    13,
    "FR-Q1",
    "售后类型缺失",
    "the after-sales kind is missing or unknown",
    reviewer=(
        "从售后单查类型：仅退款且非价保的按规则审核，其余走普通售后。",
        (
            "Take the kind from the ticket: refund-only without price protection is "
            "reviewed, all else goes the ordinary way."
        ),
    ),
    operator=(
        "让写入方按 docs/schemas/request.json 写 refund_kind 和 special_refund_type。",
        (
            "Have the sender write refund_kind and special_refund_type as "
            "docs/schemas/request.json says."
        ),
    ),
    state="unknown",
)
REQUEST_EDITED_AFTER_APPROVAL: Final = Reason(
    "REQUEST_EDITED_AFTER_APPROVAL",
    14,
    OURS,
    "自动通过后申请又被修改，请核对是否已退款",
    "edited after an approval; check whether the money has gone back",
    reviewer=(
        "先查旧版本是否已退款：已退的不要再退，只处理修改的部分。",
        (
            "Check whether the earlier version was paid: if so, do not pay it again, "
            "settle only what was changed."
        ),
    ),
    merchant=(
        "不要再发货：旧版本已自动通过。",
        "Do not ship: the earlier version was approved.",
    ),
)
REFUND_FAILED: Final = Reason(
    "REFUND_FAILED",
    15,
    OURS,
    "退款打款失败，请处理",
    "the payout failed; please handle it",
    reviewer=(
        "在付款服务查失败原因，用同一个 payout_key 重新打款，或与买家另约退款方式。",
        (
            "See in the payout service why it failed; pay again under the same "
            "payout_key, or agree on another way with the buyer."
        ),
    ),
    merchant=(
        "不要再发货：退款已同意，只是打款失败。",
        "Do not ship: the refund is approved, only its payment failed.",
    ),
    operator=(
        "成批出现时，检查付款服务。",
        "If there are many, check the payout service.",
    ),
)
NOT_REFUND_ONLY: Final = Reason(
    "NOT_REFUND_ONLY",
    90,
    "FR-Q1",
    "非仅退款，不适用本服务",
    "not refund-only; outside this service",
    reviewer=(
        "本服务不作决定，按普通售后流程处理。",
        "This service decides nothing; follow the ordinary after-sales process.",
    ),
    merchant=("按普通售后流程处理。", "Handle it in the ordinary after-sales process."),
    disposition="out_of_scope",
    outcome=None,
)
PRICE_PROTECTION: Final = Reason(
    "PRICE_PROTECTION",
    90,
    "FR-Q1",
    "价保退款，不适用本服务",
    "price protection; outside this service",
    reviewer=(
        "本服务不作决定，按价保流程处理。",
        "This service decides nothing; follow the process of price protection.",
    ),
    merchant=("按价保流程处理。", "Handle it in the process of price protection."),
    disposition="out_of_scope",
    outcome=None,
)
SUPERSEDED_BY_VERSION: Final = Reason(
    "SUPERSEDED_BY_VERSION",
    91,
    OURS,
    "已有新版本",
    "there is a newer version",
    reviewer=(
        "关闭本条，处理新版本。",
        "Close this item and work on the newer version.",
    ),
    merchant=("以新版本为准。", "The newer version counts."),
    disposition="superseded",
    outcome=None,
)
REQUEST_WITHDRAWN: Final = Reason(
    "REQUEST_WITHDRAWN",
    91,
    OURS,
    "买家已撤回",
    "the buyer withdrew it",
    reviewer=(
        "关闭本条；先前已通过的版本仍然有效。",
        "Close this item; a version that was approved before stays approved.",
    ),
    merchant=(
        "按售后单的状态处理；先前已通过的不要发货。",
        "Follow the ticket; do not ship what was approved before.",
    ),
    disposition="superseded",
    outcome=None,
)
