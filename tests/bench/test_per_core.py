"""Several processes of one engine end as one."""

import subprocess
import sys
from pathlib import Path

from bench.peers import per_core

ROOT = Path(__file__).parents[2]
ONE_ENDS = """
import pathlib, sys, time
try:
    pathlib.Path(sys.argv[1]).touch(exist_ok=False)
except FileExistsError:
    time.sleep(600)
sys.exit(3)
"""


def test_the_end_of_one_ends_the_others_and_its_code_is_told(tmp_path: Path) -> None:
    several = [sys.executable, "-m", per_core.__name__, "3"]
    one = [sys.executable, "-c", ONE_ENDS, str(tmp_path / "first")]
    answer = subprocess.run([*several, *one], cwd=ROOT, check=False, timeout=60)
    assert answer.returncode in {3, 256 - 15}  # of the first in order that has one
