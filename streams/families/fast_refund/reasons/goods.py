"""Reasons on the goods: their categories and articles."""

from typing import Final

from streams.families.fast_refund.reasons.words import AS_USUAL
from streams.processing.reasons import Reason

CATEGORY_CUSTOM: Final = Reason(
    "CATEGORY_CUSTOM",
    30,
    "FR-1.2b",
    "含定制商品",
    "the order holds custom-made goods",
    reviewer=(
        "向商家核实是否已开始制作，按定制商品的规则处理。",
        (
            "Ask the merchant whether making has begun; decide by the rules for "
            "custom-made goods."
        ),
    ),
    merchant=(
        "在售后单中说明是否已开始制作。",
        "Say in the ticket whether making has begun.",
    ),
)
CATEGORY_VIRTUAL: Final = Reason(
    "CATEGORY_VIRTUAL",
    31,
    "FR-1.2b",
    "含虚拟商品",
    "the order holds virtual goods",
    reviewer=(
        "查虚拟商品是否已交付或使用，再决定。",
        "See whether the goods were delivered or used, then decide.",
    ),
    merchant=(
        "在售后单中说明是否已交付。",
        "Say in the ticket whether they were delivered.",
    ),
)
CATEGORY_EXCLUDED: Final = Reason(
    "CATEGORY_EXCLUDED",
    32,
    "FR-1.7(2)b",
    "商品类目不支持本服务",
    "a category in the order has no fast refund",
    reviewer=AS_USUAL,
    operator=(
        "类目不该排除的，更正主题 catalog 中的记录。",
        "If the category should not be excluded, correct its record in catalog.",
    ),
)
SKU_EXCLUDED: Final = Reason(
    "SKU_EXCLUDED",
    33,
    "FR-1.7(2)b",
    "商品不支持本服务",
    "an item in the order has no fast refund",
    reviewer=AS_USUAL,
    operator=(
        "商品不该排除的，更正主题 catalog 中的记录。",
        "If the article should not be excluded, correct its record in catalog.",
    ),
)
CATEGORY_UNKNOWN: Final = Reason(
    "CATEGORY_UNKNOWN",
    34,
    "FR-1.2b",
    "类目缺失",
    "a category or the category tree is missing",
    reviewer=(
        "在平台后台查商品类目，确认不含定制或虚拟商品后审核。",
        (
            "Look the categories up in the back end; make sure that nothing is "
            "custom-made or virtual, then decide."
        ),
    ),
    operator=(
        "让订单来源写每行的 category_path；确认主题 catalog 有水位。",
        (
            "Have the source of orders write category_path of every line; see that "
            "catalog has a watermark."
        ),
    ),
    state="unknown",
)
CATEGORY_STALE: Final = Reason(
    "CATEGORY_STALE",
    34,
    "FR-1.2b",
    "类目数据已过期",
    "the category tree is too old",
    reviewer=(
        "在平台后台查商品类目后审核。",
        "Look the categories up in the back end, then decide.",
    ),
    operator=(
        "类目数据来迟：看主题 catalog 的 refund_watermark_age_seconds。",
        "The feed of catalog is late: see its refund_watermark_age_seconds.",
    ),
    state="stale",
)
SKU_UNKNOWN: Final = Reason(
    "SKU_UNKNOWN",
    34,
    "FR-1.7(2)b",
    "商品编号缺失",
    "a line names no article while articles are excluded",
    reviewer=(
        "在平台后台查缺编号的商品是否不支持本服务，再决定。",
        ("See in the back end whether the unnamed article is excluded, then decide."),
    ),
    operator=(
        "让订单来源写每行的 sku_id。",
        "Have the source of orders write sku_id of every line.",
    ),
    state="unknown",
)
