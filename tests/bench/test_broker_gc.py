"""The broker is asked to collect before a run; without one nothing happens."""

import shutil
import subprocess
from pathlib import Path

import pytest

from bench import broker_gc
from testkit.jars import BrokerUnavailableError, java_program

SLEEPER = """
class Sleeper {
    public static void main(String[] given) throws Exception {
        System.out.println("READY");
        System.in.read();
    }
}
"""


def test_the_collector_of_a_jvm_below_us_runs_when_asked(tmp_path: Path) -> None:
    try:
        java = java_program()
    except BrokerUnavailableError as error:
        pytest.skip(f"no Java: {error}")
    if shutil.which("jcmd") is None:
        pytest.skip("no jcmd on the path")
    source, log = tmp_path / "Sleeper.java", tmp_path / "gc.log"
    source.write_text(SLEEPER, encoding="utf-8")
    with subprocess.Popen(
        [java, "-XX:+UseZGC", "-Xmx64m", f"-Xlog:gc:file={log}", str(source)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "READY\n"
        before = log.read_text("utf-8").count("Diagnostic Command")
        assert broker_gc.collect()
        assert log.read_text("utf-8").count("Diagnostic Command") > before
        process.communicate("over")
    assert not broker_gc.collect()  # there is none any more
