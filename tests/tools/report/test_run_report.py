import io
import json
import re
from array import array
from pathlib import Path
from typing import Any

import pytest

from streams.tools.drive.asserting import read_assertions
from streams.tools.drive.measuring import Measured
from streams.tools.drive.run import RunOutcome, TrafficRun
from streams.tools.drive.sending import Sent
from streams.tools.report.run import (
    RunReport,
    conclude,
    html,
    print_report,
    report_of,
    write_report,
)

MS = 1_000_000


class _Nothing:
    def rows(self, start_ms: int) -> Any:  # noqa: ANN401 - never called
        raise NotImplementedError


def outcome(late_ms: int = 1, answered: int = 100, refused: int = 0) -> RunOutcome:
    measured = Measured(0, 10)
    for number in range(100):
        due_ns = number * 50 * MS
        measured.acked(array("q", [0, number, due_ns, late_ms * MS]))
        if number < answered:
            came_ns = due_ns + (number + 1) * MS
            measured.came(array("q", [0, number, came_ns, number % 4]))
    run = TrafficRun(source=_Nothing(), preload_count=0, length_s=10)
    return RunOutcome(run, 1_773_800_100_000, measured, Sent(100, 7, refused), 5.0)


def report(found: RunOutcome, *asserts: str, what: str = "Replay of day") -> RunReport:
    return report_of(found, what, "recorded gaps at 1x", read_assertions(asserts))


def test_what_was_measured_is_reported() -> None:
    found = report(outcome(answered=90), "p99<200ms", "lost==10", "rate>1")
    assert found.passed
    assert found.counts["lost"] == 10
    assert found.counts["facts"] == 7
    assert found.counts["approved"] + found.counts["dead"] == 23 + 22
    assert (found.latency.quantiles_ms["p50"] or 0) == pytest.approx(45, rel=0.01)
    assert sum(one.requests for one in found.moments) == 90


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (outcome(late_ms=11), "the sender fell behind: 11.0 ms late at 99.9 %"),
        (outcome(refused=3), "the broker refused 3 records"),
        (outcome(answered=0), "none of 100 requests was answered: is a worker"),
    ],
)
def test_a_run_that_measured_itself_or_lost_requests_on_the_way_fails(
    found: RunOutcome, why: str
) -> None:
    failed = report(found)
    assert not failed.passed
    assert failed.problems[0].startswith(why)


def test_a_run_that_loses_everything_ends_with_code_1_and_says_so(
    tmp_path: Path,
) -> None:
    out = io.StringIO()
    lost = outcome(answered=0)
    assert conclude(report(lost), lost, tmp_path, out) == 1
    assert "FAILED: none of 100 requests was answered" in out.getvalue()
    assert (tmp_path / "report.html").exists()
    some = outcome(answered=1)
    assert conclude(report(some), some, None, out) == 0


def test_an_assertion_that_does_not_hold_fails() -> None:
    failed = report(outcome(answered=99), "lost==0")
    assert not failed.passed
    out = io.StringIO()
    print_report(failed, out)
    assert "lost==0: DOES NOT HOLD (1)" in out.getvalue()


def test_three_files_hold_the_report(tmp_path: Path) -> None:
    measured = outcome()
    write_report(report(measured, "lost==0"), measured, tmp_path)
    found = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert found["latency"]["quantiles_ms"]["p99"] == pytest.approx(99, rel=0.01)
    assert found["assertions"][0]["holds"] is True
    lines = (tmp_path / "report.hgrm").read_text("utf-8").splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    assert any(line.startswith("#[Max     =") for line in lines)
    assert (tmp_path / "report.html").read_text("utf-8") == html(
        report(measured, "lost==0")
    )


def test_the_page_is_whole_and_needs_no_network() -> None:
    page = html(report(outcome()))
    assert "new uPlot" in page
    assert "var uPlot=" in page
    assert ".uplot" in page
    assert not re.search(r"""(?:src|href)\s*=|@import|url\(""", page)
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert found is not None
    data = json.loads(found[1])
    assert len(data["moments"]) == 5
    assert (data["from_s"], data["until_s"]) == (0, 4)
    assert page.count("<table>") == page.count('<div class="scroll"><table>') > 1
    assert data["curve"]


def test_no_name_can_break_out_of_the_page() -> None:
    page = html(report(outcome(), what="</script><b>day"))
    assert "<b>day" not in page
    assert "&lt;b&gt;day" in page


def test_no_name_turns_a_line_of_the_page_round() -> None:
    page = html(report(outcome(), what="day\u202e\u200b"))
    assert "day\\u202e\\u200b" in page
    assert "\u202e" not in page


def test_a_chart_begins_at_the_first_moment_that_was_measured() -> None:
    found = report(outcome())
    found.moments = found.moments[2:]
    assert '"from_s":2.0,"until_s":4.0' in html(found)
    found.moments = found.moments[:1]
    assert '"from_s":2.0,"until_s":3.0' in html(found)
    found.moments = []
    assert '"from_s":0.0,"until_s":0.0' in html(found)
