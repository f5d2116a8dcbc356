"""What engines need beyond our own environment, and which can run without it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.engine_table import ENGINE_TABLE, ENGINES, Tools
from bench.jars import built
from bench.options import BenchError
from testkit.jars import BrokerUnavailableError

PEERS_PYTHON: Final = Path(".venv-bench") / "bin" / "python"
_NO_PYTHON: Final = f"no {PEERS_PYTHON}; `make bench` makes it"


@dataclass(frozen=True, slots=True)
class Found:
    """Who can run here."""

    engines: tuple[str, ...]
    tools: Tools
    left_out: dict[str, str]
    """Engine: why it cannot run."""


def find(
    asked: Sequence[str], cache_home: str | None, report: Callable[[str], None]
) -> Found:
    """Find, or build, what the engines asked for need; none asked for = all that can run.

    Raises
    ------
    BenchError
        An engine was asked for by name, and what it needs is not there.
    """
    wanted = tuple(asked) or ENGINES
    missing: dict[str, str] = {}
    needs = {ENGINE_TABLE[name].needs for name in wanted}
    jars = None
    if "java" in needs:
        report("looking for the Kafka Streams peers; Maven builds them once")
        try:
            jars = built(cache_home)
        except BrokerUnavailableError as problem:
            missing["java"] = str(problem)
    python = PEERS_PYTHON.absolute()  # not resolved: a link's target has no packages
    if not python.exists():
        missing["peers"] = _NO_PYTHON
    left_out = {
        name: missing[ENGINE_TABLE[name].needs]
        for name in wanted
        if ENGINE_TABLE[name].needs in missing
    }
    if asked and left_out:
        raise BenchError(
            "\n".join(f"{name} cannot run: {why}" for name, why in left_out.items())
        )
    able = tuple(name for name in wanted if name not in left_out)
    return Found(able, Tools(python, jars), left_out)
