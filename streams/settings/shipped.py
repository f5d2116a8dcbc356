"""The configuration that comes with the package."""

from pathlib import Path
from typing import Final

from streams.errors import SettingsError

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_FOLDERS: Final = (_PACKAGE / "config", _PACKAGE.parent / "config")
"""In a wheel ``config`` lies inside the package, in a checkout beside it."""


def shipped_policy_text() -> str:
    """Return the text of the shipped ``policy.toml``; reads a file.

    Raises
    ------
    SettingsError
        It is in neither place: the installation is broken.
    """
    return shipped_text("policy.toml")


def shipped_text(name: str) -> str:
    """Return the text of a file of the shipped configuration; reads it.

    Raises
    ------
    SettingsError
        It is in neither place: the installation is broken.
    """
    for folder in _FOLDERS:
        path = folder / name
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise SettingsError(
        [f"the shipped {name} is missing: install refund-streams again"]
    )
