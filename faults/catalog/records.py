"""Faults of records: hostile, misrouted, far too many."""

from typing import Final

from faults.actions import crowds, hostile, records, routing
from faults.catalog.bounds import SESSION_MS, USUAL
from faults.judge.checks import UNDISTURBED
from faults.measurements import gap_at_most
from faults.run import Fault

RECORDS: Final = (
    Fault(
        19,
        "poison",
        "1,000 records malformed, null, 1 MB, of unknown types, of a schema to come, misrouted",
        records.poison,
        1,
        within=USUAL,
    ),
    Fault(
        34,
        "hostile",
        "records that clients cannot take apart, too large, or unpacking to 100 MB, in every topic",
        hostile.hostile,
        1,
        within=USUAL,
    ),
    Fault(
        20,
        "facts",
        "fact topics silent, lagging, tombstoned, compacted, out of order",
        records.facts,
        5,
        seconds=150,
        properties={"log.cleaner.backoff.ms": "500"},
        within=USUAL,
    ),
    Fault(
        21,
        "transactions",
        "input from transactional producers, a third aborted",
        records.transactions,
        1,
        seconds=60,
        within=USUAL,
    ),
    Fault(
        31,
        "crowds",
        "8,000 refunds of one order, 8,000 versions of one refund, among good traffic",
        crowds.crowds,
        2,
        seconds=90,
        checks=UNDISTURBED,
        within=(gap_at_most(SESSION_MS // 2), *USUAL),
    ),
    Fault(
        32,
        "two-buyers",
        "orders go to another buyer, with a tombstone under the old one or without",
        routing.two_buyers,
        2,
        checks=UNDISTURBED,
        within=USUAL,
    ),
    Fault(
        33,
        "ingest-restart",
        "ingest is killed and stopped between copies of a push, the platform silent",
        routing.ingest_restarted,
        2,
        seconds=90,
        checks=UNDISTURBED,
        within=USUAL,
    ),
)
