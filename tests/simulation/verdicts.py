"""Verdicts as campaigns record them."""

from simulation.oracles.finding import Finding, Kind
from simulation.verdict import Verdict


def verdict(
    seed: int, profile: str = "calm", *kinds: Kind, text: str = "it"
) -> Verdict:
    """Return the verdict on half a virtual hour, with a finding of each kind."""
    findings = tuple(
        Finding(kind=kind, rule="some_rule", place="requests/0@1", text=text, at_ms=1)
        for kind in kinds
    )
    return Verdict(
        seed=seed,
        profile=profile,
        trace="ab",
        findings=findings,
        virtual_s=1_800.0,
        steps=1_000,
        cpu_s=0.5,
        disturbed=3,
        restarts=2,
    )
