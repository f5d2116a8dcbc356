import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import typer

import streams
from streams.cli import app, execute
from streams.families.fast_refund.reasons import REASONS

ROOT = Path(__file__).parents[1]
NOWHERE = "kafka.bootstrap_servers=127.0.0.1:1"

DECISION: dict[str, object] = {
    "decision_id": "FR:r1:1",
    "family": "FR",
    "refund_id": "r1",
    "refund_version": 1,
    "order_id": "o1",
    "buyer_id": "b-77",
    "shop_id": "s1",
    "disposition": "decided",
    "outcome": "manual_review",
    "reason_codes": ["BUYER_UNKNOWN"],
    "policy": "FR@1",
    "refund_fen": 100,
    "payout_key": None,
    "requested_at_ms": 1_773_800_100_000,
    "decided_at_ms": 1_773_800_100_007,
    "review_deadline_ms": None,
    "seen": None,
}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process: exit code, output, errors."""

    def call(*arguments: str, **environ: str) -> tuple[int, str, str]:
        code = execute(arguments, environ)
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return call


def process(
    *arguments: str, stdin: bytes = b"", **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the real program."""
    return subprocess.run(
        [sys.executable, "-m", "streams", *arguments],
        input=stdin,
        capture_output=True,
        cwd=ROOT,
        env={"PATH": os.defpath, **environ},
        timeout=60,
        check=False,
    )


# Usage


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == (0, f"refund {streams.__version__}\n", "")


def test_help_lists_the_commands(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for name in ("worker", "topics", "decide", "explain", "policy", "dlq", "demo"):
        assert f"\n  {name} " in out


def leaves() -> dict[tuple[str, ...], Any]:
    """Return every command, groups too, by the words that call it."""
    root = typer.main.get_command(app)
    found: dict[tuple[str, ...], Any] = {(): root}
    for name, command in getattr(root, "commands", {}).items():
        found[(name,)] = command
        for sub, leaf in getattr(command, "commands", {}).items():
            found[(name, sub)] = leaf
    return found


@pytest.mark.parametrize("words", list(leaves()), ids=" ".join)
def test_h_is_help_for_every_command(run: Run, words: tuple[str, ...]) -> None:
    short, long = run(*words, "-h"), run(*words, "--help")
    assert short == long
    assert short[0] == 0
    assert short[1].startswith("Usage: refund")
    assert "-h, --help" in short[1]


def test_brokers_have_one_name_in_every_command() -> None:
    talking = {
        words: {option for one in leaf.params for option in one.opts}
        for words, leaf in leaves().items()
        if any("--set" in one.opts for one in leaf.params) or words == ("demo",)
    }
    assert len(talking) > 8
    for words, options in talking.items():
        assert "--bootstrap-servers" in options, words


def test_the_demo_takes_the_old_name_of_its_option_too(run: Run) -> None:
    for option in ("--bootstrap-servers", "--bootstrap"):
        code, _, err = run("demo", option, "127.0.0.1:1", "--seconds", "1")
        assert code == 1
        assert "127.0.0.1:1 cannot be reached" in err


def test_a_line_that_cannot_be_decided_is_answered_and_ends_with_1(
    run: Run, tmp_path: Path
) -> None:
    examples = ROOT / "examples" / "cases.jsonl"
    code, out, err = run("decide", str(examples))
    assert (code, err) == (0, "")
    lines = examples.read_text("utf-8").splitlines()
    assert len(out.splitlines()) == len(lines)
    file = tmp_path / "lines.jsonl"
    file.write_text("\n".join([lines[0], "no JSON", "", lines[1]]))
    code, out, err = run("decide", str(file))
    assert (code, err) == (1, "")
    answers = [json.loads(line) for line in out.splitlines()]
    assert ["dead_letter" in answer for answer in answers] == [False, True, False]
    file.write_text("\n")
    assert run("decide", str(file)) == (0, "", "")
    assert run("decide", "/nope")[0] == 2


@pytest.mark.parametrize("arguments", [(), ("topics",), ("dlq",)])
def test_without_a_command_the_help_is_the_error(
    run: Run, arguments: tuple[str, ...]
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: refund")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("fly",), "No such command 'fly'"),
        (("worker", "--fast"), "No such option: --fast"),
        (("explain",), "Missing argument"),
        (("explain", "x", "--lang", "fr"), "'fr' is not one of"),
        (("settings", "--set", "web.port"), "write --set section.key=value"),
        (("dlq", "list", "--limit", "0"), "--limit"),
        (("dlq", "show", "7"), "7: not a PARTITION:OFFSET"),
        (("dlq", "show", f"0:{'9' * 5_000}"), "9: not a PARTITION:OFFSET"),
        (("dlq", "replay"), "give --all"),
        (("dlq", "replay", "x:y"), "x:y: not a PARTITION:OFFSET"),
        (("policy", "check", "/nope"), "/nope: No such file"),
        (("policy", "check", "/"), "/: Is a directory"),
        (("kuaishou", "classify", "/nope"), "/nope: No such file"),
        (("settings", "--config", "/nope"), "/nope: No such file"),
        (("explain", "{}"), "not a decision record"),
        (("explain", "{"), "not a decision record"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    run: Run, arguments: tuple[str, ...], part: str
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("refund: ")
    assert part in err


# Settings


def test_settings_in_force_are_printed_without_secrets(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "worker.toml"
    file.write_text('[web]\nport = 1\nhost = "::1"\n')
    code, out, err = run(
        *("settings", "--config", str(file), "--set", "web.port=2"),
        REFUND_KAFKA__SECURITY_PROTOCOL="SASL_SSL",
        REFUND_KAFKA__SASL_MECHANISM="PLAIN",
        REFUND_KAFKA__SASL_USERNAME="u",
        REFUND_KAFKA__SASL_PASSWORD="hunter2",  # noqa: S106 - it is to be hidden
    )
    assert (code, err) == (0, "")
    assert "web.port = 2\n" in out
    assert 'web.host = "::1"\n' in out
    assert "kafka.sasl_password = (hidden)\n" in out
    assert "hunter2" not in out


def test_the_file_may_be_named_by_the_environment(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "worker.toml"
    file.write_text("[web]\nport = 1\n")
    assert "web.port = 1\n" in run("settings", REFUND_CONFIG=str(file))[1]


@pytest.mark.parametrize(
    ("content", "part"), [(b"\xff", "not UTF-8"), (b"a =", "not TOML")]
)
def test_a_file_that_is_no_toml_is_told(
    run: Run, tmp_path: Path, content: bytes, part: str
) -> None:
    file = tmp_path / "worker.toml"
    file.write_bytes(content)
    code, _, err = run("settings", "--config", str(file))
    assert (code, err.count("\n")) == (2, 1)
    assert part in err


def test_pages_are_generated(run: Run) -> None:
    page = run("settings", "--markdown")[1]
    assert page == (ROOT / "docs/settings.md").read_text("utf-8")
    page = run("reasons", "--markdown")[1]
    assert page == (ROOT / "docs/reasons.md").read_text("utf-8"), (
        "run: refund reasons --markdown > docs/reasons.md"
    )
    file = run("settings", "--toml")[1]
    assert file == (ROOT / "config/worker.toml").read_text("utf-8")


def test_a_worker_with_wrong_settings_tells_every_problem() -> None:
    ended = process(
        *("worker", "--web-port", "x"),
        REFUND_KAFKA__GROUP="g",
        REFUND_LOG__LEVEL="loud",
    )
    assert ended.returncode == 2
    assert ended.stdout == b""
    assert ended.stderr.decode().splitlines() == [
        (
            "refund: REFUND_KAFKA__GROUP is not a setting (did you mean "
            "REFUND_KAFKA__GROUP_ID?); unset it or correct its name"
        ),
        (
            "refund: REFUND_LOG__LEVEL: 'loud' is refused; give one of debug, error, info, "
            "warning"
        ),
        (
            "refund: web.port on the command line: 'x' is refused; give a whole number from "
            "0 to 65535 or off"
        ),
    ]


def test_a_worker_with_a_wrong_policy_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("paid_limit = 1\n")
    ended = process("worker", "--policy", str(file))
    assert ended.returncode == 2
    lines = ended.stderr.decode().splitlines()
    assert lines
    assert all(line.startswith(f"refund: {file}: ") for line in lines)


def test_a_worker_with_an_implausible_policy_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    text = (ROOT / "config/policy.toml").read_text("utf-8")
    file.write_text(
        text.replace("paid_limit_fen = 30000", "paid_limit_fen = 99999999"), "utf-8"
    )
    ended = process("worker", "--policy", str(file))
    assert ended.returncode == 2
    lines = ended.stderr.decode().splitlines()
    assert len(lines) == 2
    assert all(
        line.startswith(f"refund: {file}: paid_limit_fen: 99,999,999 fen (999,999.99 ")
        for line in lines
    )


# Kafka that is not there


@pytest.mark.parametrize(
    "arguments",
    [
        ("topics", "check"),
        ("topics", "create"),
        ("dlq", "list"),
        ("dlq", "show", "0:0"),
        ("dlq", "replay", "--all", "--yes"),
        ("explain", "FR:1:1"),
        ("policy", "history"),
        ("policy", "diff"),
        ("policy", "publish", "config/policy.toml", "--reason", "x", "--yes"),
        ("policy", "rollback", "--reason", "x", "--yes"),
        ("policy", "pause", "--reason", "x", "--yes"),
        ("policy", "resume", "--reason", "x", "--yes"),
        ("policy", "reset-breakers", "--reason", "x", "--yes"),
    ],
)
def test_brokers_out_of_reach_are_one_line_and_exit_code_1(
    run: Run, arguments: tuple[str, ...]
) -> None:
    code, out, err = run(*arguments, "--set", NOWHERE)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "Kafka at 127.0.0.1:1 cannot be reached" in err


def test_a_missing_authority_is_told_before_anything_is_asked(run: Run) -> None:
    code, _, err = run(
        *("topics", "check", "--set", "kafka.security_protocol=SSL"),
        *("--set", "kafka.ssl_ca_location=/nope"),
    )
    assert code == 2
    assert "there is no file /nope" in err


# Policies


def test_a_policy_is_checked_and_shown(run: Run) -> None:
    assert run("policy", "check") == (0, "FR@1 is in order\n", "")
    code, out, _ = run("policy", "show")
    assert code == 0
    assert "paid_limit_fen = 30000\n" in out
    assert " is off\n" in out


def test_a_policy_tells_every_problem(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('family = "FR"\nversion = 0\npaid_limit_fn = 1\n')
    code, out, err = run("policy", "check", str(file))
    assert (code, out) == (2, "")
    assert err.count("\n") >= 3
    assert "did you mean paid_limit_fen?" in err


SLIPS: Final = {
    "paid_limit_fen = 30000": (
        ("paid_limit_fen = 250", "is it in yuan?"),
        ("paid_limit_fen = 99999999", "is above paid_limit_max_fen"),
        (f"paid_limit_fen = 1{'0' * 400}", "a number of 401 digits"),
    ),
    "effective_from_ms = 1577836800000": (
        ("effective_from_ms = 1773800000", "is it in seconds?"),
        ("effective_from_ms = 4102444800000", "more than a year ahead"),
    ),
    'excluded_roots = ["custom", "virtual"]': (
        ('excluded_roots = ["custom", "virtaul"]', "virtual of FR@1 would be approved"),
    ),
}
"""A line of the shipped file -> slips in it, and what is said of each."""


@pytest.mark.parametrize(
    ("line", "slip", "part"),
    [(line, *slip) for line, slips in SLIPS.items() for slip in slips],
)
def test_a_slip_in_a_policy_is_refused_unless_its_key_is_named(
    run: Run, tmp_path: Path, line: str, slip: str, part: str
) -> None:
    file, key = tmp_path / "policy.toml", line.partition(" ")[0]
    text = (ROOT / "config/policy.toml").read_text("utf-8")
    assert line in text
    file.write_text(text.replace(line, slip), "utf-8")
    code, out, err = run("policy", "check", str(file))
    assert (code, out) == (2, "")
    assert part in err
    assert all(
        one.startswith(f"refund: {key}: ") and one.endswith(f"--allow {key}")
        for one in err.splitlines()
    )
    meant = (0, "FR@1 is in order\n", "")
    assert run("policy", "check", str(file), "--allow", key) == meant
    with file.open("a", encoding="utf-8") as more:
        more.write(f'\n[publication]\nallow = ["{key}"]\n')
    assert run("policy", "check", str(file)) == meant


@pytest.mark.parametrize(
    "given",
    ["2026-03-18T08:00:00+08:00", "'2026-03-18T00:00:00Z'", "1773792000000"],
)
def test_a_moment_of_a_policy_may_be_written_with_its_zone(
    run: Run, tmp_path: Path, given: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(f"family = 'FR'\nversion = 2\neffective_from_ms = {given}\n")
    assert run("policy", "check", str(file)) == (0, "FR@2 is in order\n", "")
    out = run("policy", "show", str(file))[1]
    assert "effective_from_ms = 1773792000000\n" in out


def test_a_moment_without_a_zone_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(
        "family = 'FR'\nversion = 2\neffective_from_ms = 2026-03-18T08:00:00\n"
    )
    code, _, err = run("policy", "check", str(file))
    assert code == 2
    assert "or a moment with its zone, such as 2026-03-18T08:00:00+08:00" in err
    later = ("--from", "2026-03-18T08:00:00")
    assert run("policy", "check", *later)[0] == 2


@pytest.mark.parametrize(
    "command", ["publish", "rollback", "pause", "resume", "reset-breakers"]
)
def test_who_changes_policies_says_why(run: Run, command: str) -> None:
    file = ("config/policy.toml",) if command == "publish" else ()
    code, _, err = run("policy", command, *file, "--yes")
    assert (code, err) == (2, "refund: Missing option '--reason'.\n")
    code, _, err = run("policy", command, *file, "--reason", " ", "--yes")
    assert (code, err) == (2, "refund: --reason: give a reason\n")


def test_an_unknown_key_cannot_be_allowed(run: Run) -> None:
    code, _, err = run("policy", "check", "--allow", "paid_limit")
    assert code == 2
    assert (
        err
        == "refund: --allow paid_limit: not a key of a policy; see refund policy show\n"
    )


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--shop", "s-1", "--global"), "--shop, --global: name one of them"),
        (("--shop", ""), "--shop: name the shop"),
    ],
)
def test_a_reset_names_the_breakers_it_means(
    run: Run, options: tuple[str, ...], part: str
) -> None:
    code, _, err = run("policy", "reset-breakers", "--reason", "x", *options)
    assert code == 2
    assert part in err


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--until", "1773800000"), "--until: 1773800000 lies before 2015"),
        (
            ("--until", "1773800000000"),
            "--until: must be in the future, and after --from",
        ),
        (("--from", "tomorrow"), "--from tomorrow: write a moment with its zone"),
    ],
)
def test_a_pause_whose_moments_are_no_good_is_refused(
    run: Run, options: tuple[str, ...], part: str
) -> None:
    code, _, err = run("policy", "pause", "--reason", "x", *options)
    assert code == 2
    assert part in err


def test_a_key_of_the_policy_is_no_name_of_a_table(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    required = 'family = "FR"\nversion = 1\neffective_from_ms = 0\n'
    file.write_text(f"{required}[service_paused]\n")
    code, out, err = run("policy", "check", str(file))
    assert (code, out) == (2, "")
    assert "service_paused: must be true or false, not {}" in err


@pytest.mark.parametrize(
    "text", ["a = " + "1" * 5_000, "a = " + "[" * 5_000], ids=["digits", "depth"]
)
def test_a_policy_beyond_what_can_be_read_is_told_in_a_line(
    run: Run, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    code, out, err = run("policy", "check", str(file))
    assert (code, out) == (2, "")
    assert "not TOML" in err
    assert "Traceback" not in err


# Reasons


def test_a_code_is_told_with_what_to_do_and_an_unknown_one_is_refused(run: Run) -> None:
    code, out, err = run("reasons", "LISTS_NOT_READY")
    assert (code, err) == (0, "")
    assert "| reviewers and merchants read | 名单数据未就绪 |" in out
    assert "refund_watermark_age_seconds" in out
    assert run("reasons")[1].count("\n") == len(REASONS) + 1
    code, out, err = run("reasons", "NO_SUCH_CODE")
    assert (code, out) == (2, "")
    assert "NO_SUCH_CODE: not a reason code" in err


# Explanations


def test_a_decision_is_explained_in_both_languages(run: Run) -> None:
    text = json.dumps(DECISION)
    code, out, err = run("explain", text)
    assert (code, err) == (0, "")
    assert out.startswith("FR:r1:1\ngoes to a person (manual_review)\n")
    assert "  asked: 1.00 yuan\n" in out
    zh = run("explain", text, "--lang", "zh")[1]
    assert "原因：" in zh
    found = json.loads(run("explain", text, "--json")[1])
    assert found["decision_id"] == "FR:r1:1"
    assert found["buyer_zh"]


def test_a_decision_under_another_policy_is_explained_with_a_warning(run: Run) -> None:
    text = json.dumps({**DECISION, "policy": "FR@9"})
    code, out, err = run("explain", text)
    assert (code, err) == (0, "")
    assert "The policy FR@9 is not available," in out
    code, out, err = run("explain", text, "--json")
    assert code == 0
    assert json.loads(out)["policy_at_hand"] is False
    assert "made under FR@9, which is not available (known: FR@1)" in err


def test_a_decision_is_read_from_standard_input() -> None:
    ended = process("explain", "-", stdin=json.dumps(DECISION).encode())
    assert ended.returncode == 0
    assert ended.stdout.startswith(b"FR:r1:1")


# Lines in, lines out


def test_platform_values_are_classified_line_by_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "values.jsonl"
    file.write_text('"not json"\n\n7\n')
    code, out, err = run("kuaishou", "classify", str(file))
    assert (code, err) == (0, "")
    assert [json.loads(line)["class"] for line in out.splitlines()] == [
        "dead_letter"
    ] * 2


def test_a_reader_that_goes_away_causes_no_noise() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "streams", "kuaishou", "classify", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        child.stdout.close()
        child.stdin.write(b'"x"\n' * 100)
        child.stdin.close()
        assert child.stderr.read() == b""
        assert child.wait(timeout=60) == 1


def test_ctrl_c_causes_no_noise() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "streams", "kuaishou", "classify", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        # A full pipe of answers says that it reads its input.
        child.stdin.write(b'"x"\n' * 2_000)
        child.stdin.flush()
        child.stdout.read(1)
        child.send_signal(signal.SIGINT)
        child.stdout.read()
        assert child.stderr.read() == b""
        assert child.wait(timeout=60) == 130


# A broker to try out


def test_a_broker_does_not_start_where_something_listens(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = run("broker", "--port", str(port))
    assert (code, out) == (2, "")
    assert err == (
        f"refund: --port {port}: Address already in use; give another with --port\n"
    )


def test_a_broker_needs_java(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    code, out, err = run("broker", "--port", "1025")
    assert (code, out) == (2, "")
    assert err == "refund: no java on the path; Java 17 or newer is needed\n"
