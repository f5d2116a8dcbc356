"""What the figures were measured on."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Final

from bench.checkpoint import digest
from bench.engine_table import Tools
from bench.rounds import HEAP_MB
from testkit.jars import KAFKA_VERSION, java_program

_LIBRARIES: Final = (
    "faust-streaming",
    "aiokafka",
    "msgspec",
    "orjson",
    "confluent-kafka",
)
_OF_PEERS: Final = ("quixstreams", "confluent-kafka", "faststream", "aiokafka")
_ROOT: Final = Path(__file__).parents[1]
_ASK: Final = """
import sys
from importlib.metadata import version
print(", ".join(f"{name} {version(name)}" for name in sys.argv[1:]))
"""


def describe(tools: Tools, *, own_broker: bool) -> dict[str, str]:
    """Return name and value of what matters; starts ``java -version``."""
    found = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "cores": str(len(os.sched_getaffinity(0))),
        "CPU": _cpu_model(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') >> 30} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "sources": digest((_ROOT / "streams", _ROOT / "bench")),
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
    }
    if tools.peers_python is not None and tools.peers_python.exists():
        found["peers' own libraries"] = _versions(tools.peers_python)
    if tools.jars is not None:
        found["Kafka Streams"] = f"{KAFKA_VERSION}, 2 GiB heap"
    if own_broker:
        found["Kafka"] = (
            f"{KAFKA_VERSION}, one node, {HEAP_MB >> 10} GiB heap, ZGC, on loopback"
        )
        found["Java"] = _java_version()
    else:
        found["Kafka"] = "a broker that was there already"
    return found


def _versions(python: Path) -> str:
    answer = subprocess.run(
        [str(python), "-c", _ASK, *_OF_PEERS],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "unknown"


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _java_version() -> str:
    answer = subprocess.run(
        [java_program(), "-version"], capture_output=True, text=True, check=False
    )
    return (answer.stderr or answer.stdout).splitlines()[0]
