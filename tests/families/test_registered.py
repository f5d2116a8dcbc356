from pathlib import Path

import pytest

from streams.errors import UsageError
from streams.families.registered import SHIPPED, registered
from tests.families.made import Modules, modules


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Modules:
    return modules(tmp_path, monkeypatch)


def problems_of(*names: str) -> tuple[str, ...]:
    with pytest.raises(UsageError) as caught:
        registered(names)
    return caught.value.problems


def test_every_folder_of_a_family_is_registered() -> None:
    folders = Path(__file__).parents[2] / "streams/families"
    found = {path.parent.name for path in folders.glob("*/family.py")}
    assert found == set(SHIPPED)
    assert [family.code for family in registered(SHIPPED)] == ["FR"]


def test_a_family_is_found_by_its_import_path(made: Modules) -> None:
    path = made.family("registered_by_path", "PATH")
    found = registered(("fast_refund", path))
    assert [family.code for family in found] == ["FR", "PATH"]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("raises_import", "import nothing_there", "ModuleNotFoundError: No module"),
        ("raises_syntax", "FAMILY = (", "SyntaxError: '(' was never closed"),
        ("raises_own", "raise KeyError('x\\ny')", "KeyError: 'x\\ny'"),
        ("has_none", "OTHER = 1", "has no attribute 'FAMILY'"),
        ("is_none", "FAMILY = None", "its code is None"),
        (
            "has_bad_code",
            "class FAMILY: code = 'fr'",
            "its code is 'fr', not capital letters and digits",
        ),
        (
            "lacks_much",
            "class FAMILY: code = 'X'",
            "; it lacks topics, kinds, policy, reasons",
        ),
        ("has_no_topics", "class FAMILY: code = 'X'", "its topics are no FamilyTopics"),
    ],
)
def test_a_module_that_holds_no_family_is_refused_with_a_line(
    made: Modules, name: str, text: str, why: str
) -> None:
    (line,) = problems_of(made.write(f"family_that_{name}", text))
    assert line.startswith(f"worker.families: family_that_{name} is not a family (")
    assert why in line
    assert line.endswith(
        "name one of fast_refund, or a module on the path that holds a FAMILY"
    )
    assert "\n" not in line


@pytest.mark.parametrize("name", ["", ".x", "a/b", "nowhere_to_be_found"])
def test_a_name_that_is_no_module_is_refused_with_a_line(name: str) -> None:
    (line,) = problems_of(name)
    assert " is not a family (" in line


def test_a_family_that_is_named_twice_is_refused(made: Modules) -> None:
    assert problems_of("fast_refund", "fast_refund") == (
        "worker.families: FR is named twice",
    )
    assert problems_of("fast_refund", made.family("second_fr", "FR")) == (
        "worker.families: FR is named twice",
    )


def test_all_names_that_are_wrong_are_told_at_once() -> None:
    assert len(problems_of("nowhere_one", "fast_refund", "nowhere_two")) == 2


def test_a_topic_that_two_families_declare_differently_is_refused(
    made: Modules,
) -> None:
    path = made.family("declares_requests", "DR")
    file = made.folder / "declares_requests.py"
    file.write_text(file.read_text("utf-8").replace("dr-shops", "orders"), "utf-8")
    assert problems_of("fast_refund", path) == (
        "worker.families: orders is declared twice, and differently",
    )
