"""The folder of a report."""

from pathlib import Path

from streams.errors import UsageError


def make_folder(folder: Path | None) -> None:
    """Make the folder of a report before a long run, not after it.

    Raises
    ------
    UsageError
        It cannot be made.
    """
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError([f"--report {folder}: {problem.strerror}"]) from None
