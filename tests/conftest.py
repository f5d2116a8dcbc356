"""What every test may use: the golden-file switch and the Hypothesis profile."""

import signal

import pytest
from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a script: what tests start would ignore it as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A shared machine is slow at times; a slow example is no failed example.
settings.register_profile("refund", deadline=None, print_blob=True)
settings.load_profile("refund")


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
