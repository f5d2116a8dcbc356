"""Faults of single requests: what a broker, or the network before it, does wrong for once."""

from enum import StrEnum
from typing import Protocol

import msgspec

from testkit.simulated.handling import Call


class Reply(StrEnum):
    """What the client hears."""

    ANSWER = "answer"
    ERROR = "error"
    """An answer with an error code."""
    NOTHING = "nothing"
    """No answer, to this request and to all later ones of the connection."""
    RESET = "reset"
    """The connection is reset."""


class Spoilt(StrEnum):
    """How the records of a fetch answer arrive."""

    WHOLE = "whole"
    CUT = "cut"
    """They end in the middle of a batch; nothing is there if there was only one."""
    CHECKSUM = "checksum"
    """A bit of the last batch is turned."""


class Disturbance(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong with one request."""

    told: str
    """What happens, as one line for a person."""
    effect: bool = True
    """Whether the request is carried out."""
    reply: Reply = Reply.ANSWER
    code: int = 0
    """Error code of the protocol, for ``ERROR``."""
    late_ms: int = 0
    """The answer comes so much later."""
    throttle_ms: int = 0
    """What the answer says of throttling."""
    spoilt: Spoilt = Spoilt.WHOLE


class Faults(Protocol):
    """Decides which requests are disturbed."""

    def meet(self, call: Call) -> Disturbance | None:
        """Count a request; return what goes wrong with it; None = nothing."""


class NoFaults:
    """Disturbs nothing."""

    def meet(self, call: Call) -> Disturbance | None:  # noqa: ARG002 - as the protocol has it
        """Return None."""
        return None
