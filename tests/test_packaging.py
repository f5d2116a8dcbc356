import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hatchling.builders.wheel import WheelBuilder

import streams

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PIN = re.compile(r"^([a-z0-9.-]+)==(\S+)", re.MULTILINE)
NAME = re.compile(r"^[A-Za-z0-9.-]+")


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        return tomllib.load(file)


@pytest.fixture(scope="module")
def project(pyproject: dict[str, Any]) -> dict[str, Any]:
    table: dict[str, Any] = pyproject["project"]
    return table


def names(requirements: list[str]) -> set[str]:
    found = [NAME.match(requirement) for requirement in requirements]
    return {match[0].lower() for match in found if match is not None}


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return dict(PIN.findall(text))


def test_the_dependency_page_lists_exactly_the_direct_dependencies(
    pyproject: dict[str, Any], project: dict[str, Any]
) -> None:
    direct = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        direct += extra
    direct += pyproject["dependency-groups"]["bench"]
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", page, re.MULTILINE)
    listed = [name for name, _ in rows]
    assert len(listed) == len(set(listed)), "a row is there twice"
    assert set(listed) == names(direct)
    assert all(cell.strip() for _, cells in rows for cell in cells.split("|"))


def test_the_run_lock_pins_every_dependency_of_production(
    project: dict[str, Any],
) -> None:
    assert names(project["dependencies"]) <= pins("run.lock").keys()
    extras = project["optional-dependencies"]
    assert not names(extras["demo"] + extras["dev"]) & pins("run.lock").keys()


def test_the_bench_lock_pins_the_peers_and_the_others_do_not(
    pyproject: dict[str, Any],
) -> None:
    group = names(pyproject["dependency-groups"]["bench"])
    assert group <= pins("bench.lock").keys()
    peers = {"faststream", "quixstreams"}
    assert peers <= group
    for lock in ("run.lock", "dev.lock", "build.lock"):
        assert not peers & pins(lock).keys()


def test_the_tools_lock_adds_the_tools_to_what_runs_in_production(
    project: dict[str, Any],
) -> None:
    assert names(project["optional-dependencies"]["tools"]) <= pins("tools.lock").keys()
    assert pins("run.lock").items() <= pins("tools.lock").items()


@pytest.mark.parametrize("lock", ["run.lock", "build.lock", "tools.lock"])
def test_what_is_shipped_was_tested_in_the_same_version(lock: str) -> None:
    assert pins(lock).items() <= pins("dev.lock").items()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_every_file_by_hash_and_names_no_address_or_path(
    lock: Path,
) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
    assert blocks
    for block in blocks:
        assert PIN.match(block), block.splitlines()[0]
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    assert not re.search(r"(?:^|\s)/\w", text), "a path of some machine"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder))
    return Path(built)


def test_the_wheel_carries_the_package_its_types_and_its_configuration(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = set(archive.namelist())
    tops = {name.partition("/")[0] for name in files}
    assert tops == {"streams", f"refund_streams-{streams.__version__}.dist-info"}
    assert "streams/py.typed" in files
    shipped = {f"streams/config/{path.name}" for path in ROOT.glob("config/*.toml")}
    assert "streams/config/policy.toml" in shipped
    assert shipped <= files


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("broker", "run it in a checkout after `make setup`"),
        ("demo", "run it in a checkout (`make demo`), or name a broker"),
    ],
)
def test_an_installed_package_says_where_the_test_broker_is(
    wheel: Path, tmp_path: Path, command: str, advice: str
) -> None:
    """With what the wheel holds, and nothing of this checkout beside it."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        f"import sys; sys.path = [{str(tmp_path)!r}]"
        f" + [one for one in sys.path if one not in ('', {str(ROOT)!r})];"
        "import streams; assert streams.__file__.startswith(sys.path[0]);"
        "from streams.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, command],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"refund: refund {command} needs a test broker")
    assert advice in line


def test_the_package_imports_test_instruments_in_functions_only() -> None:
    """Which modules may, the contract in pyproject.toml says."""
    found = {
        (path.relative_to(ROOT).as_posix(), inside)
        for path in ROOT.glob("streams/**/*.py")
        for inside in imports_of_testkit(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == {
        ("streams/tools/broker.py", "function"),
        ("streams/tools/demo/machinery.py", "function"),
    }


def imports_of_testkit(tree: ast.Module) -> Iterator[str]:
    lazy = {
        inner
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(outer)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        if any(name.partition(".")[0] == "testkit" for name in names):
            yield "function" if node in lazy else "module"
