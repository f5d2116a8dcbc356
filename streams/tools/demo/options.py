"""The options of a demo."""

from pathlib import Path
from typing import Literal

import msgspec


class DemoOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The choices of the command line."""

    seconds: int = 20
    """How long new scenes begin after the worker is ready."""
    afterwards: Literal["stop", "keep"] = "stop"
    """``keep`` leaves broker and worker running until Ctrl-C."""
    form: Literal["people", "json"] = "people"
    bootstrap: str | None = None
    """``HOST:PORT`` of a broker to use instead of the embedded one."""
    web_port: int | None = None
    """TCP port of the worker's pages; None = any free one."""
    picture: Path | None = None
    """An SVG file that shows the run when it is over."""
