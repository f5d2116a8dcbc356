"""The Grafana dashboard: its queries ask for what a worker serves, in valid PromQL."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.deploy.test_alerts import ROOT, run, unknown

BOARD: Final[dict[str, Any]] = json.loads(
    (ROOT / "deploy/grafana/refund.json").read_text("utf-8")
)


def panels() -> list[dict[str, Any]]:
    return [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def queries() -> list[str]:
    """Return all queries, with Grafana's own variables filled in."""
    return [
        target["expr"]
        .replace("$__rate_interval", "1m")
        .replace("$__range", "3h")
        .replace("$instance", ".*")
        for panel in panels()
        for target in panel["targets"]
    ]


def test_queries_ask_only_for_metrics_and_labels_of_the_table() -> None:
    assert len(queries()) > 30
    assert unknown(queries()) == []


def test_a_query_for_what_nobody_serves_is_found() -> None:
    asked = ["sum(refund_nonsense_total)", 'refund_ready{shop="1"}', "process_smell"]
    assert unknown(asked) == [
        "refund_nonsense_total []",
        "refund_ready ['shop']",
        "process_smell []",
    ]


def test_queries_are_valid_promql(tool: Callable[[str], str], tmp_path: Path) -> None:
    file = tmp_path / "queries.yml"
    rules = [
        {"record": f"query:number{number}", "expr": query}
        for number, query in enumerate(queries())
    ]
    file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    done = run(tool("promtool"), "check", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_variable_is_left_that_the_board_does_not_define() -> None:
    defined = {one["name"] for one in BOARD["templating"]["list"]}
    assert defined == {"datasource", "instance"}
    assert not [query for query in queries() if "$" in query]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_each_panel_says_what_it_shows_and_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert all(target["legendFormat"] for target in panel["targets"])


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells
