"""What the documents name is there, and they stand on their own."""

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import typer

from streams import __version__
from streams.cli import app
from streams.families.fast_refund.policy import Policies
from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.reasons import reviewer_text_en
from streams.processing.policies.book import PolicyBook
from streams.settings.fields import find, sections
from streams.settings.layers import OLD_NAMES
from testkit.samples import NOW

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
)
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
CODE: Final = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
CALL: Final = re.compile(r"\brefund ([a-z][a-z-]*)(?: ([a-z][a-z-]*)\b)?([^`|\n#]*)")

# In two halves, so that this file does not hold what it looks for.
REGISTRIES: Final = [
    left + right
    for left, right in (
        ("pypi", ".org"),
        ("python", "hosted"),
        ("npm", "js."),
        ("repo.", "maven"),
        ("repo1.", "maven"),
        ("proxy.", "golang"),
        ("arti", "factory"),
        ("dev", "pi"),
    )
]
PLACES: Final = [
    "/" + name + "/" for name in ("work", "root", "home", "Users", "workspace")
]


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    for link in links:
        assert "://" not in link, f"{link}: the documents need no other site"
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


def commands() -> dict[str, set[str]]:
    """Return every command as people type it, with its options."""
    found: dict[str, set[str]] = {}
    root = typer.main.get_command(app)
    for name, command in getattr(root, "commands", {}).items():
        below = getattr(command, "commands", None) or {"": command}
        for sub, leaf in below.items():
            options = {opt for one in leaf.params for opt in one.opts}
            found[f"{name} {sub}".strip()] = options | {"--help"}
    return found


def calls(page: Path) -> Iterator[tuple[str, str]]:
    """Yield command and arguments of every ``refund ...`` in code on a page."""
    known = commands()
    groups = {name.split()[0] for name in known if " " in name}
    for code in CODE.findall(page.read_text(encoding="utf-8")):
        for first, second, rest in CALL.findall(code):
            if first in groups and second:
                yield f"{first} {second}", rest
            elif first not in groups:
                yield first, f"{second} {rest}"
            else:
                yield first, ""


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    known = commands()
    groups = {name.split()[0] for name in known if " " in name}
    for command, arguments in calls(page):
        assert command in known or command in groups, f"refund {command}"
        for option in re.findall(r"(?<!\S)--[a-z-]+", arguments):
            assert option in known.get(command, set()), f"{command} {option}"


def test_the_readme_shows_every_command() -> None:
    assert {command for command, _ in calls(ROOT / "README.md")} == set(commands())


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_make_target_on_a_page_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for code in CODE.findall(page.read_text(encoding="utf-8")):
        assert set(re.findall(r"\bmake ([a-z]+)", code)) <= targets


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_setting_and_metric_on_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    old = set(OLD_NAMES) if page.name in {"CHANGELOG.md", "settings.md"} else set()
    for name, key in re.findall(
        rf"`((?:{'|'.join(sections())}|families\.[A-Z]+)\.([a-z_]+))[`=]", text
    ):
        if key not in {"py", "toml"}:
            assert find(name) or name in old, name


def test_every_metric_of_the_operations_page_exists() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    metrics = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    names = set(re.findall(r"\brefund_(?!dlq_)[a-z_]+\b", page)) - {"refund_id"}
    assert names
    for name in names:
        assert f"`{name}`" in metrics, name


def test_every_stated_exit_code_is_one_of_ours() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == [
        "0",
        "1",
        "2",
        "130",
        "143",
    ]


def test_every_reason_for_not_being_ready_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for source in ("family_processor.py", "ingesting.py"):
        text = (ROOT / "streams" / "worker" / source).read_text(encoding="utf-8")
        body = text.split("def not_ready(")[1].split("\n    def ")[0]
        reasons = re.findall(r'(?:return \[|append\()"([^"]+)"', body)
        assert reasons
        for reason in reasons:
            assert f"`{reason}`" in page, reason


def test_a_policy_file_can_be_published_as_the_page_says() -> None:
    with (ROOT / "config" / "policy.toml").open("rb") as file:
        tables = tomllib.load(file)
    key = f"FR@{tables['version']}".encode()
    book = PolicyBook(POLICY, Policies())
    assert book.apply(key, json.dumps(tables).encode(), NOW) is None
    assert [one.name for one in book.policies] == ["FR@1"]


def test_the_newest_released_changes_are_those_of_this_version() -> None:
    page = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (\S+)", page, re.MULTILINE)
    assert next(head for head in heads if head != "Unreleased") == __version__
    assert "Unreleased" not in heads[1:]


def texts() -> list[Path]:
    """Return the text files that are, or will be, tracked."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],  # noqa: S607 - whichever git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files are ours")
    found = [ROOT / name for name in listed.stdout.splitlines()]
    return [path for path in found if path.is_file() and b"\0" not in path.read_bytes()]


def test_no_file_names_a_package_registry_or_a_place_on_some_machine() -> None:
    for path in texts():
        text = path.read_text(encoding="utf-8", errors="replace")
        for word in (*REGISTRIES, *PLACES):
            assert word not in text, f"{path.relative_to(ROOT)}: {word}"


def test_the_readme_is_the_long_description_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'readme = "README.md"' in project
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "README.md" in dockerfile, "building the wheel needs it"


def test_lists_that_are_not_ready_are_told_alike_on_all_pages() -> None:
    said = reviewer_text_en("LISTS_NOT_READY", None)
    for page in PAGES:
        text = " ".join(page.read_text(encoding="utf-8").split())
        if re.search(r"LISTS_NOT_READY[^|.]{0,40}(?: means |: )", text):
            assert said in text, f"{named(page)}: say it as docs/reasons.md does"
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert "(reasons.md#lists_not_ready): " + said in " ".join(operations.split())
