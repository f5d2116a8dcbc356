"""Engines that are Faust apps do not pay for what debugging would say."""

import subprocess
import sys
from pathlib import Path
from typing import Final

_PROGRAM: Final = """
import faust
import logging
import sys
from bench.peers.faust_worker import worker_of

worker_of(faust.App("one", datadir="{folder}"))._setup_logging()
sys.exit(logging.getLogger("aiokafka").isEnabledFor(logging.DEBUG))
"""


def test_the_client_makes_no_records_of_debug_lines(tmp_path: Path) -> None:
    # Its exit code: the app's worker takes standard output for its log.
    subprocess.run([sys.executable, "-c", _PROGRAM.format(folder=tmp_path)], check=True)
