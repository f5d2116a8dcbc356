"""The sample files as Kafka values, and small ways to change one thing in them."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "data" / "kuaishou"

ORDER_ID = 2607700000100001
REFUND_ID = 2607700000200001
SHOP_ID = 2100000001
BUYER = "f1a0000000000000000000000000b001"
CATEGORIES = {"1001": ["clothing", "shirts"]}

PAID = "kwaishop_order_paySuccess"
ADDED = "kwaishop_order_addOrder"
SHIPPED = "kwaishop_order_delivering"
FEE = "kwaishop_order_totalFeeChange"
REFUND_ADDED = "kwaishop_aftersales_addRefund"
REFUND_UPDATED = "kwaishop_aftersales_updateRefund"

DROP = object()
"""As a field's value: the field is not sent."""


def minified(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def load(name: str) -> Any:  # noqa: ANN401 - JSON of any shape
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def data_of(name: str) -> dict[str, Any]:
    """``data`` of a composed API answer."""
    found: dict[str, Any] = load(f"api_{name}.composed.json")["data"]
    return found


def records(name: str) -> list[bytes]:
    """The Kafka values a file stands for."""
    if name.endswith(".jsonl"):
        return (FOLDER / name).read_bytes().splitlines()
    return [minified(load(name))]


def changed(source: dict[str, Any], changes: dict[str, object]) -> dict[str, Any]:
    merged = {**source, **changes}
    return {key: value for key, value in merged.items() if value is not DROP}


def message(
    name: str, *, info: dict[str, object] | None = None, **envelope: object
) -> bytes:
    """A sample message with some fields of ``info`` and of the envelope changed."""
    whole = load(f"{name}.json")
    fields = changed(json.loads(whole["info"]), info or {})
    whole["info"] = minified(fields).decode()
    return minified(changed(whole, envelope))
