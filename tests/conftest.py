"""What every test may use: the golden-file switch, programs, the Hypothesis profile."""

import shutil
import signal
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script: what tests start would ignore it as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A shared machine is slow at times; a slow example is no failed example.
settings.register_profile("refund", deadline=None, print_blob=True)
settings.load_profile("refund")

TOOLS: Final = {
    "promtool": "apt-get install --no-install-recommends prometheus",
    "systemd-analyze": "apt-get install --no-install-recommends systemd",
}
"""Programs that only some tests need, and how they come to a Debian machine."""


def skip_reasons(terminalreporter: pytest.TerminalReporter) -> list[str]:
    """Why tests were skipped, one for each; also of those that ran in other processes."""
    reports = terminalreporter.stats.get("skipped", [])
    return [str(report.longrepr[2]).removeprefix("Skipped: ") for report in reports]


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Find a program of :data:`TOOLS`; without it the test skips, and the run says so."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is not installed: {TOOLS[name]}")
        return path

    return find


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = skip_reasons(terminalreporter)
    for name, way in TOOLS.items():
        if any(reason.startswith(f"{name} is not installed") for reason in reasons):
            terminalreporter.write_line(
                f"TESTS THAT NEED {name} DID NOT RUN: {way}", red=True, bold=True
            )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-cases",
        action="store_true",
        help="rewrite the expected results of tests/cases/*.json; read the diff",
    )


@pytest.fixture(scope="session")
def update_cases(pytestconfig: pytest.Config) -> bool:
    """Whether golden files are to be rewritten instead of compared."""
    return bool(pytestconfig.getoption("--update-cases"))
