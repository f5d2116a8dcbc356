"""The aiokafka versions that this folder was tested with; others are refused.

A release may silently change the internals. Then a consumer may lose records, read them
twice or never end, without an error. This module imports nothing from aiokafka, so that
a version that cannot even be imported is refused with the same line.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from streams.errors import SettingsError
from streams.settings import Kafka, connection

TESTED: Final = ("0.14.0",)
"""Versions with which all tests have passed, including those on a broker."""

_UNKNOWN: Final = "of an unknown version"


def client_arguments(kafka: Kafka) -> dict[str, Any]:
    """Return the arguments that all aiokafka clients share; reads PEM files.

    Every client is built with them, so none is built with an untested version.

    Raises
    ------
    SettingsError
        As :func:`streams.settings.connection` and :func:`check_version`.
    """
    check_version(kafka)
    return connection(kafka)


def check_version(kafka: Kafka) -> str | None:
    """Refuse a version that was not tested, unless ``kafka.untested_client`` allows it.

    Returns
    -------
    str or None
        A warning when the version is allowed by the setting; None = tested version.

    Raises
    ------
    SettingsError
        The version is not tested; one line.
    """
    found = installed()
    if found in TESTED:
        return None
    told = f"aiokafka {found} is installed, tested are {', '.join(TESTED)}"
    if kafka.untested_client == "allow":
        return (
            f"{told}; records may be lost or read twice (kafka.untested_client = allow)"
        )
    problem = (
        f"{told}: install one of these (pip install aiokafka=={TESTED[-1]}), or set "
        "kafka.untested_client = allow to run it at your own risk"
    )
    raise SettingsError([problem])


@cache
def installed() -> str:
    """Return the version, read once: reading it again takes a millisecond."""
    try:
        return version("aiokafka")
    except PackageNotFoundError:  # installed by copying files
        return _UNKNOWN
