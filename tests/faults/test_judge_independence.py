"""The judge shares no code with what it judges or with the maker of the records."""

from tests.house.code import modules
from tests.house.imports import imports

ALLOWED = {
    # To judge a recorded decision again: the pure core, and how its records are read.
    "streams.families.fast_refund.decide",
    "streams.families.fast_refund.decision_codec",
    "streams.families.fast_refund.policy",
}


def test_the_judge_takes_nothing_but_the_pure_core_from_elsewhere() -> None:
    found = {
        one.target
        for module in modules("faults")
        if module.name.startswith("faults.judge")
        for one in imports(module, frozenset())
    }
    assert found, "nothing was looked at"
    ours = {
        name
        for name in found
        if name.startswith(("streams", "testkit", "tests", "bench", "faults"))
    }
    judges = {name for name in ours if name.startswith("faults.judge")}
    assert ours - judges == ALLOWED
