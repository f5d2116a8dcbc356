import os
import signal
from collections.abc import Iterator

import pytest

from streams.signals import until_ended


@pytest.fixture(autouse=True)
def _sigterm_as_before() -> Iterator[None]:
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_program_that_is_ended_says_so_in_one_line(
    sent: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    left = list[str]()

    def command() -> int:
        try:
            os.kill(os.getpid(), sent)
            signal.sigtimedwait([], 60)
        finally:
            left.append("in order")
        return 0

    assert until_ended(command, "program") == code
    assert capsys.readouterr().err == "program: stopped\n"
    assert left == ["in order"]


def test_a_program_that_is_not_ended_has_its_own_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert until_ended(lambda: 1, "program") == 1
    assert not capsys.readouterr().err


def test_wrong_usage_stays_what_it_is() -> None:
    def command() -> int:
        raise SystemExit(2)

    with pytest.raises(SystemExit, match="2"):
        until_ended(command, "program")


def test_a_hang_up_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def command() -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        return 7

    assert until_ended(command, "program") == 7
