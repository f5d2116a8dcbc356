import io
import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from streams.cli import execute
from streams.errors import UsageError
from streams.records.headers import cloud_time
from streams.settings import load_policy, shipped_policy_text
from streams.settings.model import Worker
from streams.tools.backtest.command import Trial, backtest
from streams.tools.backtest.recorded import moment, read_recorded
from streams.tools.backtest.report import BacktestReport, html, write_report
from streams.tools.backtest.timeline import Slice, events
from streams.tools.capture.manifest import load, save
from streams.tools.capture.store import Capture
from testkit import samples
from tests.families.fast_refund.base import policy
from tests.tools.backtest.day import Day

SHIPPED = load_policy(None)
LIMIT = Worker().record_max_bytes


def policy_file(folder: Path, **changes: object) -> str:
    """The shipped policy with some keys set, as a file."""
    found = msgspec.structs.asdict(SHIPPED) | changes
    lines = [
        f"{name} = {msgspec.json.encode(value).decode()}"
        for name, value in found.items()
        if value is not None
    ]
    path = folder / "policy-to-try.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def tried(
    folder: Path, day: Day, against: str = "recorded", **changes: object
) -> BacktestReport:
    capture = day.capture(folder / "day")
    trial = Trial(
        folder=capture.folder,
        policy_file=policy_file(folder, **changes),
        against=against,
        base_file=None,
        record_max_bytes=LIMIT,
    )
    return backtest(trial, io.StringIO())


def some_day() -> Day:
    day = Day(SHIPPED)
    for number, fen in enumerate((5_000, 15_000, 25_000, 35_000), start=2):
        day.order(f"o-{number}", paid_fen=fen, refundable_left_fen=fen)
    day.at_ms += 1_000
    day.ask({})
    for number, fen in enumerate((5_000, 15_000, 25_000, 35_000), start=2):
        day.at_ms += 10
        day.ask(
            {"refund_id": f"r-{number}", "order_id": f"o-{number}", "refund_fen": fen}
        )
    return day


def test_the_policy_of_the_day_changes_nothing(tmp_path: Path) -> None:
    found = tried(tmp_path, some_day())
    assert found.comparison.total.requests == 5
    assert found.comparison.total.changed == 0
    assert found.comparison.changes == []
    assert found.drift is not None
    assert (found.drift.same, found.drift.different) == (5, 0)


def test_a_lower_limit_sends_what_is_over_it_to_people(tmp_path: Path) -> None:
    found = tried(tmp_path, some_day(), paid_limit_fen=15_000, version=9).comparison
    total = found.total
    assert (total.approved_before, total.approved_after) == (4, 1)
    assert total.approved_fen_before == 19_900 + 5_000 + 15_000 + 25_000
    assert total.approved_fen_after == 5_000
    assert (total.reviews_before, total.reviews_after) == (1, 4)
    assert found.peak_reviews == (1, 4)
    ((turn),) = found.turns
    assert (turn.before, turn.after, turn.count, turn.refund_fen) == (
        "auto_approve",
        "manual_review",
        3,
        59_900,
    )
    codes = {one.code: (one.before, one.after) for one in found.codes}
    assert codes["PAID_AT_OR_OVER_LIMIT"] == (1, 4)
    assert [one.name for one in found.shops] == ["s-1"]
    assert [one.name for one in found.categories] == ["clothing/shirts"]


def test_a_policy_can_be_compared_with_another_one(tmp_path: Path) -> None:
    other = tmp_path / "shipped.toml"
    other.write_text(shipped_policy_text(), encoding="utf-8")
    found = tried(tmp_path, some_day(), str(other), paid_limit_fen=15_000)
    assert found.comparison.total.changed == 3
    assert found.drift is None
    assert "FR@1" in found.against


def test_only_facts_known_then_are_seen(tmp_path: Path) -> None:
    day = some_day()
    day.at_ms += 1
    day.order("o-1", order_version=2, order_status="shipped")  # after its decision
    found = tried(tmp_path, day, paid_limit_fen=40_000).comparison
    assert found.total.approved_after == 5
    day.at_ms += 1
    day.ask({"refund_id": "r-late"})
    found = tried(tmp_path, day, paid_limit_fen=40_000).comparison
    (after,) = (one.after for one in found.codes if one.code == "ORDER_SHIPPED")
    assert after == 1


def test_a_reset_of_breakers_counts_in_its_place_in_time(tmp_path: Path) -> None:
    day = Day(
        policy(
            effective_from_ms=0,
            breaker_shop_max_count=1,
            breaker_window_ms=3_600_000,
        )
    )
    for number in range(1, 5):
        day.order(f"o-{number}")
    for number in range(1, 5):
        day.at_ms += 10
        day.ask({"refund_id": f"r-{number}", "order_id": f"o-{number}"})
        if number == 2:
            day.at_ms += 1
            said = {"author": "li", "reason": "why", "published_at_ms": day.at_ms}
            fields = {"family": "FR", "scope": "all", "from_ms": day.at_ms, **said}
            value = samples.encoded(fields)
            day.put("policies", b"FR:breaker", value, 0)
            day.world.shared.apply_policy(b"FR:breaker", value, day.at_ms)
    found = tried(
        tmp_path,
        day,
        version=9,
        effective_from_ms=0,
        breaker_shop_max_count=1,
        breaker_window_ms=3_600_000,
    )
    total = found.comparison.total
    assert (total.approved_before, total.approved_after) == (2, 2)
    assert total.changed == 0


def test_what_the_other_policy_decided_is_its_own_history(tmp_path: Path) -> None:
    """A second refund of an order is open or prior by what was decided of the first."""
    day = some_day()
    day.at_ms += 10
    day.ask({"refund_id": "r-9", "order_id": "o-2", "refund_fen": 5_000})
    found = tried(tmp_path, day, paid_limit_fen=1_000).comparison
    codes = {one.code: (one.before, one.after) for one in found.codes}
    assert codes["PRIOR_REFUND_ON_ORDER"] == (1, 0)
    assert codes["OPEN_REFUND_ON_ORDER"] == (0, 1)


def test_requests_that_were_judged_together_are_judged_together_again(
    tmp_path: Path,
) -> None:
    day = some_day()
    day.at_ms += 10
    day.order("o-8")
    day.ask(
        {"refund_id": "r-8", "order_id": "o-8"},
        {"refund_id": "r-8", "order_id": "o-8", "refund_version": 2},
    )
    capture = day.capture(tmp_path / "day")
    slices = [
        one for one in events(capture, read_recorded(capture)) if isinstance(one, Slice)
    ]
    assert [len(one.records) for one in slices] == [1, 1, 1, 1, 1, 2]
    found = tried(tmp_path, day)
    assert found.drift is not None
    assert found.drift.different == 0


@pytest.mark.parametrize(("limit", "dead"), [(LIMIT, 0), (1_024, 1)])
def test_a_record_is_as_long_as_the_workers_of_the_day_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: int, dead: int
) -> None:
    day = some_day()
    day.ask({"refund_id": "r-99", "order_id": "o-2", "reason": "x" * 1_024})
    folder = day.capture(tmp_path / "day").folder
    named = f"--record-max-bytes={limit}"
    asked = ["backtest", str(folder), "--policy", policy_file(tmp_path), named]
    assert execute([*asked, "--json"], {}) == 0
    assert json.loads(capsys.readouterr().out)["dead_letters"] == dead


def test_repeats_and_dead_letters_are_not_compared(tmp_path: Path) -> None:
    day = some_day()
    day.at_ms += 10
    day.ask({})  # delivered again
    day.ask({"refund_id": ""})
    found = tried(tmp_path, day)
    assert found.comparison.total.requests == 5
    assert found.dead_letters == 1


def test_decisions_from_before_the_capture_are_remembered(tmp_path: Path) -> None:
    day = some_day()
    day.at_ms += 10
    day.ask({"refund_id": "r-9", "order_id": "o-2", "refund_fen": 5_000})
    day.records = [
        one for one in day.records if one.topic != "refund.requests" or one.offset >= 5
    ]
    folder = tmp_path / "day"
    day.capture(folder)
    manifest = load(folder)
    for span in manifest.spans:  # as if the first five requests were not captured
        if span.topic == "refund.requests":
            span.start = 5
    save(folder, manifest)
    trial = Trial(
        folder=folder,
        policy_file=policy_file(tmp_path),
        against="recorded",
        base_file=None,
        record_max_bytes=LIMIT,
    )
    found = backtest(trial, io.StringIO())
    codes = {one.code: (one.before, one.after) for one in found.comparison.codes}
    assert codes == {"PRIOR_REFUND_ON_ORDER": (1, 1)}
    assert len(read_recorded(Capture(folder)).earlier) == 5


def test_a_capture_without_what_decisions_need_is_refused(tmp_path: Path) -> None:
    day = some_day()
    day.records = [
        one
        for one in day.records
        if one.topic not in ("refund.outcomes", "refund.approvals", "refund.reviews")
    ]
    with pytest.raises(UsageError) as refused:
        tried(tmp_path, day)
    assert len(refused.value.problems) == 2
    assert "has no outcomes" in refused.value.problems[0]
    assert "holds no decisions" in refused.value.problems[1]


def test_the_command_prints_tables_and_writes_both_files(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    day = some_day().capture(tmp_path / "day")
    policy = policy_file(tmp_path, paid_limit_fen=15_000)
    report = tmp_path / "report"
    arguments = ["backtest", str(day.folder), "--policy", policy]
    assert execute([*arguments, "--report", str(report)], {}) == 0
    out = capfd.readouterr().out
    assert "approved\t4\t1\t-3" in out
    assert "approved, yuan\t649.00\t50.00\t-599.00" in out
    assert "5 decisions as recorded and 0 different ones" in out
    found = json.loads((report / "backtest.json").read_text("utf-8"))
    assert found["comparison"]["total"]["changed"] == 3
    assert "FR:r-3:1" in (report / "backtest.html").read_text("utf-8")
    assert execute([*arguments, "--json"], {}) == 0
    assert json.loads(capfd.readouterr().out)["comparison"] == found["comparison"]


@pytest.mark.parametrize(
    ("policy", "why"),
    [("no.toml", "no.toml: No such file"), ("bad.toml", "paid_limit: unknown key")],
)
def test_a_policy_that_cannot_be_used_is_told(
    tmp_path: Path, policy: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.toml").write_text("paid_limit = 5\n")
    some_day().capture(tmp_path / "day")
    arguments = ["backtest", str(tmp_path / "day"), "--policy", str(tmp_path / policy)]
    assert execute(arguments, {}) == 2
    assert why in capfd.readouterr().err


def test_the_page_escapes_what_topics_hold(tmp_path: Path) -> None:
    day = Day(SHIPPED)
    day.order("o-x", shop_id="<script>")
    day.at_ms += 10
    day.ask({"refund_id": "<i>", "order_id": "o-x", "shop_id": "<script>"})
    found = tried(tmp_path, day, paid_limit_fen=1)
    page = html(found)
    assert "<i>" not in page
    assert "&lt;script&gt;" in page
    write_report(found, tmp_path)
    assert (tmp_path / "backtest.html").read_text("utf-8") == page


def test_the_page_begins_with_the_money_and_shows_words_for_codes(
    tmp_path: Path,
) -> None:
    page = html(tried(tmp_path, some_day(), paid_limit_fen=15_000, version=9))
    body = page.split("<body>")[1].split("<script>")[0]
    assert body.index("599.00 yuan less is refunded") < body.index("FR@9 (policy")
    assert "the amount paid is not below the limit" in body
    for code in ("PAID_AT_OR_OVER_LIMIT", "FR_ALL_CONDITIONS_MET", "manual_review"):
        assert code not in body
    assert "case for a person" in body


def test_every_table_of_the_page_scrolls_by_itself(tmp_path: Path) -> None:
    page = html(tried(tmp_path, some_day(), paid_limit_fen=15_000))
    assert page.count("<table>") == page.count('<div class="scroll"><table>') > 4
    assert ".scroll { overflow-x: auto;" in page
    assert 'name="viewport"' in page


def test_the_chart_of_the_page_has_the_hours_of_the_day(tmp_path: Path) -> None:
    page = html(tried(tmp_path, some_day(), paid_limit_fen=15_000))
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page)
    assert found is not None
    hours = json.loads(found[1])["hours"]
    first_s = samples.NOW // 3_600_000 * 3600
    assert hours == {
        "at_s": [first_s, first_s + 3600],
        "before": [1, 1],
        "after": [4, 4],
    }


def test_nothing_that_could_publish_is_even_loaded() -> None:
    code = (
        "import sys; import streams.tools.backtest.command; "
        "import streams.tools.backtest.report; "
        "print(sorted({'aiokafka', 'confluent_kafka', 'faust'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_a_moment_is_read_as_it_was_written() -> None:
    for at_ms in (0, samples.T, samples.T + 7):
        assert moment(cloud_time(at_ms).decode()) == at_ms
    assert moment(None) is None
    assert moment("yesterday") is None
    assert moment("2026-03-18T00:00:00") is None
