"""The oracles share no code with the workers, their transport or their way to decide."""

from tests.house.code import modules
from tests.house.imports import imports

JUDGE = "faults.judge"
BROKER = "testkit.simulated"
ALLOWED = {
    # How a process ended, as the world says.
    "simulation.departure",
    # The base of errors that have a documented exit code, for ends of processes.
    "streams.errors",
    # Names of topics and group, and the shipped policy for the judge.
    "streams.families.fast_refund.policy",
    "streams.families.fast_refund.topics",
    "streams.processing.topics",
    "streams.settings",
}


def test_the_oracles_take_only_the_judge_the_broker_and_names_from_elsewhere() -> None:
    found = {
        one.target
        for module in modules("simulation")
        if module.name.startswith("simulation.oracles")
        for one in imports(module, frozenset())
    }
    assert found, "nothing was looked at"
    ours = {
        name
        for name in found
        if name.startswith(
            ("streams", "testkit", "tests", "bench", "faults", "simulation")
        )
    }
    foreign = {
        name
        for name in ours
        if not name.startswith((JUDGE, BROKER, "simulation.oracles"))
    }
    assert foreign == ALLOWED
