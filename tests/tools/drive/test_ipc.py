import multiprocessing
import signal
from collections.abc import Iterator

import pytest

from streams.tools.drive.ipc import FAILED, failures_sent


@pytest.fixture(autouse=True)
def _ctrl_c_works_again() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def fail(problem: Exception) -> None:
    raise problem


def test_a_failure_is_told_in_one_line() -> None:
    ours, theirs = multiprocessing.Pipe()
    with failures_sent(theirs):
        fail(ValueError("no such topic:\n  orders"))
    assert ours.recv_bytes() == FAILED + b"no such topic: orders"


def test_a_failure_without_words_is_told_by_its_name() -> None:
    ours, theirs = multiprocessing.Pipe()
    with failures_sent(theirs):
        fail(KeyError())
    assert ours.recv_bytes() == FAILED + b"KeyError"


def test_a_process_whose_conductor_is_gone_ends_without_a_word() -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.close()
    went_on = False
    with failures_sent(theirs):
        theirs.send_bytes(b"news")
        went_on = True
    assert not went_on
