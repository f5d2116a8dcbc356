"""Many runs: which, on which broker, one after the other."""

import asyncio
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

from faults.disk import small_disk
from faults.execute import execute
from faults.run import Fault, FaultRun
from faults.verdict import NotRunError, RunVerdict, not_run
from testkit.broker import LocalCluster
from testkit.node import ClusterOptions

_QUICK_START: Final = ("-XX:TieredStopAtLevel=1",)
_FIRST_SEED: Final = 1


def runs_of(
    faults: Iterable[Fault], runs: int | None, seed: int | None
) -> Iterator[tuple[Fault, int]]:
    """Yield every run: a fault and its seed.

    Parameters
    ----------
    runs
        Of each fault; None = as many as the campaign wants.
    seed
        The first one; None = 1. The seeds of one fault follow each other.
    """
    first = _FIRST_SEED if seed is None else seed
    for fault in faults:
        for number in range(fault.runs if runs is None else runs):
            yield fault, first + number


class Campaign:
    """Plays runs, each on fresh topics of a fresh cluster.

    Parameters
    ----------
    libs
        Jars of the broker (:func:`testkit.prepare.prepare`).
    folder
        Where runs keep their files; what is left of them afterwards, failed.
    """

    def __init__(self, libs: Path, folder: Path) -> None:
        self._libs = libs
        self._folder = folder

    def run(
        self,
        wanted: Iterable[tuple[Fault, int]],
        on_verdict: Callable[[RunVerdict], None],
    ) -> list[RunVerdict]:
        """Do runs one after the other and report each verdict at once."""
        verdicts: list[RunVerdict] = []
        for fault, seed in wanted:
            verdict = self._one(fault, seed)
            verdicts.append(verdict)
            on_verdict(verdict)
        return verdicts

    def _one(self, fault: Fault, seed: int) -> RunVerdict:
        folder = self._folder / f"{fault.number:02d}-{fault.name}-{seed}"
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier run of this seed
        try:
            with disk_of(fault) as disk:
                return self._on(disk, fault, seed, folder)
        except NotRunError as why:
            return not_run(fault.number, fault.name, seed, why)

    def _on(
        self, disk: Path | None, fault: Fault, seed: int, folder: Path
    ) -> RunVerdict:
        options = ClusterOptions(
            nodes=fault.nodes,
            heap_mb=400,
            jvm_flags=_QUICK_START,
            properties=broker_properties(fault, disk),
        )
        with LocalCluster(self._libs, folder / "brokers", options) as cluster:
            run = FaultRun(fault, seed, cluster)
            run.disk = disk
            return asyncio.run(execute(run, folder))


def disk_of(fault: Fault) -> AbstractContextManager[Path | None]:
    """Return the disk that a fault's broker has for itself, if it has one."""
    return nullcontext() if fault.disk_mib is None else small_disk(fault.disk_mib)


def broker_properties(fault: Fault, disk: Path | None) -> Mapping[str, str]:
    """Return broker properties of a fault, besides the usual."""
    if disk is None:
        return fault.properties
    return {**fault.properties, "log.dirs": str(disk / "data")}
