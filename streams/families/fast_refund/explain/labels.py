"""Chinese names of the parts of a fact."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "action": "动作",
        "refund_version": "版本",
        "faults": "有误字段",
        "refund_kind": "售后类型",
        "special_refund_type": "特殊类型",
        "order_status": "订单状态",
        "shipped_counts": "已发件数",
        "quantities": "件数",
        "category_path": "类目",
        "is_custom": "定制",
        "order_type": "订单类型",
        "published_at": "发布时间",
        "requested_at": "申请时",
        "decided_at": "判断时",
        "enabled": "开通",
        "standing": "店铺状态",
        "asked": "申请",
        "left": "可退",
        "used": "已用",
        "newer_version": "已有新版本",
        "withdrawn": "已撤回",
        "approved_before": "旧版本已通过",
        "prior_refund": "本单已退款",
        "open_refund": "本单另有售后",
        "approved_on_order": "本单已自动通过",
        "auto_count": "自动退款次数",
        "auto": "自动退款额",
        "auto_fen_unknown": "自动退款额不明",
    }
)
"""Part of a fact -> Chinese name; in English parts keep their names, without the
unit."""
