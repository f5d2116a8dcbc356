"""The tutorial, line by line, in a copy of the checkout."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
BLOCK: Final = re.compile(r"^```(sh|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
STEP: Final = "=== step {} ==="
SECONDS: Final = 300
"""It takes a tenth of that; a machine that is busy with other things takes more."""


def steps() -> list[tuple[str, list[str]]]:
    """Return the commands of each step, and what it says it prints."""
    found: list[tuple[str, list[str]]] = []
    for kind, text in BLOCK.findall(PAGE):
        if kind == "sh":
            found.append((text, []))
        else:
            found[-1][1].extend(text.splitlines())
    return found


def checkout(folder: Path) -> Path:
    """Copy what git has, or will have, and lend it this environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],  # noqa: S607 - whichever git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0 or not (ROOT / ".venv" / ".stamp").exists():
        pytest.skip("not a checkout that `make setup` has set up")
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name in ("pyproject.toml", "requirements/dev.lock"):
        os.utime(folder / name, (0, 0))  # older than the environment: it is set up
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def wanted(line: str) -> re.Pattern[str]:
    """Return a pattern for a line as the page shows it: … stands for anything."""
    return re.compile(".*".join(re.escape(part) for part in line.split("…")))


def test_every_line_of_the_tutorial_works(
    libs: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    assert libs.is_dir()
    parts = [
        f"echo '{STEP.format(number)}'\n{commands}"
        for number, (commands, _) in enumerate(steps())
    ]
    # What it started in the background ends with it, at whichever line that is.
    script = "set -euo pipefail\ntrap 'kill $(jobs -p) || true' EXIT\n" + "".join(parts)
    ports = {"9092": free_port(), "6066": free_port()}
    for port, free in ports.items():
        script = re.sub(rf"\b{port}\b", free, script)
    ran = subprocess.run(
        ["bash", "-c", script],  # noqa: S607 - whichever bash
        cwd=checkout(tmp_path),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    for port, free in ports.items():
        ran.stdout = re.sub(rf"\b{free}\b", port, ran.stdout)
    for number, (_, shown) in enumerate(steps()):
        output = ran.stdout.split(STEP.format(number))[1]
        output = output.split(STEP.format(number + 1))[0]
        at = 0
        for line in shown:
            found = wanted(line).search(output, at)
            assert found is not None, f"step {number} does not print {line!r}: {output}"
            at = found.end()
