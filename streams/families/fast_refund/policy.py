"""Policy: every threshold, age limit, option and reading of the fast refund, versioned.

A policy arrives as plain tables (a TOML file, a ``refund.policies`` record, the
overrides of ``refund decide``) and is checked as a whole before it can judge
anything: unknown keys, wrong types and contradictions are refused, all at once.
A reading that has one implemented value is a key all the same, so that a policy
that asks for another is refused instead of being ignored.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from hashlib import sha256
from itertools import islice
from types import NoneType, UnionType
from typing import (
    Annotated,
    Final,
    Literal,
    Self,
    TypeAlias,
    Union,
    get_args,
    get_origin,
)

import msgspec

from streams.errors import PolicyError

Whole = Annotated[int, msgspec.Meta(ge=1)]
"""A count, an amount or a span that means nothing at zero."""
Span = Annotated[int, msgspec.Meta(ge=0)]
"""A span or moment in ms; zero is allowed."""
Name = Annotated[str, msgspec.Meta(min_length=1)]

Kind = Literal["refund_only", "return_and_refund", "exchange", "reissue", "repair"]
PastState = Literal[
    "undecided",
    "in_review",
    "approved",
    "executing",
    "succeeded",
    "failed",
    "rejected",
    "withdrawn",
]


class Policy(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One version of the FR policy; the defaults are those of the rules.

    Two policies are equal only when they are the same object, so that what is
    derived from a policy can be kept per policy at no cost.
    """

    family: Literal["FR"]
    """Rule family; each family is a policy of its own."""
    version: Whole
    """Raised by every change; with the family it names the policy in decisions."""
    effective_from_ms: Span
    """R-08, E-15: UTC ms; in force for requests made at or after it."""
    policy_basis: Name = "快手小店售后服务管理规则"
    """FR-1.1: the general after-sales rules the service rests on; recorded only."""

    paid_limit_fen: Whole = 30_000
    """FR-1.4b: fen, exclusive; an order paid exactly this goes to a person."""
    paid_limit_max_fen: Whole = 100_000
    """FR-1.4b: fen, inclusive; ``paid_limit_fen`` above it is implausible. Judges nothing."""
    order_status_max_age_ms: Span = 60_000
    """FR-1.4c: ms, inclusive age of the shipping status."""
    paid_amount_max_age_ms: Span = 60_000
    """FR-1.4b: ms, inclusive age of the amount paid."""
    category_max_age_ms: Span = 86_400_000
    """FR-1.2b: ms, inclusive age of the category tree."""
    quality_max_age_ms: Span = 86_400_000
    """FR-1.4a: ms, inclusive age of the quality mark."""
    lists_max_age_ms: Span = 60_000
    """FR-1.7: ms, inclusive age of limit, shop and SKU tables and the veto feed."""
    future_skew_ms: Span = 300_000
    """Section 2: ms that a request or a fact may be dated ahead of us, inclusive."""

    service_paused: bool = False
    """FR-Q3: the operator's pause; every request then goes to a person."""
    policy_wait_ms: Span = 30_000
    """Section 2: ms that input waits for a policy at start. The default of 30,000 holds,
    whatever a policy says: while a worker waits it has none to read it from."""
    race_watch_days: Whole = 30
    """FR-1.6a: days that an approval is watched for goods that left."""

    buyer_count_max: Whole | None = None
    """Section 3: earlier approvals of the buyer in the window that end automation."""
    buyer_count_window_ms: Whole | None = None
    buyer_amount_quota_fen: Whole | None = None
    """Section 3: fen per buyer and window, inclusive; failed payouts are given back."""
    buyer_amount_window_ms: Whole | None = None
    one_auto_approval_per_order: bool = False
    """Section 3: a second automatic approval on an order goes to a person."""
    payment_age_min_ms: Span | None = None
    """Section 3: ms since payment, inclusive."""
    payment_age_max_ms: Span | None = None
    waybill_soft_veto: bool = False
    """FR-1.6, section 3: a waybill or pick-up on a paid order goes to a person."""
    breaker_shop_max_count: Whole | None = None
    """Section 3: approvals per shop and window; the next one opens the breaker."""
    breaker_shop_max_fen: Whole | None = None
    breaker_global_max_count: Whole | None = None
    breaker_global_max_fen: Whole | None = None
    breaker_window_ms: Whole | None = None
    breaker_cooldown_ms: Whole | None = None
    """Section 3: ms a breaker stays open; None = until the operator resets it."""
    line_level_unshipped: bool = False
    """FR-1.4c, section 3: only the asked lines must be unshipped."""
    whole_order_only: bool = False
    """Section 3: asking for less than is left goes to a person."""

    amount_basis: Literal["buyer_cash_incl_freight"] = "buyer_cash_incl_freight"
    """R-01: what ``paid_fen`` holds."""
    exclusion_level: Literal["order"] = "order"
    """R-02: one excluded line excludes the order."""
    excluded_roots: tuple[Name, ...] = ("custom", "virtual")
    """R-03, E-23: category roots without fast refund."""
    in_scope_kinds: tuple[Kind, ...] = ("refund_only",)
    """R-04: after-sales kinds the service is for."""
    ship_truth: Literal["back_end"] = "back_end"
    """R-05: whose status decides what is shipped."""
    quality_source: Literal["flag"] = "flag"
    """R-06: quality is supplied, never computed."""
    quality_pin: Literal["requested_at", "decided_at"] = "requested_at"
    """R-07: the moment at which the buyer must be a quality user."""
    policy_pin: Literal["requested_at"] = "requested_at"
    """R-08: the moment at which a policy must be in force."""
    shop_switch: Literal["on"] = "on"
    """R-09: a shop is covered until the operator switches it off."""
    race_action: Literal["notify"] = "notify"
    """R-10: a decision is never reversed."""
    prior_refund_states: tuple[PastState, ...] = ("approved", "executing", "succeeded")
    """R-11: states of another refund of the order that count as an earlier refund."""
    complex_orders: Literal["manual"] = "manual"
    """R-12: pay-later, pre-sale and pending group buys go to a person."""
    standing_gate_min_level: Literal["watch", "restricted", "excluded"] = "restricted"
    """R-31: the mildest standing that goes to a person."""
    service_aliases: tuple[Name, ...] = ("平台保障版", "平台售后保障")
    """R-34: both names are this service; recorded only."""

    @property
    def name(self) -> str:
        """``FR@1``: how decisions name this policy."""
        return f"{self.family}@{self.version}"

    @property
    def policy_hash(self) -> str:
        """Return twelve hex digits that tell this policy from any other of its name.

        The beginning of the SHA-256 of :func:`canonical_bytes`; decisions carry it
        beside the name. Computed anew at each call.
        """
        return sha256(canonical_bytes(self)).hexdigest()[:HASH_DIGITS]


MISSING_MAX: Final = 10
"""Numbers of missing versions that are named, at most."""

HASH_DIGITS: Final = 12
"""48 bits: enough to notice a mistake, and short enough to be read out."""


def canonical_bytes(policy: Policy) -> bytes:
    """Return the one spelling of a policy: JSON, keys sorted, every value that is not off.

    An option that is off (false or null) is left out. So a later version of this
    program can bring a new option without changing the hash of a policy that does not
    use it, and records written before it can still be verified.
    """
    kept = {
        key: value
        for key, value in msgspec.structs.asdict(policy).items()
        if value is not None and value is not False
    }
    text = json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


WRONG: Final = object()
"""Stands for a value that was refused, so that it is reported once."""

FIELDS: Final = {field.name: field for field in msgspec.structs.fields(Policy)}
"""Every key a policy may have."""


State: TypeAlias = Literal["in_force", "waiting", "overtaken", "past"]
"""``waiting`` = will be in force, ``overtaken`` = announced, but a higher version will be in
force by then, ``past`` = is not, or no longer."""


class Policies(tuple[Policy, ...]):  # noqa: SLOT001 - a tuple takes no named slots
    """Versions of one family, lowest first; of equal versions the later given wins.

    They form a run without gaps: where a number is missing, nobody can say since when
    that version is in force, so below it no policy is known to be.

    Parameters
    ----------
    known_to
        The highest version that is known to exist, be it at hand or not; 0 = no other
        than those given.
    """

    newest: Policy | None
    """The highest version; None when there is none, or a higher one is missing."""
    known_to: int

    def __new__(cls, versions: Iterable[Policy] = (), known_to: int = 0) -> Self:
        """Order the versions, each once."""
        by_version = {policy.version: policy for policy in versions}
        found = super().__new__(cls, (by_version[one] for one in sorted(by_version)))
        highest = max(by_version, default=0)
        found.known_to = max(highest, known_to)
        found.newest = found[-1] if found and found.known_to == highest else None
        return found

    def at(self, at_ms: int) -> Policy | None:
        """R-08, E-15: the highest version in force at a moment, UTC ms.

        For a request that is ``requested_at_ms``, or ``decided_at_ms`` when it has
        none (E-14). None = no version was in force yet, or a higher one that is missing
        may have been: unknown is never approved.
        """
        next_version = self.known_to + 1
        for policy in reversed(self):
            if policy.version + 1 < next_version:
                return None
            if policy.effective_from_ms <= at_ms:
                return policy
            next_version = policy.version
        return None

    def state_of(self, policy: Policy, at_ms: int) -> State:
        """Say what a version is at a moment, UTC ms, for requests made then."""
        if policy is self.at(at_ms):
            return "in_force"
        if policy.effective_from_ms <= at_ms:
            return "past"
        for other in self:
            if (
                other.version > policy.version
                and other.effective_from_ms <= policy.effective_from_ms
            ):
                return "overtaken"
        return "waiting"

    def missing(self) -> tuple[int, ...]:
        """Return the numbers that lack between the lowest version and the highest known.

        At most :data:`MISSING_MAX`, the highest.
        """
        lowest = self[0].version if self else self.known_to
        held = {policy.version for policy in self}
        numbers = (one for one in range(self.known_to, lowest, -1) if one not in held)
        found = tuple(islice(numbers, MISSING_MAX))
        if not self and self.known_to:
            found = (self.known_to, *found)
        return found[::-1]

    def named(
        self, name: str, policy_hash: str | msgspec.UnsetType | None
    ) -> Policy | None:
        """Return the very policy that a decision names; None when it is not at hand.

        Parameters
        ----------
        name, policy_hash
            As in the decision record. One of version 0.1.0 has no hash, and is content
            with the name.
        """
        for policy in self:
            if policy.name == name and policy_hash in (
                policy.policy_hash,
                msgspec.UNSET,
            ):
                return policy
        return None


def full_name(name: str, policy_hash: str | msgspec.UnsetType | None) -> str:
    """Return ``FR@7 (hash 1234567890ab)``, or the name alone where no hash is recorded."""
    return f"{name} (hash {policy_hash})" if isinstance(policy_hash, str) else name


def parse_policy(tables: Mapping[str, object]) -> Policy:
    """Check a policy file or record; which tables group the keys does not matter.

    Raises
    ------
    PolicyError
        With one line for every problem found.
    """
    return _checked(flatten(tables), {})


def flatten(tables: Mapping[str, object]) -> dict[str, object]:
    """Join keys and tables of keys into one flat mapping.

    A table that has the name of a key is that key's value, and of the wrong shape
    (E-36): read as a grouping, it would leave the key unset without a word.

    Raises
    ------
    PolicyError
        A key stands in two places.
    """
    flat: dict[str, object] = {}
    twice: list[str] = []
    for key, value in _leaves(tables):
        if key in flat:
            twice.append(f"{key}: given twice; keep one")
        flat[key] = value
    if twice:
        raise PolicyError(twice)
    return flat


def override(base: Policy, flat: Mapping[str, object]) -> Policy:
    """Return a later version: ``base`` with some keys replaced.

    Without a ``version`` of its own it is the next one; without an
    ``effective_from_ms`` it takes effect when ``base`` did. None switches an
    option off.

    Raises
    ------
    PolicyError
        With one line for every problem found in the result.
    """
    kept = msgspec.structs.asdict(base)
    kept["version"] = base.version + 1
    return _checked(flat, kept)


def _leaves(tables: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in tables.items():
        if isinstance(value, Mapping) and key not in FIELDS:
            yield from _leaves(value)
        else:
            yield key, value


def _checked(flat: Mapping[str, object], kept: dict[str, object]) -> Policy:
    problems = [_unknown(key) for key in flat if key not in FIELDS]
    values = dict(kept)
    for key, field in FIELDS.items():
        if key not in flat:
            if field.required and key not in kept:
                problems.append(f"{key}: required; add it")
            continue
        try:
            values[key] = msgspec.convert(flat[key], field.type)
        except msgspec.ValidationError:
            values[key] = WRONG
            problems.append(f"{key}: {_wanted(field.type)}, not {_shown(flat[key])}")
    problems += _contradictions(values)
    if problems:
        raise PolicyError(problems)
    return msgspec.convert(values, Policy)


def _unknown(key: str) -> str:
    near = get_close_matches(key, FIELDS, n=1)
    hint = f"did you mean {near[0]}?" if near else "remove it"
    return f"{key}: unknown key; {hint}"


def _shown(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _wanted(kind: object) -> str:
    """Say what a key takes, from its annotation."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        if len(args) == 1:
            return f"must be {_shown(args[0])}, the only value implemented"
        return f"must be one of {', '.join(args)}"
    if origin is tuple:
        return f"must be a list; each element {_wanted(args[0])}"
    if origin is Annotated:
        return _bounded(args)
    if origin is Union or origin is UnionType:
        some = next(arg for arg in args if arg is not NoneType)
        return f"{_wanted(some)}, or left out"
    return "must be true or false"


def _bounded(args: tuple[object, ...]) -> str:
    meta = args[1]
    if args[0] is str or not isinstance(meta, msgspec.Meta):
        return "must be a text that is not empty"
    return f"must be a whole number, {meta.ge} or more"


def _contradictions(values: Mapping[str, object]) -> Iterator[str]:
    """Yield what cannot hold together; keys that are wrong alone are left out."""
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
