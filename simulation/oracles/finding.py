"""What an oracle has to say of a universe."""

from typing import Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal[
    "lost",
    "doubled",
    "contradictory",
    "unjust",
    "unasked",
    "unfit",
    "disordered",
    "commit_ahead",
    "commit_back",
    "notice_doubled",
    "log_changed",
    "stuck",
    "exit_code",
    "crash",
    "unjudged",
]
"""``lost``: an acknowledged request is gone, or was passed over without an answer.
``doubled``: an offset with two equal answers, or a second payout for a refund.
``contradictory``: two contents of one decision or of one offset. ``unjust``: a decision
that its facts or the fact log do not allow. ``unasked``: an answer to a record that was
never there. ``unfit``: an answer to something else than its record asked, or one that
cannot be read. ``disordered``: answers on a refund out of order. ``commit_ahead``: an
offset committed before its answer was replicated. ``commit_back``: a committed offset
that went back. ``notice_doubled``: a notice or follow-up twice. ``log_changed``: a log
that no longer holds what was in it. ``stuck``: a record without an answer for ten
minutes. ``exit_code``: a worker ended with another code than the documented one.
``crash``: an error that nobody expected. ``unjudged``: a check could not be done."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that must not be."""

    kind: Kind
    rule: str
    """Name of the rule that was broken; that of the judge's check, where there is one."""
    text: str
    """One line."""
    at_ms: int
    """When it was found: virtual UTC ms."""
    place: str
    """What it concerns: ``requests/0@17``, or a worker."""

    @property
    def signature(self) -> str:
        """Equal for findings of one defect, whatever the place and the moment."""
        return f"{self.kind}:{self.rule}"


class Problem(msgspec.Struct, frozen=True, gc=False):
    """A finding as an oracle states it, without the moment."""

    kind: Kind
    rule: str
    place: str
    text: str

    def found(self, at_ms: int) -> Finding:
        """Return the finding of this moment."""
        return Finding(
            kind=self.kind,
            rule=self.rule,
            text=self.text,
            at_ms=at_ms,
            place=self.place,
        )
