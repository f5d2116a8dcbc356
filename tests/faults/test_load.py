"""Moments of a load are those of its rate, however late they are asked for."""

import itertools
import time

from faults.lab_logs import now_ms
from faults.load import LoadPace


def test_no_moment_is_left_out_and_none_is_told_twice() -> None:
    began_ms = now_ms()
    pace = LoadPace(200)
    told: list[int] = []
    until = time.monotonic() + 30
    while len(told) < 50 and time.monotonic() < until:
        told += pace.moments()
    assert began_ms <= told[0] <= now_ms()
    assert {later - one for one, later in itertools.pairwise(told)} == {5}
    assert told[-1] <= now_ms()
