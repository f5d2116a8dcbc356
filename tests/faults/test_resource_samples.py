"""Growth is that of a line; what the kernel says of a process is read right."""

import os
from random import Random

import pytest

from faults.resource_samples import ResourceSample, growth
from testkit.procfs import descriptors, peak_mib, resident_mib


def at(at_s: float, mib: float) -> ResourceSample:
    return ResourceSample(at_s, mib, 0, 0, 0, 0)


def mib(one: ResourceSample) -> float:
    return one.mib


def test_a_line_tells_its_growth() -> None:
    assert growth([at(s, 100 + s / 2) for s in range(11)], mib) == pytest.approx(5)
    assert growth([at(s, 100) for s in range(11)], mib) == pytest.approx(0)
    assert growth([at(3, 100)], mib) == 0


def test_noise_around_a_line_hides_no_leak_and_makes_none() -> None:
    rng = Random(1)  # noqa: S311 - noise, no secret
    flat = [at(s, 100 + rng.uniform(-2, 2)) for s in range(200)]
    leak = [at(one.at_s, one.mib + one.at_s / 10) for one in flat]
    assert abs(growth(flat, mib)) < 2
    assert growth(leak, mib) == pytest.approx(20, abs=2)


def test_memory_and_descriptors_of_a_process_are_told() -> None:
    pid = os.getpid()
    before = descriptors(pid)
    with open(os.devnull, encoding="utf-8"):  # noqa: PTH123 - a descriptor is all
        assert descriptors(pid) == before + 1
    assert 0 < resident_mib(pid) <= peak_mib(pid)
    gone = 2**22 + 1  # above the largest process id
    assert (descriptors(gone), resident_mib(gone)) == (0, 0)
