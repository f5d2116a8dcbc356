"""The disk forgets at a crash what was not synced, and nothing else."""

import errno
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkit.simulated.disk import Disk, File

SEEDS = st.integers(0, 2**32)
PIECES = st.lists(st.binary(min_size=1, max_size=20))


def disk_of(
    seed: int = 1, *, ordered: bool = True, capacity: int | None = None
) -> Disk:
    return Disk(Random(seed), ordered=ordered, capacity=capacity)  # noqa: S311 - a seed


DISKS = st.builds(
    lambda seed, ordered: disk_of(seed, ordered=ordered), SEEDS, st.booleans()
)


def appended(disk: Disk, name: str, pieces: list[bytes]) -> File:
    file = disk.open(name, create=True)
    for piece in pieces:
        file.append(piece)
    return file


@given(DISKS, PIECES, PIECES)
def test_what_was_synced_survives_any_crash_whatever_comes_after(
    disk: Disk, synced: list[bytes], later: list[bytes]
) -> None:
    file = appended(disk, "log", synced)
    file.fsync()
    disk.fsync_dir()
    appended(disk, "log", later)
    appended(disk, "other", later)
    for _ in range(2):
        disk.crash()
        kept = disk.open("log").read()
        assert kept.startswith(b"".join(synced))
        assert len(kept) <= len(b"".join(synced + later))


@given(SEEDS, PIECES, PIECES)
def test_in_order_a_crash_leaves_a_beginning_of_what_was_appended(
    seed: int, synced: list[bytes], later: list[bytes]
) -> None:
    disk = disk_of(seed)
    appended(disk, "log", synced).fsync()
    disk.fsync_dir()
    appended(disk, "log", later)
    disk.crash()
    assert b"".join(synced + later).startswith(disk.open("log").read())


@given(SEEDS, PIECES)
def test_without_order_each_byte_is_what_was_written_or_zero(
    seed: int, pieces: list[bytes]
) -> None:
    disk = disk_of(seed, ordered=False)
    appended(disk, "log", pieces)
    disk.fsync_dir()
    disk.crash()
    kept, written = disk.open("log").read(), b"".join(pieces)
    assert len(kept) <= len(written)
    assert all(one in (0, other) for one, other in zip(kept, written, strict=False))


@given(DISKS, PIECES)
def test_a_killed_process_loses_nothing_but_its_open_files(
    disk: Disk, pieces: list[bytes]
) -> None:
    file = appended(disk, "log", pieces)
    disk.kill()
    assert disk.open("log").read() == b"".join(pieces)
    for use in (file.read, file.fsync, lambda: file.append(b"x")):
        with pytest.raises(OSError, match="process that is gone") as raised:
            use()
        assert raised.value.errno == errno.EBADF


@given(DISKS)
def test_a_file_that_is_replaced_as_one_should_is_the_old_or_the_new_one(
    disk: Disk,
) -> None:
    appended(disk, "state", [b"old"]).fsync()
    disk.fsync_dir()
    appended(disk, "state.new", [b"the new one"]).fsync()
    disk.rename("state.new", "state")
    disk.crash()
    assert disk.open("state").read() in (b"old", b"the new one")


def after_crashes(*, ordered: bool = True) -> set[bytes | None]:
    """Return what a hundred crashes leave of a file that nobody has synced."""
    found: set[bytes | None] = set()
    for seed in range(100):
        disk = disk_of(seed, ordered=ordered)
        appended(disk, "log", [b"ab", b"cd"])
        disk.crash()
        found.add(disk.open("log").read() if disk.listdir() else None)
    return found


def test_what_was_not_synced_may_be_lost_torn_or_there() -> None:
    assert after_crashes() == {None, b"", b"a", b"ab", b"abc", b"abcd"}


def test_without_order_a_later_write_may_be_there_without_an_earlier_one() -> None:
    assert b"\0\0cd" in after_crashes(ordered=False)


def test_a_new_name_may_be_there_without_its_contents() -> None:
    found = set()
    for seed in range(1_000):
        disk = disk_of(seed)
        appended(disk, "state", [b"old"]).fsync()
        disk.fsync_dir()
        appended(disk, "state.new", [b"new"])  # not synced
        disk.rename("state.new", "state")
        disk.crash()
        found.add(disk.open("state").read())
    assert {b"old", b"", b"new"} <= found


def test_a_removal_that_was_not_synced_may_be_undone() -> None:
    found = set()
    for seed in range(50):
        disk = disk_of(seed)
        appended(disk, "log", [b"x"]).fsync()
        disk.fsync_dir()
        disk.unlink("log")
        assert disk.listdir() == []
        disk.crash()
        found.add(tuple(disk.listdir()))
    assert found == {(), ("log",)}


def test_a_full_disk_takes_what_fits_and_says_so() -> None:
    disk = disk_of(capacity=10)
    file = appended(disk, "log", [b"123456"])
    with pytest.raises(OSError, match="bytes too many") as raised:
        file.append(b"abcdef")
    assert raised.value.errno == errno.ENOSPC
    assert file.read() == b"123456abcd"
    file.write(0, b"654321")  # in place: no more room is needed
    file.truncate(2)
    file.append(b"abcdefgh")
    assert file.read() == b"65abcdefgh"
    disk.unlink("log")
    assert disk.used == 0


def test_a_gap_is_filled_with_zeros() -> None:
    file = disk_of().open("log", create=True)
    file.write(3, b"x")
    assert file.read() == b"\0\0\0x"
    assert file.read(2, 1) == b"\0"


def test_names_that_are_not_there_or_none_are_refused() -> None:
    disk = disk_of()
    for use in (disk.open, disk.unlink, lambda name: disk.rename(name, "other")):
        with pytest.raises(FileNotFoundError):
            use("log")
    with pytest.raises(ValueError, match="one folder"):
        disk.open("a/b", create=True)
