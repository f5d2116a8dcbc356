"""Reasons on the service: its policy, pause, limits and lists."""

from typing import Final

from streams.families.fast_refund.reasons.words import AS_USUAL
from streams.processing.reasons import OURS, Reason

POLICY_NOT_LOADED: Final = Reason(
    "POLICY_NOT_LOADED",
    16,
    OURS,
    "规则未加载，暂转人工",
    "no policy is in force",
    reviewer=AS_USUAL,
    operator=(
        (
            "用 refund policy history 看缺哪个版本；用 refund policy publish 补上，"
            "或发布在申请时间之前生效的规则。"
        ),
        (
            "See which version is missing: `refund policy history`. Publish it, or a "
            "policy that is in force before the time of the request: `refund policy "
            "publish`."
        ),
    ),
    state="unknown",
)
SERVICE_PAUSED: Final = Reason(
    "SERVICE_PAUSED",
    17,
    "FR-Q3",
    "平台已暂停自动退款",
    "the platform has paused automatic refunds",
    reviewer=AS_USUAL,
    operator=(
        "暂停的原因消除后，用 refund policy resume 恢复；由规则暂停的，发布新版本。",
        (
            "End the pause when its cause is gone: `refund policy resume`; one that "
            "the policy itself says, with its next version."
        ),
    ),
)
BREAKER_OPEN: Final = Reason(
    "BREAKER_OPEN",
    18,
    OURS,
    "自动退款触发限额保护",
    "a breaker on automatic refunds is open",
    reviewer=(
        "按普通规则审核，留意退款是否异常集中（范围见 seen.breaker）。",
        (
            "Review it as usual; look out for unusually many refunds (seen.breaker "
            "says whether of the shop or of all)."
        ),
    ),
    operator=(
        (
            "查退款为何增多；到冷却时间后自动恢复，也可用 refund policy reset-breakers 复位；"
            "未设冷却的须复位。"
        ),
        (
            "Find out why refunds rose; it closes after its cool-down, or at once by "
            "`refund policy reset-breakers`; without a cool-down only so."
        ),
    ),
)
DEPENDENCY_UNAVAILABLE: Final = Reason(
    "DEPENDENCY_UNAVAILABLE",
    19,
    OURS,
    "查询服务不可用",
    "a look-up that the decision needs did not answer",
    reviewer=(
        "在平台后台查缺少的事实（seen.unavailable）后审核。",
        "Look up what is missing (seen.unavailable) in the back end, then decide.",
    ),
    operator=(
        "检查没有应答的查询服务及其超时。",
        "Check the look-up that did not answer, and its time-out.",
    ),
    state="unknown",
)
LISTS_NOT_READY: Final = Reason(
    "LISTS_NOT_READY",
    63,
    "FR-1.7",
    "名单数据未就绪",
    "the lists are not loaded, too old or unreadable",
    reviewer=(
        "在平台查买家限制、店铺开关、排除的商品和本单的指定后审核。",
        (
            "Look up by hand: limits of the buyer, switch of the shop, excluded "
            "articles, a veto on the order; then decide."
        ),
    ),
    operator=(
        (
            "看 buyers、shops、catalog、outcomes 的 refund_watermark_age_seconds："
            "一个分区来迟就会如此。都不迟时，是某条记录的值无法读取。"
        ),
        (
            "See refund_watermark_age_seconds of buyers, shops, catalog and outcomes:"
            " one late partition is enough. If none is late, a record holds a value "
            "that cannot be read."
        ),
    ),
    state="unknown",
)
