"""The systemd unit: hardened, and an instance a port."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from streams.settings import load

UNIT: Final = Path(__file__).parents[2] / "deploy/refund-worker@.service"
TEXT: Final = UNIT.read_text("utf-8")
MOST: Final = 30
"""Of 100 that a unit without any protection gets."""


def analyze(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, "--no-pager", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def instance(folder: Path, text: str) -> Path:
    """Write the unit as systemd knows one of its instances."""
    file = folder / "refund-worker@6066.service"
    file.write_text(text)
    return file


def test_the_unit_is_exposed_little(tool: Callable[[str], str], tmp_path: Path) -> None:
    program = tool("systemd-analyze")
    check = ("security", "--offline=true", f"--threshold={MOST}")
    done = analyze(program, *check, str(instance(tmp_path, TEXT)))
    assert done.returncode == 0, done.stdout + done.stderr
    bare = re.sub(
        r"^(Protect|Private|Restrict|SystemCall).*$", "", TEXT, flags=re.MULTILINE
    )
    exposed = analyze(program, *check, str(instance(tmp_path, bare)))
    assert exposed.returncode != 0, "the check finds nothing"


def test_systemd_knows_every_line_of_the_unit(
    tool: Callable[[str], str], tmp_path: Path
) -> None:
    # The program is not installed where this is tested.
    text = TEXT.replace("/opt/refund-streams/bin/refund", "/bin/true")
    file = instance(tmp_path, text)
    done = analyze(tool("systemd-analyze"), "verify", "--man=no", str(file))
    assert [line for line in done.stderr.splitlines() if file.name in line] == []


def test_an_instance_is_the_port_of_its_pages_and_a_fixed_name_in_the_group() -> None:
    given = dict(re.findall(r"^Environment=(\w+)=(.*)$", TEXT, re.MULTILINE))
    filled = {
        name: value.replace("%i", "6067").replace("%H", "host")
        for name, value in given.items()
    }
    settings = load(filled, None, {})
    assert settings.web.port == 6067
    assert settings.kafka.group_instance_id == "host-6067"


def test_a_worker_is_started_again_after_a_failure_but_not_after_wrong_settings() -> (
    None
):
    assert "Restart=on-failure\n" in TEXT
    assert "RestartPreventExitStatus=2\n" in TEXT
