"""CONTRIBUTING.md answers eleven questions by files that are there, and the answers are true."""

import ast
import re
from collections.abc import Iterator

import pytest

from streams.families.fast_refund import reasons
from streams.families.fast_refund.tables import APPLIERS
from streams.families.fast_refund.topics import TOPICS
from streams.families.registered import SHIPPED
from streams.settings.fields import fields
from tests.house.code import ROOT, modules, named

PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
LINK = re.compile(r"\[[^\]]+\]\(([^)]+)\)")
ROW = re.compile(r"^\| ([^|]+\?) \| (.+) \|$", re.MULTILINE)
ANSWERS = {question: LINK.findall(answer) for question, answer in ROW.findall(PAGE)}

MOST_FILES = {
    "Where is a clause of the rules?": 1,
    "Where are offsets committed, and what allows it?": 2,
    "Which topics are there?": 1,
    "What happens on a rebalance?": 3,
    "How do I add a reason code?": 3,  # two, and the cases
    "How do I add a family?": 1,
    "How do I add a setting?": 1,
    "How do I add a metric?": 1,
    "How do I add a fact topic?": 2,
    "Where does an output get its headers?": 1,
    "I changed the transport or the worker: how do I simulate it?": 2,
}


def files(question: str) -> set[str]:
    """Return the modules that an answer names."""
    return {file for file in ANSWERS[question] if file.endswith(".py")}


def holding(*wanted: str) -> set[str]:
    """Return the modules of streams/ in which a method of such a name is called."""
    return {
        module.file
        for module in modules("streams")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and named(node.func) in wanted
    }


def test_eleven_questions_are_answered_each_by_few_files() -> None:
    assert ANSWERS.keys() == MOST_FILES.keys()
    assert {
        question: len(links)
        for question, links in ANSWERS.items()
        if not 0 < len(links) <= MOST_FILES[question]
    } == {}


@pytest.mark.parametrize("link", sorted(set(LINK.findall(PAGE))))
def test_every_file_that_is_named_is_there(link: str) -> None:
    assert (ROOT / link).is_file() or (ROOT / link).is_dir()


def test_offsets_are_committed_where_it_says() -> None:
    committing = {
        module.file
        for module in modules("streams")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
        and named(node.func.value).endswith("consumer")
    }
    assert committing == {"streams/kafka/commit_loop.py"}
    asking = {"to_commit", "committable"} & {
        node.attr
        for module in modules("streams")
        if module.file == "streams/kafka/commit_loop.py"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
    }
    assert asking
    assert files("Where are offsets committed, and what allows it?") == {
        "streams/kafka/commit_loop.py",
        "streams/kafka/offsets.py",
    }


def defining(*wanted: str) -> set[str]:
    """Return the modules of streams/ that define a function or class of such a name."""
    return {
        module.file
        for module in modules("streams")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and node.name in wanted
    }


def test_a_rebalance_happens_where_it_says() -> None:
    named_there = files("What happens on a rebalance?")
    heard = defining("on_partitions_revoked", "on_partitions_assigned")
    assert heard == {"streams/kafka/source.py"}
    assert heard | defining("starts") <= named_there


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_a_reason_code_is_spelled_in_one_module_of_the_reasons_only() -> None:
    spelled: dict[str, set[str]] = {code: set() for code in reasons.REASONS}
    for module in modules("streams"):
        for text in strings(module.tree):
            if text in spelled:
                spelled[text].add(module.file)
    folder = "streams/families/fast_refund/reasons/"
    assert {
        code: found
        for code, found in spelled.items()
        if len(found) != 1 or not next(iter(found)).startswith(folder)
    } == {}


def test_a_family_is_a_folder_and_a_name() -> None:
    folders = {
        path.parent.name for path in (ROOT / "streams/families").glob("*/family.py")
    }
    assert folders == set(SHIPPED)


SPECIAL = {
    "streams/settings/contradictions.py": "what contradicts what",
    "streams/settings/certificate.py": "reads one file",
    "streams/settings/security.py": "connection and login",
    "streams/settings/families.py": "settings of families, and what contradicts them",
    "streams/settings/layers.py": "names of earlier releases",
    "streams/settings/policy_file.py": "reads one file",
    "streams/settings/topics.py": "names of topics",
}
"""Modules that know single settings, and for what; the others know none."""


def test_a_setting_is_named_in_the_model_and_where_it_is_used() -> None:
    keys = {field.name for field in fields().values()}
    found = {
        module.file
        for module in modules("streams")
        if module.name.startswith("streams.settings.")
        for text in strings(module.tree)
        if text in keys
    }
    assert found <= SPECIAL.keys()


def test_every_fact_topic_has_its_applier_and_no_other_has() -> None:
    assert APPLIERS.keys() == {topic.name for topic in TOPICS.facts}


def test_headers_of_outputs_are_made_where_it_says() -> None:
    made = {
        module.file
        for module in modules("streams")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and named(node.func) in ("header", "before_value")
        for name in strings(node)
        if name.startswith("ce_")
    }
    assert made == files("Where does an output get its headers?")
