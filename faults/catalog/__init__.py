"""The campaign: every fault, its runs, load and bounds."""

from typing import Final

from faults.catalog.brokers import BROKERS
from faults.catalog.lasting import LASTING, MIXTURE_S, SOAK_S, mixture, soak
from faults.catalog.records import RECORDS
from faults.catalog.topics import TOPICS
from faults.catalog.workers import WORKERS
from faults.run import Fault

FAULTS: Final[tuple[Fault, ...]] = tuple(
    sorted(
        (*WORKERS, *BROKERS, *RECORDS, *TOPICS, soak(SOAK_S), mixture(MIXTURE_S)),
        key=lambda fault: fault.number,
    )
)
"""In the order of their numbers."""

__all__ = ["FAULTS", "LASTING"]
