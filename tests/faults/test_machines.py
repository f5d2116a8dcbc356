"""Another clock for a process, a small disk: they do what they say, or say they cannot."""

import subprocess
import sys
from pathlib import Path

import pytest

from faults.clocks import shifted
from faults.disk import fill, free, small_disk
from faults.lab_logs import now_ms
from faults.verdict import NotRunError
from faults.workers import surroundings

ASK = """\
import asyncio, time
async def nap():
    began = time.monotonic()
    await asyncio.sleep(0.05)
    return time.monotonic() - began
print(time.time(), asyncio.run(nap()))
"""


@pytest.mark.parametrize("hours", [1, -1])
def test_a_process_lives_in_another_hour_and_its_timers_do_not_notice(
    hours: int,
) -> None:
    try:
        environ = shifted(hours)
    except NotRunError as why:
        pytest.skip(str(why))
    told = subprocess.run(
        [sys.executable, "-c", ASK],
        env=surroundings() | environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    wall, napped = map(float, told)
    assert wall - now_ms() / 1_000 == pytest.approx(hours * 3_600, abs=60)
    assert 0.05 <= napped < 60


def test_a_small_disk_is_filled_to_the_last_byte_and_freed() -> None:
    try:
        with small_disk(4) as disk:
            assert fill(disk) > 3 * 2**20
            with pytest.raises(OSError, match="No space left"):
                (disk / "more").write_bytes(b"x" * 8_192)
            free(disk)
            (disk / "more").write_bytes(b"x" * 8_192)
    except NotRunError as why:
        pytest.skip(str(why))
    assert not disk.exists()


def test_a_disk_that_cannot_be_mounted_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # a system without mount
    with pytest.raises(NotRunError, match="cannot mount"), small_disk(4):
        pytest.fail("a disk out of nothing")
