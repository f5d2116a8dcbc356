"""A small disk of its own for a broker, that can be filled and freed."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from faults.verdict import NotRunError

_FILLER: Final = "filler"
_CHUNK: Final = 1_048_576
_MOUNT_S: Final = 10


@contextmanager
def small_disk(mib: int) -> Iterator[Path]:
    """Mount a file system in memory of so many MiB; its folder, gone afterwards.

    Raises
    ------
    NotRunError
        This system or this user may not mount.
    """
    folder = Path(tempfile.mkdtemp(prefix="disk-"))
    try:
        _told("mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder))
        try:
            yield folder
        finally:
            with contextlib.suppress(NotRunError):
                _told("umount", "--lazy", str(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(folder: Path) -> int:
    """Take all room that is left; bytes taken. Blocks."""
    with (folder / _FILLER).open("wb", buffering=0) as sink:
        taken, size = 0, _CHUNK
        while size:
            try:
                os.posix_fallocate(sink.fileno(), taken, size)
                taken += size
            except OSError:
                size //= 2
        return taken


def free(folder: Path) -> None:
    """Give back what :func:`fill` took."""
    (folder / _FILLER).unlink()


def _told(*command: str) -> None:
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_MOUNT_S
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NotRunError(f"cannot {command[0]}: {problem}") from None
    if ended.returncode:
        raise NotRunError(f"cannot {command[0]}: {ended.stderr.strip()}")
