"""What the instruments beside the package may use; for the package see `lint-imports`."""

import pytest

from tests.house.code import modules
from tests.house.imports import imports

OURS = ("streams", "testkit", "simulation", "faults", "bench", "tests", "examples")
MAY_USE = {
    "testkit": ("streams", "testkit"),
    "simulation": ("streams", "testkit", "simulation", "faults.judge"),
}


def used(package: str) -> set[tuple[str, str]]:
    """Return which module of a package imports which, wherever in it."""
    known = frozenset(one.name for name in OURS for one in modules(name))
    return {
        (one.module, one.target)
        for module in modules(package)
        for one in imports(module, known)
    }


def is_below(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@pytest.mark.parametrize("package", MAY_USE)
def test_an_instrument_uses_of_ours_only_what_it_may(package: str) -> None:
    wrong = {
        (module, target)
        for module, target in used(package)
        if target.split(".")[0] in OURS
        and not any(is_below(target, one) for one in MAY_USE[package])
    }
    assert wrong == set()


def test_the_simulation_uses_the_judge_and_the_simulated_broker() -> None:
    found = {target for _, target in used("simulation")}
    assert any(is_below(target, "faults.judge") for target in found)
    assert any(is_below(target, "testkit.simulated") for target in found)


def test_the_young_event_loop_is_known_to_one_module_only() -> None:
    found = {
        module
        for package in OURS
        for module, target in used(package)
        if is_below(target, "detangle")
    }
    assert found == {"testkit.simulated.loop"}
