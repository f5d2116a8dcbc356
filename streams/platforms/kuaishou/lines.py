"""The one item line of an order and its gifts, as canonical order lines.

Values the rules test themselves (quantities, counts) are passed on as sent.
"""

from collections.abc import Mapping, Sequence

from streams.platforms.kuaishou import names
from streams.platforms.kuaishou.values import as_object, is_whole, read_id


def read_lines(
    order: dict[str, object],
    customised_type: int | None,
    categories: Mapping[str, Sequence[str]],
) -> list[dict[str, object]]:
    """Return the main line and one line per gift order.

    Parameters
    ----------
    order
        ``data`` of the order detail.
    customised_type
        Value of the order's first event; counts beside the detail.
    categories
        Leaf category id -> path from the root. An unknown leaf has no path, hence no
        category.
    """
    item = as_object(order.get("orderItemInfo"))
    gifts = order.get("subOrderInfo") or []
    return [
        {
            "sku_id": _text_id(item.get("skuId")),
            "item_id": _text_id(item.get("itemId")),
            "category_id": _text_id(_leaf(item)),
            "category_path": _path(item, categories),
            "quantity": item.get("num"),
            "shipped_count": as_object(order.get("orderDeliveryInfo")).get(
                "deliveryNum"
            ),
            "is_custom": _is_custom(order, customised_type),
            "is_gift": False,
        },
        *(
            _gift(gift, categories)
            for gift in (gifts if isinstance(gifts, list) else [None])
        ),
    ]


def _gift(entry: object, categories: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """Return a gift's line.

    The platform gives no quantity for gifts, and rules only need whether any was
    shipped: so it is 1, or the shipped number when that is larger. Neither a category
    nor a custom mark is documented for gifts, so most orders with gifts go to a person.
    """
    gift = as_object(entry)
    shipped = _gift_shipped(gift)
    quantity = gift.get("num")
    return {
        "sku_id": _text_id(gift.get("skuId")),
        "order_id": _text_id(gift.get("oid")),
        "category_id": _text_id(_leaf(gift)),
        "category_path": _path(gift, categories),
        "quantity": quantity if is_whole(quantity) else max(1, shipped or 0),
        "shipped_count": shipped,
        "is_custom": False,
        "is_gift": True,
    }


def _gift_shipped(gift: dict[str, object]) -> int | None:
    status, count = gift.get("status"), gift.get("deliveryNum")
    if not is_whole(status) or not is_whole(count) or count < 0:
        return None
    if status == names.OrderStatus.PAID:
        return count
    shipped = (
        names.OrderStatus.SHIPPED,
        names.OrderStatus.SIGNED,
        names.OrderStatus.SUCCESS,
    )
    return max(1, count) if status in shipped else None


def _is_custom(order: dict[str, object], customised_type: int | None) -> bool | None:
    detail = as_object(order.get("orderCustomizedInfo")).get("customizedItemType")
    told = [kind for kind in (detail, customised_type) if kind is not None]
    if not told or not all(is_whole(kind) for kind in told):
        return None
    return any(kind != 0 for kind in told)


def _leaf(item: dict[str, object]) -> object:
    return as_object(as_object(item.get("itemExtra")).get("categoryInfo")).get(
        "itemCid"
    )


def _path(
    item: dict[str, object], categories: Mapping[str, Sequence[str]]
) -> list[str] | None:
    leaf = read_id(_leaf(item))
    path = None if leaf is None else categories.get(str(leaf))
    return list(path) if path else None


def _text_id(value: object) -> str | None:
    number = read_id(value)
    return None if number is None else str(number)
