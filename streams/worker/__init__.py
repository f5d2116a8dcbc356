"""The composition root: settings in, a Faust app with its services and agents out.

``faust -A streams.worker worker`` finds ``app`` here; it is built when it is asked for,
from the environment, exactly as ``refund worker`` builds it.
"""

from typing import Any

from streams.worker.app import build_app, run

__all__ = ["build_app", "run"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - Faust asks by name
    """Build ``app`` for Faust's own command line; nothing happens at import."""
    if name == "app":
        from streams.worker.environment import app_from_environment  # noqa: PLC0415

        return app_from_environment()
    raise AttributeError(name)
