"""What some commands need besides the installed package."""

from importlib.util import find_spec
from typing import Final

from streams.errors import UsageError

_MODULES: Final = ("pyarrow", "hdrh", "jinja2", "confluent_kafka")


def require_tools(command: str) -> None:
    """Make sure that the extra ``tools`` is installed.

    Raises
    ------
    UsageError
        It is not; says how to install it.
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
    """Make sure that the test broker is there; it is in checkouts, not in the wheel.

    Parameters
    ----------
    command
        As the user calls it.
    advice
        What to do without it.

    Raises
    ------
    UsageError
        It is not; says what to do.
    """
    try:
        found = find_spec("testkit.broker")
    except ModuleNotFoundError:
        found = None
    if found is None:
        problem = "needs a test broker, which is not part of the installed package"
        raise UsageError([f"{command} {problem}: {advice}"])
