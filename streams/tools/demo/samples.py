"""Adapt documented platform messages and answers to one scene.

Ids become those of the scene, times move from the samples' date to now, and the scene's
own fields change. Everything else is sent as documented.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

ORDER: Final = "api_open.order.detail.composed"
FEE: Final = "api_open.seller.order.fee.detail.composed"
REFUND: Final = "api_open.seller.order.refund.detail.composed"
ADDED: Final = "kwaishop_order_addOrder"
PAID: Final = "kwaishop_order_paySuccess"
SHIPPED: Final = "kwaishop_order_delivering"
REFUND_ADDED: Final = "kwaishop_aftersales_addRefund"
REFUND_UPDATED: Final = "kwaishop_aftersales_updateRefund"
BROKEN: Final = "awkward_info_not_json"
HEARTBEAT: Final = "awkward_heartbeat"

_FOLDER: Final = Path(__file__).with_name("samples")
_ASKED_AT_MS: Final = 1_773_800_100_000
"""Request time of the samples' refund, UTC ms: it becomes now."""

_DAY_MS: Final = 86_400_000
_TIMES: Final = range(_ASKED_AT_MS - 30 * _DAY_MS, _ASKED_AT_MS + 30 * _DAY_MS)
"""Integers in this range are times of the samples; no id or amount is."""

_ORDERS: Final[tuple[object, ...]] = (
    2607700000100001,
    2607700000100002,
    2607602240240301,
)
_REFUNDS: Final[tuple[object, ...]] = (2607700000200001,)
_SHOPS: Final[tuple[object, ...]] = (2100000001, 2161524184)
_BUYERS: Final[tuple[object, ...]] = (
    "f1a0000000000000000000000000b001",
    "f1b68e8f2a4995ed14bf572415fe3aff",
)
_EVENT_ID_FROM: Final = 2_375_716_000_000


class Cast(msgspec.Struct, frozen=True, kw_only=True):
    """The ids and time of one scene."""

    number: int
    """Number of the scene, from 1; its ids are built from it."""
    at_ms: int
    """When the scene begins, UTC ms."""
    shop_id: int

    @property
    def order_id(self) -> int:
        """Return the order id, in the form of the samples."""
        return 2_607_700_000_100_000 + self.number

    @property
    def refund_id(self) -> int:
        """Return the refund id, in the form of the samples."""
        return 2_607_700_000_200_000 + self.number

    @property
    def buyer_id(self) -> str:
        """Return the buyer id, in the form of the platform's open ids."""
        return f"f1a{self.number:029x}"


class Samples:
    """The sample files, read once."""

    def __init__(self) -> None:
        self._read: dict[str, Any] = {}

    def text(self, name: str) -> str:
        """Return one file unchanged."""
        return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")

    def answer(
        self, name: str, cast: Cast, changes: Mapping[str, object]
    ) -> dict[str, Any]:
        """Return ``data`` of an answer of the open platform, adapted and changed."""
        data: dict[str, Any] = recast(self._load(name)["data"], cast)
        return merged(data, changes)

    def message(
        self, name: str, cast: Cast, event: int, changes: Mapping[str, object]
    ) -> bytes:
        """Return one pushed message as the value of a Kafka record.

        Parameters
        ----------
        event
            Number of the message, unique in a run: its ``eventId``.
        changes
            Fields of ``info`` that differ from the sample.
        """
        envelope: dict[str, Any] = recast(self._load(name), cast)
        if "info" in envelope:
            envelope["eventId"] = f"243_4027_{_EVENT_ID_FROM + event}"
            envelope["bizId"] = (
                cast.refund_id if "aftersales" in name else cast.order_id
            )
            envelope["info"] = _info(envelope["info"], cast, changes)
        return _minified(envelope).encode()

    def _load(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        if name not in self._read:
            self._read[name] = json.loads(self.text(name))
        return self._read[name]


def recast(value: Any, cast: Cast) -> Any:  # noqa: ANN401 - any JSON in, the same out
    """Return a copy with the ids and times of a scene."""
    if isinstance(value, dict):
        return {name: recast(part, cast) for name, part in value.items()}
    if isinstance(value, list):
        return [recast(part, cast) for part in value]
    if type(value) is int and value in _TIMES:
        return value - _ASKED_AT_MS + cast.at_ms
    for known, own in (
        (_ORDERS, cast.order_id),
        (_REFUNDS, cast.refund_id),
        (_SHOPS, cast.shop_id),
        (_BUYERS, cast.buyer_id),
    ):
        if value in known:
            return own
    return value


def merged(value: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy with changes applied, also in nested objects."""
    found = dict(value)
    for name, change in changes.items():
        inner = found.get(name)
        both = isinstance(inner, dict) and isinstance(change, Mapping)
        found[name] = merged(inner, change) if both else change  # type: ignore[arg-type]
    return found


def _info(text: str, cast: Cast, changes: Mapping[str, object]) -> str:
    try:
        info = json.loads(text)
    except ValueError:  # the broken one stays broken
        return text
    return _minified(merged(recast(info, cast), changes))


def _minified(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
