"""Seeds 151 to 300, as ``test_seeds.py``."""

from tests.simulation.many_seeds import mean_steps, run_seeds
from tests.simulation.test_seeds import MOST_STEPS


def test_nothing_is_wrong_in_the_next_150_universes() -> None:
    assert mean_steps(run_seeds(151, 150)) < MOST_STEPS
