"""Create the folders that commands fill before a long run; remove them when it fails."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streams.errors import UsageError


@contextmanager
def made(folder: Path | None, option: str = "") -> Iterator[None]:
    """Create a folder and its parents for a run; None = no folder.

    When the run fails, folders that were created here and are still empty are removed.
    Existing folders, and those with a file, stay.

    Parameters
    ----------
    option
        Option that names the folder in an error, such as ``--report``.

    Raises
    ------
    UsageError
        The folder cannot be created.
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
    with suppress(OSError):  # not empty, or missing
        for folder in folders:
            folder.rmdir()
