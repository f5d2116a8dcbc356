"""The rows of topics are the only list of them: pages and code are held against it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from streams.cli import execute
from streams.families.fast_refund.topics import DECISIONS, ORDERS, REQUESTS, TOPICS
from streams.families.registered import SHIPPED, registered
from streams.kafka.incarnations import expected
from streams.kafka.rights import rights
from streams.kafka.topic_admin import declare, needed
from streams.platforms.kuaishou.topics import EVENTS
from streams.platforms.registry import groups, installed
from streams.processing.topics import DEAD_LETTERS, POLICIES, registry
from streams.settings import Settings, Topics, load
from streams.settings.topics import placed
from streams.tools.topics_page import clean_up, topics_table
from tests.families.made import Modules, modules

ROOT: Final = Path(__file__).parents[1]
ROWS: Final = (
    *registry(family.topics for family in registered(SHIPPED)),
    EVENTS,
)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Modules:
    return modules(tmp_path, monkeypatch)


# Where topics are named

ROW_FILES: Final = {"processing/topics.py", "platforms/kuaishou/topics.py"} | {
    f"families/{name}/topics.py" for name in SHIPPED
}
NO_TOPIC: Final = {
    "a fact, an option or a record of the business": {
        ("families/fast_refund/", "catalog"),
        ("tools/capture_commands.py", "buyers"),
        ("tools/decide_line.py", "catalog"),
    },
    "a heading or a label of what is shown": {
        ("metrics/table.py", "notices"),
        ("tools/backtest/report.py", "requests"),
        ("tools/backtest/report.py", "reviews"),
        ("tools/drive/asserting.py", "skipped"),
        ("tools/policy/workers.py", "policies"),
        ("tools/report/run.py", "skipped"),
    },
    "the default of a setting, held against the row below": {
        ("settings/model.py", EVENTS.name),
    },
}
"""Texts that read like a topic and are none, by what they are: module or folder, text."""


def texts_of(tree: ast.AST) -> Iterator[str]:
    """Yield every string of a module, parts of f-strings too.

    Left out are docstrings, slots, and keys of dict displays: those are labels of what is
    shown, and a topic among them would be found where it is looked up.
    """
    passed_over: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant() as docstring):
                passed_over.add(id(docstring))
            case ast.Assign(targets=[ast.Name(id="__slots__")], value=slots):
                passed_over.update(id(part) for part in ast.walk(slots))
            case ast.Dict(keys=keys):
                passed_over.update(id(key) for key in keys)
            case ast.Constant(value=str(text)) if id(node) not in passed_over:
                yield text
            case _:
                pass


def spelled(source: str) -> set[str]:
    """Return the topics that a module names by itself, without the default prefix."""
    names = {row.name for row in ROWS}
    plain = (
        text.strip("/.").removeprefix("refund.") for text in texts_of(ast.parse(source))
    )
    return {text for text in plain if text in names}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('name = prefix + "requests"', {"requests"}),
        ('name = f"{prefix}dead-letters"', {"dead-letters"}),
        ('name = "refund.orders"', {"orders"}),
        ('names = ("approvals", "reviews")', {"approvals", "reviews"}),
        ('print("orders", "x")', {"orders"}),
        ('{"orders": 1}["orders"]', {"orders"}),
        ('found = {"orders": 1}', set()),
        ('"orders"\n__slots__ = ("buyers",)', set()),
        ('text = "all orders of a day"', set()),
    ],
)
def test_a_topic_that_is_spelled_is_found(source: str, found: set[str]) -> None:
    assert spelled(source) == found


def test_topics_are_named_in_rows_and_nowhere_else() -> None:
    found = {
        (name, text)
        for path in (ROOT / "streams").rglob("*.py")
        for name in (path.relative_to(ROOT / "streams").as_posix(),)
        if name not in ROW_FILES
        for text in spelled(path.read_text("utf-8"))
    }
    allowed = set().union(*NO_TOPIC.values())
    used = {
        (where, word)
        for where, word in allowed
        for name, text in found
        if word == text and name.startswith(where)
    }
    named = {
        (name, text)
        for name, text in found
        if not any(text == word and name.startswith(where) for where, word in allowed)
    }
    assert named == set(), "use the row of the topic, or say why it is none"
    assert allowed - used == set(), "no longer there: take it off the list"


def test_the_setting_of_the_platforms_topic_has_the_name_of_its_row() -> None:
    assert EVENTS.setting is not None
    assert getattr(Topics(), EVENTS.setting) == EVENTS.name


# Pages


def test_the_page_of_topics_has_the_table_of_the_rows() -> None:
    page = (ROOT / "docs/topics.md").read_text("utf-8")
    hint = "put `refund topics list --markdown` into docs/topics.md"
    assert topics_table(Settings()) in page, hint


def test_the_readme_tells_of_every_topic_how_long_it_is_kept() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    section = text[text.index("\n## Topics\n") :]
    rows = re.findall(r"(?m)^\| `([^`]+)` \| [^|]+\| [^|]+\| ([^|]+) \|", section)
    short = {"compact": "compacted", "compact, but nothing is removed": "for ever"}
    kept = {
        topic.name: short.get(words, words.removeprefix("delete, "))
        for topic in placed(ROWS, Settings())
        for words in (clean_up(topic.row.retention),)
    }
    assert dict(rows) == kept


# What an installation has


def test_an_installation_has_the_topics_of_its_families_and_of_the_platform() -> None:
    assert installed(Settings()) == ROWS


def test_a_family_brings_its_topics_and_without_the_fast_refund_no_platform_is_heard(
    made: Modules,
) -> None:
    name = made.family("alone", "ALONE")
    rows = installed(load({}, None, {"worker.families": name}))
    assert [row.name for row in rows] == [
        "alone-days",
        "alone-shops",
        "policies",
        "alone-results",
        "dead-letters",
    ]
    both = load({}, None, {"worker.families": f"fast_refund,{name}"})
    assert {row.name for row in installed(both)} == {row.name for row in (*rows, *ROWS)}


def test_topics_are_listed_for_all_families(
    made: Modules, capsys: pytest.CaptureFixture[str]
) -> None:
    name = made.family("listed", "LI")
    sets = (f"worker.families=fast_refund,{name}", "families.LI.partitions=3")
    options = [part for one in sets for part in ("--set", one)]
    assert execute(["topics", "list", *options], {}) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(ROWS) + 3
    assert "refund.li-days\tLI\tinput\t3\tday\tdelete, 14 days\tedge\tdecide" in lines
    assert any(
        line.startswith("platform.kuaishou.events\tplatform\t") for line in lines
    )


def test_names_and_partitions_follow_the_settings(made: Modules) -> None:
    name = made.family("placed", "PL")
    settings = load(
        {},
        None,
        {
            "worker.families": f"fast_refund,{name}",
            "topics.prefix": "t.",
            "topics.events": "pushes",
            "topics.partitions": "6",
            "families.FR.partitions": "4",
        },
    )
    found = {one.name: one.partitions for one in placed(installed(settings), settings)}
    assert found == {
        **{f"t.{row.name}": 4 for row in ROWS if row.family == "FR"},
        **dict.fromkeys(("t.pl-days", "t.pl-shops", "t.pl-results"), 6),
        "t.policies": 1,
        "t.dead-letters": 6,
        "pushes": 6,
    }


def test_each_family_of_a_worker_has_a_group(made: Modules) -> None:
    name = made.family("grouped", "GR")
    given = {"worker.families": f"fast_refund,{name}"}
    assert groups(load({}, None, given)) == {
        "refund-decide": "kafka.group_id",
        "refund-decide-gr": "kafka.group_id",
    }
    own = load({}, None, given | {"families.GR.group": "own"})
    assert groups(own)["own"] == "families.GR.group"
    ingest = load({}, None, given | {"worker.roles": "ingest"})
    assert tuple(groups(ingest)) == ("refund-decide-ingest",)


# What derives from rows


def test_a_family_by_import_path_is_declared_needed_and_asked_rights_for(
    made: Modules,
) -> None:
    name = made.family("declared", "DE")
    settings = load({}, None, {"worker.families": f"fast_refund,{name}"})
    rows = installed(settings)
    specs = {spec.name: spec for spec in declare(rows, settings)}
    assert specs["refund.de-days"].config["retention.ms"] == str(14 * 86_400_000)
    assert specs["refund.de-days"].refused == frozenset()
    assert specs["refund.de-shops"].config["cleanup.policy"] == "compact"
    assert "cleanup.policy" in specs["refund.de-shops"].refused
    assert specs["refund.de-days"].roles == {"edge", "decide"}
    names = {spec.name for spec in needed(rows, settings)}
    assert {"refund.de-days", "refund.de-results"} <= names
    found = rights(rows, settings)
    assert found["refund.de-days"] == {"READ"}
    assert found["refund.de-results"] == {"READ", "WRITE"}


def test_what_is_read_must_stay_the_log_it_was() -> None:
    found = expected(placed(TOPICS.rows(), Settings()))
    facts = {f"refund.{row.name}" for row in (*TOPICS.facts, *TOPICS.shared_facts)}
    assert set(found) == {"refund.requests"} | facts
    assert "ask their senders" in found["refund.requests"].advice
    assert all("its feed" in found[name].advice for name in facts)
    assert found["refund.policies"].partitions == 1
    pushed = expected(placed((EVENTS, ORDERS), Settings()))
    assert "ask their senders" in pushed[EVENTS.name].advice


def test_no_topic_is_cleaned_up_otherwise_than_it_was() -> None:
    """A change here deletes records of installations that are there."""
    assert {row.name: clean_up(row.retention) for row in ROWS} == {
        **{row.name: "delete, 14 days" for row in (REQUESTS, EVENTS)},
        **{row.name: "delete, 180 days" for row in DECISIONS},
        **dict.fromkeys(("outcomes", "notices"), "delete, 180 days"),
        **dict.fromkeys(("orders", "buyers", "shops", "catalog"), "compact"),
        DEAD_LETTERS.name: "delete, 30 days",
        POLICIES.name: "compact, but nothing is removed",
    }
