"""The app as Faust's own command line starts it: settings from the environment."""

import os
import time

from streams.app.build import RefundApp, build_app
from streams.errors import SettingsError
from streams.settings import load


def app_from_environment() -> RefundApp:
    """Build the app for ``faust -A streams.app worker``.

    Exits with code 2 and one line a problem when settings cannot be used.
    """
    try:
        settings = load(os.environ, None, {})  # noqa: TID251 - an edge of the process, like cli.py
        return build_app(settings, lambda: time.time_ns() // 1_000_000)  # noqa: TID251
    except SettingsError as refused:
        raise SystemExit(
            "\n".join(f"refund: {line}" for line in refused.problems)
        ) from None
