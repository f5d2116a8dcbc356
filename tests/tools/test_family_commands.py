"""Commands on a family that is not shipped: named by code, or by the id of a decision."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.cli import execute
from tests.families.made import Modules

FAMILY = """
from types import SimpleNamespace
from typing import Literal

from streams.processing.record_explainer import RecordExplainer
from streams.processing.policies import AnyPolicy, PolicyType, Span
from streams.processing.reasons import Reason, ReasonCatalog
from streams.processing.rules import Fact, Rule
from {topics} import FAMILY as ROWS


class Policy(AnyPolicy, frozen=True):
    family: Literal["XX"]
    wait_ms: Span = 60_000


LATE = Reason("TOO_LATE", 10, "XX-1", "迟到", "it came late", reviewer=("查。", "Look."))
REASONS = ReasonCatalog((LATE,))
RULES = (
    Rule(
        check=lambda case, policy: (),
        clause="XX-1",
        title=("按时到达", "it comes in time"),
        fact=Fact("arrived_at_ms"),
        codes=(LATE,),
    ),
)
FAMILY = SimpleNamespace(
    code="XX",
    topics=ROWS.topics,
    policy=PolicyType(Policy),
    reasons=REASONS,
    explainer=RecordExplainer(REASONS, RULES),
    kinds=(),
    process=None,
)
"""

Ran = tuple[int, str, str]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    monkeypatch.syspath_prepend(tmp_path)
    written = Modules(tmp_path)
    topics = written.family("commands_topics", "XX")
    name = written.write("commands_family", FAMILY.replace("{topics}", topics))
    environ = {"REFUND_WORKER__FAMILIES": f"fast_refund,{name}"}

    def ran(*arguments: str) -> Ran:
        code = execute(arguments, environ)
        out, err = capsys.readouterr()
        return code, out, err

    return ran


def test_a_policy_of_another_family_is_checked_and_shown(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    file = tmp_path / "xx.toml"
    start = "2026-01-01T00:00:00+08:00"
    file.write_text(
        f'family = "XX"\nversion = 1\neffective_from_ms = "{start}"\nwait_ms = 70_000\n'
    )
    assert run("policy", "check", str(file), "--family", "XX") == (
        0,
        "XX@1 is in order\n",
        "",
    )
    code, out, _ = run("policy", "show", str(file), "--family", "XX")
    assert code == 0
    assert "wait_ms = 70000\n" in out
    code, _, err = run("policy", "check", str(file))
    assert code == 2
    assert 'family: must be "FR"' in err
    file.write_text('family = "XX"\nversion = 1\neffective_from_ms = 0\nwait_ms = 1\n')
    code, _, err = run("policy", "check", str(file), "--family", "XX")
    assert code == 2
    assert "wait_ms: 1 is far from 60000 of XX@1" in err


def test_no_policy_of_another_family_is_shipped(run: Callable[..., Ran]) -> None:
    code, _, err = run("policy", "check", "--family", "XX")
    assert code == 2
    assert "no policy of XX is shipped; name a file" in err


def test_a_code_that_no_family_has_is_wrong_usage(run: Callable[..., Ran]) -> None:
    for command in (("policy", "check"), ("reasons",)):
        code, _, err = run(*command, "--family", "ZZ")
        assert code == 2
        assert "--family ZZ: no family of worker.families has this code" in err
        assert "only FR, XX" in err


def test_reasons_of_another_family_are_listed(run: Callable[..., Ran]) -> None:
    assert "TOO_LATE" in run("reasons", "--family", "XX")[1]
    assert "TOO_LATE" not in run("reasons")[1]
    code, out, _ = run("reasons", "TOO_LATE", "--family", "XX")
    assert code == 0
    assert "| reviewers do | 查。 | Look. |" in out
    assert "buyers" not in out
    assert run("reasons", "--markdown", "--family", "XX")[0] == 2


def test_a_decision_is_explained_by_the_family_that_its_id_names(
    run: Callable[..., Ran],
) -> None:
    record = {
        "decision_id": "XX:p-1:1",
        "outcome": "manual_review",
        "reason_codes": ["TOO_LATE"],
        "decided_at_ms": 1_773_800_100_007,
        "seen": {"arrived_at_ms": 1_773_800_000_000},
    }
    code, out, _ = run("explain", json.dumps(record))
    assert code == 0
    assert out.splitlines()[0] == "XX:p-1:1"
    assert "  fails: it comes in time (XX-1)" in out
    code, out, _ = run("explain", json.dumps(record), "--json")
    assert json.loads(out)["conditions"][0]["state"] == "fails"
    code, _, err = run("explain", json.dumps({**record, "decision_id": "ZZ:p-1:1"}))
    assert code == 2  # no decision of the fast refund
    assert "not a decision record" in err
