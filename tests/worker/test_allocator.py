"""Memory: glibc is asked to keep it, and asking harms nothing elsewhere."""

import ctypes
import platform

import pytest

from streams.worker.allocator import keep_freed


def test_freed_memory_is_kept_where_there_is_glibc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has_glibc = platform.libc_ver()[0] == "glibc"
    assert keep_freed() is has_glibc
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert keep_freed() is False
