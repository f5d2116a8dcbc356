"""What came of a seed, as it is kept and compared."""

import msgspec

from simulation.oracles.finding import Finding


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one universe."""

    seed: int
    profile: str
    trace: str
    """Hash of everything its cluster saw: equal for equal runs."""
    findings: tuple[Finding, ...] = ()
    virtual_s: float
    steps: int
    cpu_s: float
    disturbed: int
    """Requests that met a fault."""
    restarts: int
    """Ends of worker processes."""

    @property
    def signature(self) -> str | None:
        """What is wrong, in a form that is equal for one defect; None = nothing."""
        return self.findings[0].signature if self.findings else None
