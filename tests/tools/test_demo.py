"""``refund demo`` as a newcomer runs it; needs neither Java nor a broker."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from typing_extensions import override

from streams.cli import execute
from streams.settings import load_policy
from streams.tools.demo.machinery import environment, read
from streams.tools.demo.picture import Pictured
from streams.tools.demo.samples import Cast, Samples
from streams.tools.demo.scoreboard import ResultRow, Scoreboard, percentile
from streams.tools.demo.views import JsonView, LinesView, LiveView, Started
from testkit.marked_processes import MARK, processes_of, until_gone

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "tests/data/kuaishou"
PACKAGED = ROOT / "streams/tools/demo/samples"
DEADLINE_S = 60.0


@pytest.fixture(autouse=True)
def _logs_stay_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed demo cannot clear up its folder."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


class Demo:
    """A demo in a process of its own."""

    def __init__(self, *arguments: str, **environ: str) -> None:
        self.mark = uuid4().hex
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streams", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **environ, MARK: self.mark},  # noqa: TID251 - a process edge
        )

    def line(self) -> dict[str, Any]:
        """The next line it prints with ``--json``."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def end(self) -> tuple[int, list[str], str]:
        """Exit code, what else it printed, and its errors."""
        out, errors = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out.decode().splitlines(), errors.decode()


@contextmanager
def running(*arguments: str, **environ: str) -> Iterator[Demo]:
    demo = Demo(*arguments, **environ)
    try:
        yield demo
    finally:
        demo.process.kill()
        demo.process.communicate()


pytest.importorskip("confluent_kafka")
on_linux = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="processes are looked up in /proc"
)

EVERY_RESULT = {
    "auto_approve",
    "manual_review",
    "out_of_scope",
    "superseded",
    "dead_letter",
    "race_detected",
    "ship_after_refund",
    "loss_recorded",
    "withdrawn_after_approval",
    "merchant_switch_ignored",
}
SOME_REASONS = {
    "PAID_AT_OR_OVER_LIMIT",
    "ORDER_SHIPPED",
    "ORDER_PARTLY_SHIPPED",
    "ORDER_STATUS_STALE",
    "CATEGORY_CUSTOM",
    "CATEGORY_UNKNOWN",
    "BUYER_NOT_QUALITY",
    "BUYER_LIMITED",
    "SHOP_EXCLUDED",
    "SKU_EXCLUDED",
    "ORDER_VETOED",
    "ORDER_DETAIL_UNKNOWN",
    "DEPENDENCY_UNAVAILABLE",
    "REQUEST_EDITED_AFTER_APPROVAL",
    "REQUEST_INVALID",
    "REFUND_FAILED",
    "SUPERSEDED_BY_VERSION",
    "REQUEST_WITHDRAWN",
    "NOT_REFUND_ONLY",
    "PRICE_PROTECTION",
    "not_json",
    "info_not_object",
}


@on_linux
def test_every_kind_of_result_comes_up_and_no_process_stays_behind() -> None:
    # A setting of the surroundings must not lead a demo anywhere else.
    with running(
        "--seconds",
        "3",
        "--json",
        REFUND_TOPICS__PREFIX="real.",
        REFUND_CONFIG="none.toml",
    ) as demo:
        code, lines, errors = demo.end()
        found = [json.loads(line) for line in lines]
    assert (code, errors) == (0, "")
    summary = found[-1]["summary"]
    assert summary["complete"] is True
    assert summary["unanswered"] == []
    assert summary["unasked"] == 0
    assert set(summary["results"]) == EVERY_RESULT
    assert set(summary["reasons"]) >= SOME_REASONS
    assert set(summary["latency_ms"]) == {"kuaishou", "direct"}
    rows = found[1:-1]
    assert len(rows) == summary["expected"] == sum(summary["results"].values())
    assert all(isinstance(one["ms"], int) for one in rows)
    assert all(one["zh"] and one["en"] for one in rows)
    host, port = found[0]["started"]["bootstrap_servers"].split(":")
    assert host == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))
    assert until_gone(demo.mark) == {}
    assert not Path(found[0]["started"]["log"]).exists()


@on_linux
def test_an_interrupt_ends_it_at_once_without_a_word() -> None:
    with running("--seconds", "60", "--json") as demo:
        demo.line()  # everything is up
        began = time.monotonic()
        demo.process.send_signal(signal.SIGINT)
        code, _, errors = demo.end()
    assert (code, errors) == (130, "")
    assert time.monotonic() - began < 10
    assert until_gone(demo.mark) == {}


@on_linux
def test_nothing_survives_when_it_is_killed() -> None:
    with running("--seconds", "60", "--json") as demo:
        demo.line()
        assert len(processes_of(demo.mark)) >= 3  # it, the broker, the worker
        demo.process.kill()
        demo.end()
    assert until_gone(demo.mark) == {}


@on_linux
def test_a_worker_that_ends_fails_the_demo_in_one_line() -> None:
    with running("--seconds", "60", "--json") as demo:
        demo.line()
        workers = [
            pid
            for pid, command in processes_of(demo.mark).items()
            if command.split()[1:] == ["-m", "streams", "worker"]
        ]
        os.kill(workers[0], signal.SIGKILL)
        code, _, errors = demo.end()
    assert code == 1
    assert errors.count("\n") == 1
    assert errors.startswith("refund: the worker ended with code -9")
    log = Path(errors.strip().rpartition(" ")[2])
    assert log.exists()
    assert until_gone(demo.mark) == {}


@on_linux
def test_kept_running_it_can_be_looked_at_until_an_interrupt() -> None:
    with running("--seconds", "1", "--keep") as demo:
        assert demo.process.stdout is not None
        lines: list[str] = []
        while not lines or "explain" not in lines[-1]:
            lines.append(demo.process.stdout.readline().decode())
            assert lines[-1], "it ended"
        arguments = lines[-1].split()[1:]
        explained = subprocess.run(
            [sys.executable, "-m", "streams", *arguments],
            capture_output=True,
            cwd=ROOT,
            check=True,
            timeout=DEADLINE_S,
        ).stdout.decode()
        demo.process.send_signal(signal.SIGINT)
        code, _, errors = demo.end()
    assert "manual_review" in explained
    assert "原因" in explained
    assert (code, errors) == (0, "")
    assert until_gone(demo.mark) == {}


# -- wrong use -----------------------------------------------------------------


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = execute(["demo", *arguments], {})
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return code, captured.err


def test_a_port_that_is_taken_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, line = refused(capfd, "--web-port", str(port))
    assert code == 2
    assert str(port) in line
    assert "--web-port" in line


def test_without_the_extra_package_it_says_what_to_install(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    code, line = refused(capfd)
    assert code == 2
    assert "confluent-kafka" in line
    assert "--bootstrap" in line


def test_a_broker_that_does_not_answer_is_named(
    capfd: pytest.CaptureFixture[str],
) -> None:
    code, line = refused(capfd, "--bootstrap", "127.0.0.1:1")
    assert code == 1
    assert "127.0.0.1:1 cannot be reached" in line


# -- parts ---------------------------------------------------------------------


def test_settings_of_the_surroundings_are_left_out() -> None:
    around = {
        "PATH": "/bin",
        "REFUND_TOPICS__PREFIX": "real.",
        "REFUND_CONFIG": "real.toml",
        "REFUND_KAFKA__BOOTSTRAP_SERVERS": "real:9092",
    }
    found = environment(around, None, 1234)
    assert found["PATH"] == "/bin"
    assert "REFUND_CONFIG" not in found
    settings = read(found)
    assert settings.topics.prefix == "refund."
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9092"
    assert settings.web.port == 1234


def test_on_a_named_broker_its_login_stays_and_names_are_nobody_elses() -> None:
    around = {
        "REFUND_KAFKA__CLIENT_ID": "me",
        "REFUND_KAFKA__GROUP_ID": "refund-decide",
        "REFUND_TOPICS__PREFIX": "real.",
    }
    one, other = (read(environment(around, "there:9092", 1234)) for _ in range(2))
    assert one.kafka.bootstrap_servers == "there:9092"
    assert one.kafka.client_id == "me"
    assert one.topics.prefix.startswith("refund-demo-")
    assert one.topics.prefix != other.topics.prefix
    assert one.topics.events.startswith(one.topics.prefix)
    assert one.kafka.group_id.startswith(one.topics.prefix)


def test_packaged_samples_are_those_the_tests_read() -> None:
    packaged = sorted(PACKAGED.glob("*.json"))
    assert packaged
    for file in packaged:
        assert file.read_bytes() == (SAMPLES / file.name).read_bytes()


def test_a_sample_keeps_all_but_ids_times_and_what_a_scene_changes() -> None:
    cast = Cast(number=7, at_ms=1_800_000_000_000, shop_id=2100000001)
    sent = json.loads(
        Samples().message("kwaishop_aftersales_addRefund", cast, 3, {"handlingWay": 1})
    )
    documented = json.loads(
        (SAMPLES / "kwaishop_aftersales_addRefund.json").read_text()
    )
    assert sent.keys() == documented.keys()
    info, was = json.loads(sent["info"]), json.loads(documented["info"])
    assert info.keys() == was.keys()
    assert info["createTime"] == cast.at_ms
    assert (info["orderId"], info["refundId"]) == (cast.order_id, cast.refund_id)
    assert info["handlingWay"] == 1
    assert info["specialRefundType"] == was["specialRefundType"]
    assert (
        sent["createTime"] - cast.at_ms == documented["createTime"] - was["createTime"]
    )
    assert sent["event"] == documented["event"]
    assert sent["appKey"] == documented["appKey"]


def decided(refund_id: str) -> ResultRow:
    return ResultRow(
        what="decision",
        key=refund_id,
        result="manual_review",
        refund_id=refund_id,
        refund_fen=19900,
        reason_codes=("ORDER_SHIPPED",),
        zh="后台显示已发货",
        en="the back end shows the order as shipped",
    )


def test_what_has_no_answer_makes_a_run_incomplete() -> None:
    now = iter((100, 130, 160))
    scoreboard = Scoreboard(lambda: next(now))
    assert scoreboard.summary(1).complete is False  # nothing was sent at all
    scoreboard.expect("decision", "r1", "direct")
    scoreboard.expect("decision", "r2", "direct")
    timed = scoreboard.take(decided("r1"))
    assert (timed.via, timed.ms) == ("direct", 60)
    summary = scoreboard.summary(1)
    assert summary.unanswered == ("decision r2",)
    assert summary.complete is False
    assert summary.latency_ms == {"direct": (60, 60)}


def test_an_answer_that_nobody_asked_for_is_counted() -> None:
    scoreboard = Scoreboard(lambda: 0)
    assert scoreboard.take(decided("r9")).ms is None
    assert scoreboard.summary(1).unasked == 1


def test_percentiles_are_by_nearest_rank() -> None:
    values = range(1, 101)
    assert (percentile(values, 50), percentile(values, 99)) == (50, 99)
    assert percentile([7], 99) == 7
    assert percentile([1, 2], 50) == 1
    assert percentile([1, 2], 51) == 2


def test_a_line_has_amount_reason_in_both_languages_and_milliseconds() -> None:
    scoreboard = Scoreboard(iter((5, 26)).__next__)
    scoreboard.expect("decision", "r1", "direct")
    out = io.StringIO()
    LinesView(out).row(scoreboard.take(decided("r1")))
    assert out.getvalue() == (
        "manual_review\tr1\t-\t199\t21\tdirect\t"
        "后台显示已发货 / the back end shows the order as shipped\n"
    )


FORGED = "r1\nauto_approve\tr2\u202e[red]"


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("kind", [LinesView, LiveView])
def test_no_id_forges_a_row_of_the_board(
    kind: type[LinesView], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    out = Terminal()
    view = kind(out)
    view.start(Started(bootstrap_servers="b", web="w", log="l", broker="none"))
    row = msgspec.structs.replace(decided(FORGED), order_id=FORGED, en=FORGED)
    view.row(Scoreboard(lambda: 0).take(row))
    view.close()
    shown = out.getvalue()
    assert "\u202e" not in shown
    assert "\nauto_approve" not in shown
    assert "r1\\nauto_approve" in shown


def test_json_lines_hold_the_row_as_it_is() -> None:
    out = io.StringIO()
    JsonView(out).row(Scoreboard(lambda: 0).take(decided("r1")))
    found = json.loads(out.getvalue())
    assert found["reason_codes"] == ["ORDER_SHIPPED"]
    assert (found["refund_fen"], found["ms"]) == (19900, None)


def test_the_scene_at_the_limit_asks_for_the_limit_of_the_shipped_policy() -> None:
    assert load_policy(None).paid_limit_fen == 12500 + 17500


def test_a_picture_of_a_run_names_its_rows_and_no_other_site(tmp_path: Path) -> None:
    file, out = tmp_path / "run.svg", io.StringIO()
    view = Pictured(LinesView(out), file)
    scoreboard = Scoreboard(iter((5, 26)).__next__)
    scoreboard.expect("decision", "r1", "direct")
    view.row(scoreboard.take(decided("r1")))
    view.end(scoreboard.summary(1), ["next: nothing"])
    drawn = file.read_text(encoding="utf-8").replace("&#160;", " ")
    assert "the back end shows the order as shipped" in drawn
    assert "1 results in 1 s" in drawn
    assert "next: nothing" not in drawn
    assert "next: nothing" in out.getvalue()
    assert "@font-face" not in drawn
