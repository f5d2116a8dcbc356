"""How a scenario is written down."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from streams.tools.traffic import records
from testkit.rows import PARTITIONS, Row, row
from testkit.scenarios.eras import ERAS

Fields: TypeAlias = Mapping[str, Any]
NONE: Final[Fields] = {}
APPROVED: Final = frozenset({"FR_ALL_CONDITIONS_MET"})
_ALWAYS_QUALITY: Final = [{"from_ms": 1, "value": "quality"}]
"""Before any era begins."""
_NO_PARTITION: Final = -1
"""Rows find theirs by their owner."""


class Script:
    """One scenario written down: rows by wave, and what must come of them.

    Waves are written one after the other, each when the one before was decided.

    Parameters
    ----------
    number
        Makes the ids; a world has each number once.
    now_ms
        UTC ms of the facts.
    era
        Name of the policy version that judges its requests.
    """

    def __init__(self, number: int, now_ms: int, era: str = "now") -> None:
        self._now_ms = now_ms
        self.name = f"{number:06d}"
        self.at_ms = now_ms + ERAS[era].asked_ms
        """When its requests are made, UTC ms."""
        self.facts: list[tuple[int, Row]] = []
        """With the wave of each, as of requests."""
        self.requests: list[tuple[int, Row]] = []
        self.expected: dict[tuple[str, bool], frozenset[str] | None] = {}
        """Reason codes by decision id and whether it answers a withdrawal; None = any."""
        self.notices: list[str] = []
        """Ids of the notices that must come."""
        self.buyer_id: str | None = f"b-{self.name}"

    @property
    def owner(self) -> str:
        """Whose partition its records belong into."""
        return self.buyer_id or f"o-{self.name}-1"

    def buyer(self, changes: Fields = NONE) -> None:
        """Write what is known of the buyer."""
        fields = records.buyer(self.buyer_id, self._now_ms, quality=_ALWAYS_QUALITY)
        fields |= self._timed(changes)
        self.facts.append((0, row("buyers", self.owner, self.owner, **fields)))

    def order(self, number: int = 1, wave: int = 0, **changes: Any) -> None:  # noqa: ANN401 - JSON
        """Write a snapshot of one of the buyer's orders."""
        item = self._item(number)
        fields = records.order(item, self._now_ms, order_version=wave + 1)
        fields |= self._timed(changes)
        self.facts.append((wave, row("orders", self.owner, item.order_id, **fields)))

    def _item(self, number: int) -> records.Item:
        order_id = f"o-{self.name}-{number}"
        return records.Item(order_id, self.buyer_id, _NO_PARTITION, "s-good")

    def outcome(self, wave: int, key: str, **fields: object) -> None:
        """Write an outcome of a refund, or a veto."""
        self.facts.append((wave, row("outcomes", self.owner, key, **fields)))

    def request(
        self,
        codes: str | frozenset[str] | None,
        refund: int = 1,
        *,
        wave: int = 0,
        **changes: object,
    ) -> None:
        """Write a request for the first order.

        Parameters
        ----------
        codes
            Reasons of the decision, all of them; empty = approved, None = any.
        refund
            Number of the refund.
        """
        made = records.Ask(f"r-{self.name}-{refund}", self._item(1))
        fields = records.request(
            made, self.at_ms, event_id=f"e-{self.name}-{len(self.requests)}"
        ) | self._timed(changes)
        asked = row("requests", self.owner, made.refund_id, **fields)
        self.requests.append((wave, asked))
        if isinstance(codes, str):
            codes = frozenset(codes.split()) or APPROVED
        identity = f"FR:{made.refund_id}:{fields['refund_version']}"
        self.expected[identity, fields["action"] == "withdraw"] = codes

    def again(self, wave: int) -> None:
        """Deliver the last request once more."""
        self.requests.append((wave, self.requests[-1][1]))

    def misroute(self) -> None:
        """Put the last request into another partition than its buyer's."""
        wave, asked = self.requests[-1]
        elsewhere = (asked.partition + 1) % PARTITIONS
        self.requests[-1] = wave, replace(asked, partition=elsewhere)

    def _timed(self, changes: Fields) -> dict[str, Any]:
        """Replace ``T+n`` by n ms after the request, also in lists of objects."""
        found = dict(changes)
        for name, value in found.items():
            if isinstance(value, str) and value.startswith("T+"):
                found[name] = self.at_ms + int(value[2:])
            elif name == "quality" and isinstance(value, list):
                found[name] = [self._timed(one) for one in value]
        return found


Scenario: TypeAlias = Callable[[int, int], Script]
"""From a number, unique in its world, and the time of its facts, UTC ms."""
