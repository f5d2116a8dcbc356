"""The disk of a simulated host: it forgets at a crash what was not synced.

For a store that keeps its state on disk; no worker has one yet, so nothing in ``streams/``
uses this. One flat folder, everything in memory, every call synchronous.

What it models, after POSIX and ext4 or XFS with a journal for metadata:

- ``kill -9`` of a process (:meth:`Disk.kill`) loses nothing: what was written is with the
  kernel. Only its open files are gone.
- A machine that is lost (:meth:`Disk.crash`) keeps what :meth:`File.fsync` was asked for,
  and names as of the last :meth:`Disk.fsync_dir`. Of later writes to a file any number may
  be there: in order, the first that is not may be torn at any byte (``ordered=True``); or
  each by itself whole, torn or not at all, with zeros in gaps (``ordered=False``, as when
  pages are written back at will). Of later creations, renames and removals some are there,
  in order, whole: metadata have a journal. Contents and names know nothing of each other:
  a file may have its new name and not its contents.
- A full disk takes what fits, and raises ``ENOSPC``.

Not modelled: an ``fsync`` that fails, bits that change by themselves, a drive that says
"synced" and lies.
"""

import errno
import os
from random import Random
from typing import Final

import msgspec


class _Write(msgspec.Struct, frozen=True):
    """Bytes that were put at an offset; without bytes: the file was cut there."""

    at: int
    data: bytes | None

    def part(self, size: int) -> "_Write | None":
        """Return what is there of it if it is torn; a cut is there or not."""
        return _Write(self.at, self.data[:size]) if self.data and size else None


class _Rename(msgspec.Struct, frozen=True):
    """A name that points elsewhere from now on; None = nowhere."""

    names: tuple[tuple[str, int | None], ...]


class _Inode:
    """A file without a name: what is on the platter, and what the kernel has."""

    def __init__(self) -> None:
        self.durable = b""
        self.now = bytearray()
        self.unsynced: list[_Write] = []

    def do(self, write: _Write) -> None:
        _apply(self.now, write)
        self.unsynced.append(write)


def _apply(content: bytearray, write: _Write) -> None:
    if write.data is None:
        del content[write.at :]
        return
    if len(content) < write.at:
        content.extend(bytes(write.at - len(content)))
    content[write.at : write.at + len(write.data)] = write.data


class Disk:
    """The disk of one host.

    Parameters
    ----------
    random
        Decides what survives a crash.
    capacity
        Most bytes in all files together; None = any number.
    ordered
        Whether the unsynced writes of a file reach the disk in their order.
    """

    def __init__(
        self, random: Random, *, capacity: int | None = None, ordered: bool = True
    ) -> None:
        self._random = random
        self.capacity = capacity
        self._ordered = ordered
        self._inodes: list[_Inode] = []
        self._durable_names: dict[str, int] = {}
        self._names: dict[str, int] = {}
        self._unsynced: list[_Rename] = []
        self._process = 0
        """Files that were opened by an earlier process cannot be used."""

    # -- what a process does ----------------------------------------------------

    def open(self, name: str, *, create: bool = False) -> "File":
        """Open a file.

        Raises
        ------
        FileNotFoundError
            There is none of that name, and none was to be created.
        ValueError
            The name has a folder: there is one folder only.
        """
        if not name or "/" in name:
            raise ValueError(
                f"{name!r}: this disk has one folder, without others in it"
            )
        if name not in self._names:
            if not create:
                raise _problem(errno.ENOENT, name)
            self._inodes.append(_Inode())
            self._name(_Rename(((name, len(self._inodes) - 1),)))
        return File(self, self._inodes[self._names[name]], self._process)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, at once; a file that had that name is gone.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        inode = self._inode_of(old)
        if old != new:
            self._name(_Rename(((old, None), (new, inode))))

    def unlink(self, name: str) -> None:
        """Remove a file; those who have it open go on.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        self._inode_of(name)
        self._name(_Rename(((name, None),)))

    def listdir(self) -> list[str]:
        """Return the names of all files, sorted."""
        return sorted(self._names)

    def fsync_dir(self) -> None:
        """Make all names as they are now survive a crash."""
        self._durable_names = dict(self._names)
        self._unsynced.clear()

    @property
    def used(self) -> int:
        """Bytes in all files that have a name."""
        return sum(len(self._inodes[number].now) for number in self._names.values())

    def _inode_of(self, name: str) -> int:
        number = self._names.get(name)
        if number is None:
            raise _problem(errno.ENOENT, name)
        return number

    def _name(self, rename: _Rename) -> None:
        _put(self._names, rename)
        self._unsynced.append(rename)

    def require_process(self, process: int) -> None:
        """Refuse a file that a process has opened which is gone.

        Raises
        ------
        OSError
            ``EBADF``.
        """
        if process != self._process:
            raise _problem(errno.EBADF, "a file of a process that is gone")

    def room_for(self, more: int) -> int:
        """Return how many of so many bytes still fit."""
        if self.capacity is None:
            return more
        return max(0, min(more, self.capacity - self.used))

    # -- what happens to it -----------------------------------------------------

    def kill(self) -> None:
        """End the process that uses it: nothing that was written is lost."""
        self._process += 1

    def crash(self) -> None:
        """Lose the machine: of what was not synced, some is there."""
        self._process += 1
        kept = self._unsynced[: self._random.randint(0, len(self._unsynced))]
        for rename in kept:
            _put(self._durable_names, rename)
        self._names = dict(self._durable_names)
        self._unsynced.clear()
        for inode in self._inodes:
            content = bytearray(inode.durable)
            for write in self._survivors(inode.unsynced):
                _apply(content, write)
            inode.durable, inode.now = bytes(content), content
            inode.unsynced.clear()

    def _survivors(self, writes: list[_Write]) -> list[_Write]:
        """Return the unsynced writes of a file that a crash leaves, whole or in part."""
        if self._ordered:
            whole = self._random.randint(0, len(writes))
            torn = [self._torn(one) for one in writes[whole : whole + 1]]
            return writes[:whole] + [one for one in torn if one is not None]
        found = [
            one if self._random.random() < _WHOLE else self._torn(one) for one in writes
        ]
        return [one for one in found if one is not None]

    def _torn(self, write: _Write) -> _Write | None:
        return write.part(self._random.randint(0, len(write.data or b"")))


_WHOLE: Final = 0.5
"""Share of the unsynced writes that a crash leaves whole, where they have no order."""


class File:
    """An open file; made by :meth:`Disk.open`."""

    def __init__(self, disk: Disk, inode: _Inode, process: int) -> None:
        self._disk = disk
        self._inode = inode
        self._process = process

    @property
    def size(self) -> int:
        """Bytes in it."""
        self._disk.require_process(self._process)
        return len(self._inode.now)

    def read(self, at: int = 0, size: int | None = None) -> bytes:
        """Return what was written, synced or not; to the end without a size."""
        self._disk.require_process(self._process)
        return bytes(self._inode.now[at : None if size is None else at + size])

    def write(self, at: int, data: bytes) -> None:
        """Put bytes at an offset; zeros fill a gap before it.

        Raises
        ------
        OSError
            ``ENOSPC``: the disk is full; what still fitted is written.
        """
        self._disk.require_process(self._process)
        grows = max(0, at + len(data) - len(self._inode.now))
        missing = grows - self._disk.room_for(grows)
        fitting = data[: max(0, len(data) - missing)]
        if fitting:
            self._inode.do(_Write(at, bytes(fitting)))
        if missing:
            raise _problem(errno.ENOSPC, f"{missing} bytes too many")

    def append(self, data: bytes) -> int:
        """Put bytes at the end; return the offset of the first. Raises as :meth:`write`."""
        at = self.size
        self.write(at, data)
        return at

    def truncate(self, size: int) -> None:
        """Cut the file; one that is shorter stays as it is."""
        if size < self.size:
            self._inode.do(_Write(size, None))

    def fsync(self) -> None:
        """Make the contents as they are now survive a crash, but not the file's name."""
        self._disk.require_process(self._process)
        self._inode.durable = bytes(self._inode.now)
        self._inode.unsynced.clear()


def _put(names: dict[str, int], rename: _Rename) -> None:
    for name, number in rename.names:
        if number is None:
            names.pop(name, None)
        else:
            names[name] = number


def _problem(code: int, about: str) -> OSError:
    return OSError(code, os.strerror(code), about)
