"""The optional packages that some commands need."""

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
