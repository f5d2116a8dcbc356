"""A mixed world out of a seed: thousands of scenarios at once, bad records among them."""

from collections.abc import Iterator
from random import Random
from typing import Final

import orjson

from streams.families.fast_refund.policy import Policy
from streams.families.fast_refund.policy_type import POLICY
from streams.processing.policies.publication import parse_record
from streams.tools.traffic import records
from testkit.rows import PARTITIONS, Header, Row
from testkit.scenarios import SCENARIOS
from testkit.scenarios.eras import policies
from testkit.scenarios.lists import lists
from testkit.scenarios.script import Scenario, Script

WAVES: Final = 3
_SCENARIOS: Final = tuple(SCENARIOS.values())
_PLAIN_SHARE: Final = 0.4
_BAD_SHARE: Final = 0.03
_VERY_LONG_SHARE: Final = 0.01
"""Of bad records."""
_KEYED_SHARE: Final = 0.9
_LONG: Final = b'{"refund_id":"r-long","reason":"%b"}' % (b"x" * 65_600)
_VERY_LONG: Final = b"y" * 900_000
"""Near the largest record a topic takes by default."""
BAD: Final[tuple[bytes | None, ...]] = (
    *records.UNREADABLE,
    b"[1, 2]",
    b"7",
    b"null",
    b"{}",
    b'{"refund_id": 7}',
    b'{"refund_id": null, "refund_fen": "1"}',
    b'{"refund_id": "r", "refund_fen": NaN}',
    b'{"refund_id": "r"} trailing',
    b'{"refund_id": "\\ud800"}',
    b'\xff\xfe{"refund_id": "r"}',
    b"[" * 5_000,
    _LONG,
)
"""Values that are no requests."""
HEADERS: Final[tuple[tuple[Header, ...], ...]] = (
    (),
    (("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),),
    (("x", b"1"), ("x", b"2"), ("empty", b""), ("null", None), ("bytes", b"\xff\x00")),
    (
        ("source_offset", b"5"),
        ("refund_dlq_topic", b"elsewhere"),
        ("refund_dlq_offset", b"9"),
    ),
)
"""Headers that senders may give to a request."""


class MixedWorld:
    """Rows to write, wave by wave, and what must come of them.

    Parameters
    ----------
    seed
        The same seed makes the same world.
    requests
        At least so many in all waves together, bad records among them.
    """

    def __init__(self, seed: int, requests: int, now_ms: int) -> None:
        self._rng = Random(seed)  # noqa: S311 - a world, no secret
        self.facts: list[list[Row]] = [[] for _ in range(WAVES)]
        self.requests: list[list[Row]] = [[] for _ in range(WAVES)]
        self.expected: dict[tuple[str, bool], frozenset[str] | None] = {}
        self.notices: set[str] = set()
        self.policies: dict[str, Policy] = {}
        self._spread: list[list[tuple[float, Row]]] = [[] for _ in range(WAVES)]
        self._write_lists(now_ms)
        number = 0
        while sum(map(len, self._spread)) < requests:
            self._add(self._pick(number)(number, now_ms))
            number += 1
        for wave, spread in enumerate(self._spread):
            spread.sort(key=lambda placed: placed[0])
            self.requests[wave] = [found for _, found in spread]
        # The last outcome of a partition is one that is answered: then all are read.
        self.facts[1].sort(key=lambda found: b"payout_failed" in (found.value or b""))

    def _pick(self, number: int) -> Scenario:
        """Take each scenario once, then at random, with many of good standing."""
        if number < len(_SCENARIOS):
            return _SCENARIOS[number]
        if self._rng.random() < _PLAIN_SHARE:
            return SCENARIOS["good_standing"]
        return self._rng.choice(_SCENARIOS)

    def _add(self, script: Script) -> None:
        for wave, found in script.facts:
            self.facts[wave].append(found)
        for wave in range(WAVES):
            mine = [found for at, found in script.requests if at == wave]
            places = sorted(self._rng.random() for _ in mine)
            for place, found in zip(places, mine, strict=True):
                self._spread[wave].append((place, self._dressed(found)))
        self.expected |= script.expected
        self.notices.update(script.notices)
        if self._rng.random() < _BAD_SHARE:
            self._spread[0].append((self._rng.random(), self.bad()))

    def _dressed(self, found: Row) -> Row:
        key = found.key if self._rng.random() < _KEYED_SHARE else None
        headers = self._rng.choice(HEADERS)
        return Row(found.topic, found.partition, key, found.value, headers)

    def bad(self) -> Row:
        """Return a request that nobody can read, in some partition."""
        rng = self._rng
        value = _VERY_LONG if rng.random() < _VERY_LONG_SHARE else rng.choice(BAD)
        key = rng.choice((None, b"", b"\xff", b"r-bad"))
        return Row(
            "requests", rng.randrange(PARTITIONS), key, value, rng.choice(HEADERS)
        )

    def _write_lists(self, now_ms: int) -> None:
        for fields in policies(now_ms):
            policy = parse_record(POLICY, fields).policy
            self.policies[policy.name] = policy
            key = policy.name.encode()
            self.facts[0].append(Row("policies", 0, key, orjson.dumps(fields)))
        self.facts[0] += lists(now_ms)

    def total(self) -> int:
        """Return the number of requests of all waves, bad records included."""
        return sum(map(len, self.requests))

    def follow_ups(self) -> set[str]:
        """Return the decision ids of review items that failed payouts open."""
        return {name for name, _ in self.expected if name.endswith(":refund_failed")}


def differences(
    expected: dict[tuple[str, bool], frozenset[str] | None],
    found: dict[tuple[str, bool], frozenset[str]],
) -> Iterator[str]:
    """Yield where what came of scenarios is not what must come of them."""
    for identity, codes in expected.items():
        got = found.get(identity)
        if got is None:
            yield f"{identity}: never decided"
        elif codes is not None and got != codes:
            yield f"{identity}: {sorted(got)}, not {sorted(codes)}"
    for identity in found.keys() - expected.keys():
        yield f"{identity}: nobody asked"


def turned(orders: list[Row], version: int) -> Iterator[Row]:
    """Yield the same orders in a later version: shipped when it is even, paid when odd."""
    for found in orders:
        fields = orjson.loads(found.value or b"{}")
        status = "paid" if version % 2 else "shipped"
        newer = {**fields, "order_version": version, "order_status": status}
        yield Row(found.topic, found.partition, found.key, orjson.dumps(newer))
