"""Folders that commands fill: made before a long run, gone again when it fails."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streams.errors import UsageError


@contextmanager
def made(folder: Path | None, option: str = "") -> Iterator[None]:
    """Make a folder for the time of a run, and its parents; None = nothing to make.

    When the run ends in an error, those that were made here and are still empty are
    taken away. What was there before, or holds a file by now, stays.

    Parameters
    ----------
    option
        Names the folder in an error, such as ``--report``.

    Raises
    ------
    UsageError
        It cannot be made.
    """
    if folder is None:
        yield
        return
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        _remove(missing)
        why = problem.strerror or type(problem).__name__
        raise UsageError([f"{option} {folder}: {why}".strip()]) from None
    try:
        yield
    except BaseException:
        _remove(missing)
        raise


def _remove(folders: list[Path]) -> None:
    """Remove folders that are empty, the innermost first."""
    with suppress(OSError):  # not empty, or not there
        for folder in folders:
            folder.rmdir()
