"""What a worker is made of follows from its settings; how it ends, from what ended it."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from faults.workers import ROOT, surroundings
from streams.errors import PolicyError
from streams.settings import load
from streams.worker.app import RefundApp, build_app

NOW_MS = 1_773_800_100_000


@pytest.fixture
def loop() -> Iterator[None]:
    """Faust wants a loop when an app is built."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


def built(**given: str) -> RefundApp:
    settings = load({}, None, {key.replace("__", "."): v for key, v in given.items()})
    return build_app(settings, lambda: NOW_MS)


@pytest.mark.parametrize(
    ("roles", "agents"),
    [
        ("decide,watch", {"decide", "watch"}),
        ("ingest", {"ingest"}),
        ("decide,watch,ingest", {"decide", "watch", "ingest"}),
    ],
)
def test_each_role_has_its_agent_and_what_runs_is_not_there_before_its_start(
    loop: None, roles: str, agents: set[str]
) -> None:
    del loop
    app = built(worker__roles=roles)
    found = {name.rpartition(".")[2] for name in app.agents}
    assert found & {"decide", "watch", "ingest"} == agents
    assert app.failure is None
    assert app.readiness.reasons()


def test_a_policy_file_that_cannot_be_used_is_refused_before_anything_starts(
    loop: None,
) -> None:
    del loop
    with pytest.raises(PolicyError):
        built(policy__file=str(ROOT / "pyproject.toml"))


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_last_line_of_a_worker_says_why_it_ended(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "streams", "worker"],
        env=surroundings()
        | {
            "REFUND_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",
            "REFUND_WORKER__LOAD_TIMEOUT_MS": "1",
            "REFUND_WEB__PORT": "off",
            "REFUND_LOG__FORMAT": form,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    if form == "json":
        told = json.loads(last)
        assert told["exit_code"] == 1
        last = told["message"]
    assert "no broker answers: KafkaConnectionError" in last
    assert "check kafka.bootstrap_servers" in last
