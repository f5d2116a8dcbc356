"""Declare a family's policy; read and check versions of it.

A policy arrives as plain tables (a TOML file, a record of the topic ``policies``, the
overrides of ``refund decide``) and is checked as a whole before it can judge anything:
unknown keys, wrong types and contradictions are refused, all at once. A reading with
only one implemented value is a key too, so that a policy with another value is refused,
not ignored.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeAlias, get_args

import msgspec

from streams.errors import PolicyError
from streams.processing.policies import fields
from streams.processing.policies.keys import CODE
from streams.processing.policies.plausible import (
    Doubt,
    far_doubts,
    moment_doubts,
)
from streams.processing.policies.policy import P

Values: TypeAlias = Mapping[str, object]
"""Key -> value of a policy that is being checked; a value that is wrong by itself is a
marker."""


class PolicyType(Generic[P]):
    """The policy of one family: its keys, and the checks for contradictions and plausibility.

    Parameters
    ----------
    struct
        The table of keys: each with its type and bounds, its default, its unit (the end
        of the name), and its meaning (the text under it). ``family`` is a ``Literal`` of
        the family's code. Every key has a default but those of :class:`AnyPolicy`: the
        defaults judge when no policy is in force, and the first version is compared
        with them.
    contradictions
        Yields a line for each contradiction between keys. Keys that are wrong by
        themselves are reported already; here their value is a marker of another type.
    own_doubts
        Yields doubts about one version, whatever was in force before.
    change_doubts
        Yields doubts about a version compared with the one before; None = every amount
        and duration (``_fen``, ``_ms``) is compared with ten times and a tenth of the
        one before.
    undated_doubts
        Yields doubts about a version whose key is not ``CODE@VERSION``; None = such a
        record is refused. Only a family that published before keys named versions needs
        it.
    breakers
        Scopes of the breakers that operators may reset; none = the family has none.

    Raises
    ------
    TypeError
        The struct does not name one family, or one of its keys has no default: a
        programming error.
    """

    def __init__(
        self,
        struct: type[P],
        *,
        contradictions: Callable[[Values], Iterator[str]] | None = None,
        own_doubts: Callable[[P], Iterator[Doubt]] | None = None,
        change_doubts: Callable[[P, P], Iterator[Doubt]] | None = None,
        undated_doubts: Callable[[P], Iterator[Doubt]] | None = None,
        breakers: Sequence[str] = (),
    ) -> None:
        self.struct = struct
        self.fields: Mapping[str, fields.Field] = {
            field.name: field for field in msgspec.structs.fields(struct)
        }
        """All keys of the policy."""
        self.code = _code_of(self.fields["family"].type)
        self.defaults = struct(family=self.code, version=1, effective_from_ms=0)
        """The default of every key, as version 1 from the beginning of time."""
        self.undated_doubts = undated_doubts
        self.breakers = breakers
        self._contradictions = contradictions
        self._own_doubts = own_doubts
        self._change_doubts = change_doubts

    def flatten(self, tables: Mapping[str, object]) -> dict[str, object]:
        """Join keys and tables of keys into one flat mapping.

        A table named like a key is that key's value, and has the wrong shape (E-36):
        read as a group of keys, it would silently leave the key unset.

        Raises
        ------
        PolicyError
            A key appears twice.
        """
        return fields.flatten(tables, self.fields)

    def parse(self, tables: Mapping[str, object]) -> P:
        """Check a policy file or record, whatever tables group its keys, and return the policy.

        Raises
        ------
        PolicyError
            With one line for every problem found.
        """
        return self._checked(self.flatten(tables), {})

    def override(self, base: P, flat: Mapping[str, object]) -> P:
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
        return self._checked(flat, kept)

    def doubts(self, policy: P, before: P, at_ms: int) -> Iterator[Doubt]:
        """Doubt every implausible value.

        Parameters
        ----------
        before
            The version it is compared with.
        at_ms
            When the policy was published, UTC ms.
        """
        yield from moment_doubts("effective_from_ms", policy.effective_from_ms, at_ms)
        if self._own_doubts is not None:
            yield from self._own_doubts(policy)
        if self._change_doubts is not None:
            yield from self._change_doubts(policy, before)
        else:
            yield from far_doubts(policy, before, fields.measured(self.fields))

    def _checked(self, flat: Mapping[str, object], kept: dict[str, object]) -> P:
        values, problems = fields.checked(flat, kept, self.fields)
        if self._contradictions is not None:
            problems += self._contradictions(values)
        if problems:
            raise PolicyError(problems)
        return msgspec.convert(values, self.struct)


def _code_of(annotation: object) -> str:
    codes = get_args(annotation)
    if len(codes) != 1 or not re.fullmatch(CODE, str(codes[0])):
        raise TypeError('family must be annotated with the code: Literal["XX"]')
    return str(codes[0])
