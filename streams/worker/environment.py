"""The app for Faust's own command line: settings come from the environment.

``faust -A streams.worker.environment worker`` finds ``app`` here; it is built on first
access, exactly as ``refund worker`` builds it.
"""

import os
import sys
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from streams.errors import SettingsError, UsageError
from streams.kafka.aiokafka_internals.tested import check_version
from streams.settings import CONFIG_VARIABLE, load, old_names
from streams.worker.app import EXIT_USAGE, RefundApp, build_app

_NO_OVERRIDES: Final[dict[str, str]] = {}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - Faust asks by name
    """Build ``app`` for Faust's command line; nothing happens at import."""
    if name == "app":
        return app_from_environment()
    raise AttributeError(name)


def app_from_environment() -> RefundApp:
    """Build the app for ``faust -A streams.worker.environment worker``.

    Faust imports the app before any command line of ours runs, so this is an edge of
    the process as ``cli.py`` is: it reads the environment and the wall clock. Unusable
    settings end the process with exit code 2 and one line per problem.
    """
    environ = os.environ  # noqa: TID251 - see above
    try:
        table = _file(environ)
        settings = load(environ, table, _NO_OVERRIDES)
        untested = check_version(settings.kafka)
        old = old_names(environ, table, _NO_OVERRIDES)
        for line in (*old, *((untested,) if untested else ())):
            sys.stderr.write(f"refund: {line}\n")
        return build_app(settings, lambda: time.time_ns() // 1_000_000)  # noqa: TID251 - see above
    except UsageError as refused:
        for line in refused.problems:
            sys.stderr.write(f"refund: {line}\n")
        raise SystemExit(EXIT_USAGE) from None


def _file(environ: Mapping[str, str]) -> dict[str, object] | None:
    name = environ.get(CONFIG_VARIABLE)
    if not name:
        return None
    try:
        return tomllib.loads(Path(name).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise SettingsError([f"{name}: {problem}; check the file"]) from None
