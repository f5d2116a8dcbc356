"""What ``docs/clauses.md`` is made from: docstrings, rule rows, marks on tests, and notes.

A function holds the clauses that its docstring cites. A test shows the clauses that its
mark names (``@pytest.mark.clause``). Bounds, words and reasons stand in the rule rows.
Written by hand are only ``clauses.toml``, where a clause is not simply done, and the
lists of clauses below.
"""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec

from streams.families.fast_refund.policy_type import POLICY
from streams.families.fast_refund.rules import RULES
from streams.families.fast_refund.rules.rule import ASKED, EMPTY, Rule

ROOT: Final = Path(__file__).parents[3]
RENEW: Final = "pytest tests/families/fast_refund/test_clauses_page.py --update-cases"

CLAUSES: Final = [
    *("FR-1.1", "FR-1.2a", "FR-1.2b", "FR-1.3a", "FR-1.3b", "FR-1.3c", "FR-1.4"),
    *("FR-1.4a", "FR-1.4b", "FR-1.4c", "FR-1.5a", "FR-1.5b", "FR-1.5c", "FR-1.6"),
    *("FR-1.6a", "FR-1.6b", "FR-1.7", "FR-1.7(1)a", "FR-1.7(1)b", "FR-1.7(2)a"),
    *("FR-1.7(2)b", "FR-Q1", "FR-Q2", "FR-Q3", "FR-Q4", "FR-Q5"),
]
READINGS: Final = [f"R-{number:02d}" for number in (*range(1, 13), 31, 34)]
RULINGS: Final = [f"E-{number}" for number in range(1, 39)]
OPTIONS: Final = [
    *("buyer_count_max", "buyer_amount_quota_fen", "one_auto_approval_per_order"),
    *("payment_age_min_ms", "payment_age_max_ms", "waybill_soft_veto", "breaker_*"),
    *("line_level_unshipped", "whole_order_only"),
]
"""Keys of the policy that switch something on."""

STATUSES: Final = {"done", "recorded", "measured", "partly", "not built"}

_CITED: Final = re.compile(
    r"(?<![\w-])(?:FR-(?:Q\d|\d\.\d(?:\(\d\))?[a-c]?)|R-\d\d|E-\d+)(?!\w)"
)
_RANGE: Final = re.compile(r"E-(\d+) to E-(\d+)")
_KEY: Final = re.compile(r"``([a-z]\w+\*?)``")

Index = Mapping[str, list[str]]
"""Clause -> dotted names of functions, or tests; in the order of the files."""


class Sources(msgspec.Struct, frozen=True):
    """Everything that the page is made from."""

    code: Index
    tests: Index
    notes: Mapping[str, Mapping[str, str]]


def sources() -> Sources:
    """Read the code, the tests and the notes."""
    notes = (ROOT / "tests/families/fast_refund/clauses.toml").read_text("utf-8")
    return Sources(_code(), _tests(), tomllib.loads(notes))


def _code() -> Index:
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "streams").rglob("*.py")):
        parts = file.relative_to(ROOT / "streams").with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        for name, text in _texts(ast.parse(file.read_text("utf-8")).body, module):
            for clause in dict.fromkeys(_citations(text)):
                found.setdefault(clause, []).append(name)
    return found


def _citations(text: str) -> Iterator[str]:
    yield from _CITED.findall(text)
    for first, last in _RANGE.findall(text):
        yield from (f"E-{number}" for number in range(int(first), int(last) + 1))
    yield from (key for key in _KEY.findall(text) if key in OPTIONS)


def _texts(body: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    """Yield functions, classes and fields of classes with what is said of them."""
    nodes = list(body)
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{node.name}"
            yield name, ast.get_docstring(node) or ""
            if isinstance(node, ast.ClassDef):
                yield from _texts(node.body, name)
                yield from _fields(node.body, name)


def _fields(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    for field, after in pairwise(body):
        match field, after:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield f"{prefix}.{name}", text
            case _:
                pass


def _tests() -> Index:
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        path = file.relative_to(ROOT / "tests").as_posix()
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for name in _marked(node):
                    found.setdefault(name, []).append(f"{path}::{node.name}")
    return found


def _marked(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(".clause"):
            yield from (ast.literal_eval(name) for name in mark.args)


# -- the page --------------------------------------------------------------------------

_HEAD: Final = f"""\
# Clauses: the code and the tests of each rule

This page lists every clause of the announcement (FR), every reading (R) that touches it, every
edge ruling (E) and every option of section 3, then every rule. *Code* lists the functions and
keys below `streams.` whose docstring cites the clause, *tests* those below `tests/` that are
marked with it; *bounds* are keys of the policy. In addition all worked cases in `tests/cases/`
run.

This page is generated from the code and the tests; to renew it:

    {RENEW}

To add a rule, write its function and its row in `streams/families/fast_refund/rules/`, cite the
clause in the docstring, and mark a test with `@pytest.mark.clause`. To add a reason code, write
its row in `streams/families/fast_refund/reasons/`, and a case in `tests/cases/`.

Requests with nothing unusual about them are approved by
`families.fast_refund.fast_rules.FastRules.approve` in one pass. It is not a second set of rules
but a sufficient condition for all of them to hold.
`tests/families/fast_refund/test_fast_rules.py` compares it with them, and so does every worker,
up to a thousand times a second.

Status: **done**; **recorded** = the fact is kept but does not affect decisions; **measured** = a
metric; **partly** and **not built** = see the reason.
"""
_OTHER_READINGS: Final = """
R-13 to R-30, R-32 and R-33 read the deposit and standing texts, which are policy families of
their own and not part of this one.
"""
_TAIL: Final = """
`HISTORY_UNAVAILABLE` is in the closed list of reasons with its texts, and no rule gives it: {why}
"""


def page(made: Sources) -> str:
    """Return ``docs/clauses.md``."""
    return "\n".join(
        (
            _HEAD,
            *_table("The announcement", "Clause", CLAUSES, made),
            *_table("Readings", "Reading", READINGS, made),
            _OTHER_READINGS,
            *_table("Edge rulings", "Ruling", RULINGS, made),
            *_table("Options (section 3) and breakers", "Option", OPTIONS, made),
            "## Every rule\n",
            "| Rule | What holds | Clause | Bounds | Fast path | Reasons | Tests |",
            "|---|---|---|---|---|---|---|",
            *(_rule(rule, made) for rule in RULES),
            _TAIL.format(why=made.notes["HISTORY_UNAVAILABLE"]["why"]).rstrip(),
            "",
        )
    )


def _table(title: str, head: str, names: Iterable[str], made: Sources) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"| {head} | Code | Bounds | Tests | Status | Why, or what is left |"
    yield "|---|---|---|---|---|---|"
    for name in names:
        note = made.notes.get(name, {})
        shown = f"`{name}`" if name in OPTIONS else name
        code = code_of(name, made)
        cells = (
            shown,
            _code_words(code),
            _code_words(bounds_of(code)),
            _code_words(made.tests.get(name, ())),
            note.get("status", "done"),
            note.get("why", ""),
        )
        yield _row(cells)
    yield ""


def _rule(rule: Rule, made: Sources) -> str:
    fast = {
        ASKED: "asks it",
        EMPTY: f"only while `{rule.needs}` is empty",
    }.get(rule.fast, "none while it runs")
    return _row(
        (
            f"`{path_of(rule)}`",
            rule.title[1],
            rule.clause,
            _code_words(rule.policy_keys),
            fast,
            _code_words(one.code for one in rule.codes),
            _code_words(shown_by(rule, made)),
        )
    )


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _code_words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


# -- what belongs together -------------------------------------------------------------


def code_of(clause: str, made: Sources) -> list[str]:
    """Return what cites a clause; of a key of the policy, the rules that it bounds too."""
    found = list(made.code.get(clause, ()))
    bounded = (_dotted(rule) for rule in RULES if clause in rule.policy_keys)
    return list(dict.fromkeys((*found, *bounded)))


def bounds_of(code: Iterable[str]) -> list[str]:
    """Return the keys of the policy that bound rules among these functions."""
    named = set(code)
    keys = [key for rule in RULES if _dotted(rule) in named for key in rule.policy_keys]
    assert set(keys) <= POLICY.fields.keys()
    return list(dict.fromkeys(keys))


def shown_by(rule: Rule, made: Sources) -> list[str]:
    """Return the tests of a rule: marked with its name, else with a clause that it cites."""
    own = made.tests.get(rule.name, ())
    if own:
        return list(own)
    cited = dict.fromkeys(_citations(rule.check.__doc__ or ""))
    tests = (test for clause in cited for test in made.tests.get(clause, ()))
    return list(dict.fromkeys(tests))


def path_of(rule: Rule) -> str:
    """Return module and function of a rule: ``goods.category``."""
    return f"{rule.check.__module__.rpartition('.')[2]}.{rule.name}"


def _dotted(rule: Rule) -> str:
    return f"families.fast_refund.rules.{path_of(rule)}"


def known_names() -> set[str]:
    """Return every name that a mark or a note may have."""
    rules: Any = (rule.name for rule in RULES)
    return {*CLAUSES, *READINGS, *RULINGS, *OPTIONS, *rules}
