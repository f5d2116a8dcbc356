"""Check for what some commands need besides the installed package."""

from importlib.util import find_spec
from typing import Final

from streams.errors import UsageError

_MODULES: Final = ("pyarrow", "hdrh", "jinja2", "confluent_kafka")


def require_tools(command: str) -> None:
    """Check that the extra ``tools`` is installed.

    Raises
    ------
    UsageError
        It is missing; says how to install it.
    """
    missing = [name for name in _MODULES if find_spec(name) is None]
    if missing:
        raise UsageError(
            [
                (
                    f"refund {command} needs packages that are not installed "
                    f"({', '.join(missing)}): install refund-streams with its extra "
                    "`tools`, or use a checkout after `make setup`"
                )
            ]
        )


def require_testkit(command: str, advice: str) -> None:
    """Check that the test broker is there; it is in checkouts, not in the wheel.

    Parameters
    ----------
    command
        Name of the command, as the user calls it.
    advice
        What to do without the test broker.

    Raises
    ------
    UsageError
        It is missing; says what to do.
    """
    try:
        found = find_spec("testkit.broker")
    except ModuleNotFoundError:
        found = None
    if found is None:
        problem = "needs a test broker, which is not part of the installed package"
        raise UsageError([f"{command} {problem}: {advice}"])
