"""Declare the policy of the fast refund: contradictions and implausible values."""

from collections.abc import Container, Iterator, Mapping
from typing import Final

from streams.families.fast_refund.breaker import GLOBAL, SHOP
from streams.families.fast_refund.policy import Policy
from streams.processing.policies import PolicyType
from streams.processing.policies.fields import measured
from streams.processing.policies.plausible import Doubt, far_doubts, short, yuan

_LIMITS: Final = ("paid_limit_fen", "paid_limit_max_fen")
_LIMIT_FACTOR: Final = 2
"""Fen and yuan differ by 100, but a limit is doubted earlier than a duration: beyond
this factor."""


def contradictions(values: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each contradiction between keys."""
    for maximum, window in (
        ("buyer_count_max", "buyer_count_window_ms"),
        ("buyer_amount_quota_fen", "buyer_amount_window_ms"),
    ):
        yield from _pair(values, maximum, window)
    yield from _breakers(values)
    low, high = values.get("payment_age_min_ms"), values.get("payment_age_max_ms")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield f"payment_age_min_ms: {low} is above payment_age_max_ms {high}"
    for key in ("excluded_roots", "in_scope_kinds", "prior_refund_states"):
        listed = values.get(key)
        if isinstance(listed, tuple) and not listed:
            yield f"{key}: must not be empty"
        if isinstance(listed, tuple) and len(set(listed)) < len(listed):
            yield f"{key}: lists a value twice"


def _pair(values: Mapping[str, object], maximum: str, window: str) -> Iterator[str]:
    if values.get(maximum) is not None and values.get(window) is None:
        yield f"{maximum}: needs {window}"
    if values.get(window) is not None and values.get(maximum) is None:
        yield f"{window}: needs {maximum}"


BREAKER_MAXIMA: Final = (
    "breaker_shop_max_count",
    "breaker_shop_max_fen",
    "breaker_global_max_count",
    "breaker_global_max_fen",
)


def _breakers(values: Mapping[str, object]) -> Iterator[str]:
    on = [key for key in BREAKER_MAXIMA if values.get(key) is not None]
    if on and values.get("breaker_window_ms") is None:
        yield f"{', '.join(on)}: needs breaker_window_ms"
    if on:
        return
    for key in ("breaker_window_ms", "breaker_cooldown_ms"):
        if values.get(key) is not None:
            yield f"{key}: needs a maximum such as {BREAKER_MAXIMA[0]}"


def own_doubts(policy: Policy) -> Iterator[Doubt]:
    """Doubt values that are implausible whatever was in force before."""
    limit_fen, ceiling_fen = policy.paid_limit_fen, policy.paid_limit_max_fen
    if limit_fen > ceiling_fen:
        yield Doubt(
            "paid_limit_fen",
            f"{yuan(limit_fen)} is above paid_limit_max_fen, {yuan(ceiling_fen)}",
        )
    windows = ("buyer_count_window_ms", "buyer_amount_window_ms")
    for key, neighbour in (windows, windows[::-1]):
        own, other = getattr(policy, key), getattr(policy, neighbour)
        if own is not None and other is not None and own < other:
            yield Doubt(key, f"{short(own)} is shorter than {neighbour}, {other}")


def change_doubts(policy: Policy, before: Policy) -> Iterator[Doubt]:
    """Doubt values that are too far from the version before."""
    for key in _LIMITS:
        new, old = getattr(policy, key), getattr(before, key)
        if new > old * _LIMIT_FACTOR:
            yield Doubt(
                key, f"{yuan(new)} is more than twice {yuan(old)} of {before.name}"
            )
        elif new * _LIMIT_FACTOR < old:
            yield Doubt(
                key,
                f"{yuan(new)} is less than half of {yuan(old)} of {before.name}; is it in yuan?",
            )
    spans = (key for key in measured(POLICY.fields) if key not in _LIMITS)
    yield from far_doubts(policy, before, spans)
    gone = [root for root in before.excluded_roots if root not in policy.excluded_roots]
    if gone:
        yield Doubt(
            "excluded_roots",
            f"{', '.join(gone)} of {before.name} would be approved from then on",
        )


def undated_doubts(policy: Policy) -> Iterator[Doubt]:
    """Doubt a version published by 0.1.0, whose record key does not name it.

    It may have been in force for a long time, and refusing a strict version would keep
    a laxer one in force: so only a limit above its maximum is doubted, unless the
    version pauses the service.
    """
    if not policy.service_paused:
        yield from (one for one in own_doubts(policy) if one.key == "paid_limit_fen")


def root_doubts(policy: Policy, roots: Container[str]) -> Iterator[Doubt]:
    """Doubt category roots that no order has; ``roots`` are those of known orders."""
    unknown = [root for root in policy.excluded_roots if root not in roots]
    if unknown:
        yield Doubt("excluded_roots", f"no order has a category {', '.join(unknown)}")


POLICY: Final = PolicyType(
    Policy,
    contradictions=contradictions,
    own_doubts=own_doubts,
    change_doubts=change_doubts,
    undated_doubts=undated_doubts,
    breakers=(SHOP, GLOBAL),
)
"""The policy that the fast refund declares."""
