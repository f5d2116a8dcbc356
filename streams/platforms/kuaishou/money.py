"""Read the amounts of an order, from two answers that use the same name for two bases.

Which number the platform means by the paid amount is open: with or without freight,
platform subsidy, channel and government discounts. So every reading is computed, and
the **largest** is what the rules see as ``paid_fen``: an order is below the limit only
if it is below it under every reading. If one part is missing, or an undescribed part is
not zero, there is no ``paid_fen`` at all.
"""

from typing import Final

import msgspec

from streams.platforms.kuaishou.values import as_object, is_money

_NEWER: Final = ("governmentDiscount", "payChannelDiscount")
_UNDESCRIBED: Final = ("tradeInPayAfterPromoAmount", "allowanceExpressFee")


class Money(msgspec.Struct, frozen=True):
    """Amounts of one order in fen; None = unknown."""

    paid_fen: int | None
    """The largest reading of the paid amount."""
    freight_fen: int | None
    refundable_fen: int | None
    """The paid amount including the platform's share, which refunds give back too."""
    parts: dict[str, int | None]
    """Neutral name -> component."""


def _fen(source: dict[str, object], name: str) -> int | None:
    value = source.get(name)
    return value if is_money(value) else None


def _newer(source: dict[str, object], name: str) -> int | None:
    """Read a field that older views lack: absent is 0, a wrong value unknown."""
    return 0 if source.get(name) is None else _fen(source, name)


def read_money(order: dict[str, object], fee: dict[str, object]) -> Money:
    """Read all amounts; an unavailable answer is passed as an empty object."""
    base = as_object(order.get("orderBaseInfo"))
    parts = {
        "buyer_pay_fen": _fen(fee, "buyerPay"),
        "goods_after_merchant_fen": _fen(fee, "totalFee"),
        "fee_freight_fen": _fen(fee, "expressFee"),
        "platform_subsidy_fen": _fen(fee, "platformBearAmount"),
        "merchant_subsidy_fen": _fen(fee, "merchantBearAmount"),
        "goods_fen": _fen(base, "totalFee"),
        "freight_fen": _fen(base, "expressFee"),
        "discount_fen": _fen(base, "discountFee"),
        "gov_subsidy_fen": _newer(base, _NEWER[0]) if base else None,
        "channel_discount_fen": _newer(base, _NEWER[1]) if base else None,
    }
    described = all(_newer(base, name) == 0 for name in _UNDESCRIBED)
    return Money(
        paid_fen=_largest(parts) if described else None,
        freight_fen=parts["freight_fen"],
        refundable_fen=_sum(
            parts["goods_after_merchant_fen"], parts["fee_freight_fen"]
        ),
        parts=parts,
    )


def _sum(*amounts: int | None) -> int | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if len(known) == len(amounts) else None


def _largest(parts: dict[str, int | None]) -> int | None:
    """Return the largest reading: by the fee view, with the subsidy, or by the order view.

    The fee view with the platform's share is never smaller than without it, so the
    documented formula for ``buyerPay`` needs no line of its own.
    """
    if None in parts.values():
        return None
    known = {name: amount for name, amount in parts.items() if amount is not None}
    freight_fen = max(known["freight_fen"], known["fee_freight_fen"])
    readings = (
        known["buyer_pay_fen"],
        known["goods_after_merchant_fen"] + freight_fen,
        known["goods_fen"] + freight_fen - known["discount_fen"],
    )
    # It is not stated whether these are already deducted: add them.
    return max(readings) + known["gov_subsidy_fen"] + known["channel_discount_fen"]
