"""Memory: which areas are asked for, and that asking harms nothing anywhere."""

import ctypes
import platform
import sys

import pytest

from streams.app.memory import HUGE_BYTES, HugePages, areas, keep_freed, leaves_it_to_us

MAPS = """\
00400000-00a00000 r-xp 00000000 fe:00 1234                       /usr/bin/python3
00a00000-01200000 rw-p 00600000 fe:00 1234                       /usr/bin/python3
2aef6000-2de00000 rw-p 00000000 00:00 0                          [heap]
7f1677000000-7f1677100000 rw-p 00000000 00:00 0 
7f1677f68000-7f1678768000 rw-p 00000000 00:00 0 
7f1678768000-7f167e968000 ---p 00000000 00:00 0 
7f1680000000-7f1680400000 rw-s 00000000 00:01 77                 /dev/shm/x
7ffd00000000-7ffd00800000 rw-p 00000000 00:00 0                  [stack]
"""  # noqa: W291 - as the kernel writes it


def test_only_large_private_areas_without_a_file_are_found() -> None:
    assert list(areas(MAPS)) == [
        (0x2AEF6000, 0x2DE00000 - 0x2AEF6000),
        (0x7F1677F68000, 8 << 20),
    ]
    assert all(size >= HUGE_BYTES for _, size in areas(MAPS))


@pytest.mark.parametrize(
    ("switch", "ours"),
    [
        ("always [madvise] never\n", True),
        ("[always] madvise never\n", False),
        ("always madvise [never]\n", False),
        ("", False),
    ],
)
def test_we_ask_only_where_it_is_left_to_us(switch: str, *, ours: bool) -> None:
    assert leaves_it_to_us(switch) is ours


def test_who_has_asked_asks_again_only_when_there_is_more() -> None:
    pages = HugePages()
    kept = [bytearray(4 * HUGE_BYTES)]
    first = pages.ask()
    assert first >= 0
    assert pages.ask() == 0
    if first:
        kept.append(bytearray(first))  # twice as much
        assert pages.ask() > first
    assert sum(map(len, kept)) > 0


def test_elsewhere_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert HugePages().ask() == 0


def test_freed_memory_is_kept_where_there_is_glibc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has_glibc = platform.libc_ver()[0] == "glibc"
    assert keep_freed() is has_glibc
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert keep_freed() is False
