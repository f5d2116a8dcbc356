"""Seeds 1 to 150: nothing is lost, doubled, contradictory, unjust or stuck.

With ``test_more_seeds.py`` three hundred seeds; two files, so that two processes share them.
"""

from typing import Final

from tests.simulation.many_seeds import mean_steps, run_seeds

MOST_STEPS: Final = 12_000
"""Of a universe on average: half as many again as when this was written. A callback costs
some 30 µs, so with more than that three hundred seeds take more than a minute on two cores."""


def test_nothing_is_wrong_in_the_first_150_universes() -> None:
    verdicts = run_seeds(1, 150)
    assert mean_steps(verdicts) < MOST_STEPS
    assert {verdict.profile for verdict in verdicts} >= {"workers", "everything"}
    assert sum(verdict.disturbed for verdict in verdicts) > 0
    assert sum(verdict.restarts for verdict in verdicts) > len(verdicts)
