"""Which versions of aiokafka this folder was tested with; others are refused.

A release may move what is inside without a word. Then a consumer may lose records, read
them twice or never end, and nothing says so. Nothing of aiokafka is imported here, so that a
version that does not even import is refused with the same line.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from streams.errors import SettingsError
from streams.settings import Kafka, connection

TESTED: Final = ("0.14.0",)
"""Versions with which all tests have passed, those on a broker included."""

_UNKNOWN: Final = "of an unknown version"


def client_arguments(kafka: Kafka) -> dict[str, Any]:
    """Return what all clients of aiokafka have in common; reads PEM files.

    Every client is built with it, so none is built with an untested version.

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
        What to warn of when it is allowed; None when the version was tested.

    Raises
    ------
    SettingsError
        It was not tested; one line.
    """
    found = _installed()
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


def _installed() -> str:
    try:
        return version("aiokafka")
    except PackageNotFoundError:  # its files were copied
        return _UNKNOWN
