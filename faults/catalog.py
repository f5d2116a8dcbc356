"""The campaign: every fault, how often, under what load, and what it must keep to."""

from typing import Final

from faults.figures import (
    back_within,
    gap_at_most,
    late_at_most,
    p99_at_most,
    p99_is_back,
    repeats_at_most,
)
from faults.judge.checks import (
    ALWAYS,
    UNDISTURBED,
    WITHOUT_ZOMBIES,
    commits_stay_behind,
)
from faults.judge.money import facts_were_loaded
from faults.run import Fault
from faults.scenes import (
    of_brokers,
    of_crowds,
    of_hours,
    of_machines,
    of_networks,
    of_outputs,
    of_records,
    of_routing,
    of_topics,
    of_workers,
)

_SESSION_MS: Final = int(of_workers.SESSION_S * 1_000)
_AFTER_KILL_MS: Final = _SESSION_MS + 2_000
_NAMED: Final = {
    "REFUND_KAFKA__GROUP_INSTANCE_ID": "set for each",
    "REFUND_KAFKA__SESSION_TIMEOUT_MS": "15000",
}
_OUTAGE_MS: Final = 30_000
_TO_GET_OVER_S: Final = 300
_SECOND: Final = 500
"""Requests of a second: what may be on its way when something breaks."""
_USUAL: Final = (p99_is_back, late_at_most(_SECOND))

SOAK_S: Final = 7_200
MIXTURE_S: Final = 1_000


def soak(length_s: int) -> Fault:
    """Return the long time at little load; the burst comes on top of its length."""
    return Fault(
        24,
        "soak",
        "30 % load for hours, then ten times as much for a minute",
        of_hours.soak,
        1,
        rate=150,
        seconds=of_hours.rows_s(length_s),
        length_s=length_s,
        checks=UNDISTURBED,
        within=_USUAL,
    )


def mixture(length_s: int) -> Fault:
    """Return the random mix of faults of workers and brokers."""
    return Fault(
        25,
        "mixture",
        "2, 7, 13, 14 and 15 at random, with quiet between",
        of_brokers.mixture,
        10,
        nodes=3,
        rate=300,
        seconds=length_s + _TO_GET_OVER_S,
        length_s=length_s,
        checks=ALWAYS,
        within=(repeats_at_most(_SECOND), *_USUAL),
    )


LASTING: Final = {"soak": soak, "mixture": mixture}
"""By name, faults that last as long as they are told to, in seconds."""


FAULTS: Final = (
    Fault(
        1,
        "restart",
        "SIGTERM and restart each worker",
        of_workers.restart,
        10,
        checks=UNDISTURBED,
        within=(gap_at_most(1_500), *_USUAL),
    ),
    Fault(
        2,
        "kill",
        "kill -9 a worker at some moment",
        of_workers.kill,
        20,
        within=(gap_at_most(_AFTER_KILL_MS), *_USUAL),
    ),
    Fault(
        3,
        "kill-before-commit",
        "kill -9 between produce acknowledgement and commit",
        of_workers.kill_before_commit,
        10,
        within=(gap_at_most(_AFTER_KILL_MS), *_USUAL),
    ),
    Fault(
        4,
        "kill-while-loading",
        "kill -9 while loading facts or reading back outputs",
        of_workers.kill_while_loading,
        5,
        within=_USUAL,
    ),
    Fault(
        5,
        "rolling",
        "rolling restart with static membership",
        of_workers.rolling,
        5,
        settings=_NAMED,
        checks=UNDISTURBED,
        within=_USUAL,
    ),
    Fault(
        6,
        "scale",
        "one worker, three, one again",
        of_workers.scale,
        3,
        workers=1,
        checks=UNDISTURBED,
        within=_USUAL,
    ),
    Fault(
        7,
        "zombie",
        "SIGSTOP past the session time-out, then SIGCONT",
        of_workers.zombie,
        5,
        checks=ALWAYS,
        within=(gap_at_most(_AFTER_KILL_MS), repeats_at_most(_SECOND), *_USUAL),
    ),
    Fault(
        8,
        "twins",
        "two workers with the same static id",
        of_workers.twins,
        3,
        workers=1,
        settings=_NAMED,
        checks=ALWAYS,
        within=(repeats_at_most(_SECOND), *_USUAL),
    ),
    Fault(
        9,
        "spare",
        "a spare takes over after a minute of idling",
        of_workers.spare,
        2,
        workers=5,
        rate=300,
        seconds=120,
        within=(gap_at_most(_AFTER_KILL_MS), *_USUAL),
    ),
    Fault(
        10,
        "broker-down",
        "broker killed, down 70 s, back",
        of_brokers.broker_down,
        3,
        seconds=150,
        within=(back_within(_OUTAGE_MS), *_USUAL),
    ),
    Fault(
        11,
        "early-worker",
        "workers started 60 s before the broker",
        of_brokers.early_worker,
        3,
        workers=0,
        seconds=150,
        within=(back_within(_OUTAGE_MS),),
    ),
    Fault(
        12,
        "rolling-brokers",
        "clean restart of all brokers in turn",
        of_brokers.rolling_brokers,
        3,
        nodes=3,
        seconds=120,
        within=(p99_at_most(3_000), *_USUAL),
    ),
    Fault(
        13,
        "kill-leader",
        "kill -9 the leader of an input partition, and the next",
        of_brokers.kill_leader,
        5,
        nodes=3,
        seconds=120,
        within=_USUAL,
    ),
    Fault(
        14,
        "kill-coordinator",
        "kill -9 the group coordinator",
        of_brokers.kill_coordinator,
        5,
        nodes=3,
        seconds=90,
        within=_USUAL,
    ),
    Fault(
        15,
        "freeze-broker",
        "SIGSTOP a broker for 20 s",
        of_brokers.freeze_broker,
        5,
        nodes=3,
        seconds=120,
        within=_USUAL,
    ),
    Fault(
        16,
        "two-down",
        "two of three brokers down for 40 s",
        of_brokers.two_down,
        3,
        nodes=3,
        seconds=150,
        within=_USUAL,
    ),
    Fault(
        17,
        "too-large",
        "an output topic takes no record of the usual size",
        of_outputs.too_large,
        2,
        nodes=3,
        seconds=90,
        within=_USUAL,
    ),
    Fault(
        17,
        "unauthorised",
        "workers may not write to an output topic",
        of_outputs.unauthorised,
        2,
        nodes=3,
        seconds=120,
        properties=of_outputs.WITH_RIGHTS,
        within=_USUAL,
    ),
    Fault(
        17,
        "topic-deleted",
        "an output topic is deleted, and made again by a person",
        of_outputs.topic_deleted,
        2,
        nodes=3,
        seconds=180,
        within=_USUAL,
    ),
    Fault(
        18,
        "network",
        "between workers and broker 100 ms more, 3 Mbit/s, cut for a minute",
        of_networks.bad_network,
        3,
        seconds=200,
        within=_USUAL,
    ),
    Fault(
        19,
        "poison",
        "1,000 records malformed, null, 1 MB, of unknown types, of a schema to come, misrouted",
        of_records.poison,
        1,
        within=_USUAL,
    ),
    Fault(
        20,
        "facts",
        "fact topics silent, lagging, tombstoned, compacted, out of order",
        of_records.facts,
        5,
        seconds=150,
        properties={"log.cleaner.backoff.ms": "500"},
        within=_USUAL,
    ),
    Fault(
        21,
        "transactions",
        "input from transactional producers, a third aborted",
        of_records.transactions,
        1,
        seconds=60,
        within=_USUAL,
    ),
    Fault(
        22,
        "clock",
        "the wall clock of one worker an hour ahead, or behind",
        of_machines.clock,
        2,
        seconds=90,
        # By its own clock a worker knows of everything an hour too early.
        checks=[one for one in WITHOUT_ZOMBIES if one is not facts_were_loaded],
        within=_USUAL,
    ),
    Fault(
        23,
        "disk-full",
        "no room for the broker's logs, then room again",
        of_machines.disk_full,
        1,
        seconds=120,
        disk_mib=512,
        within=(back_within(_OUTAGE_MS), *_USUAL),
    ),
    soak(SOAK_S),
    mixture(MIXTURE_S),
    Fault(
        26,
        "requests-anew",
        "requests made anew, under live workers or stopped ones",
        of_topics.requests_anew,
        4,
        seconds=90,
    ),
    Fault(
        27,
        "outcomes-anew",
        "outcomes made anew under workers, orders vetoed after that",
        of_topics.outcomes_anew,
        3,
        seconds=90,
        checks=ALWAYS,
        within=(repeats_at_most(_SECOND),),
    ),
    Fault(
        28,
        "facts-parted",
        "orders or catalogue get partitions, facts go to the new ones",
        of_topics.facts_parted,
        4,
        seconds=120,
        checks=ALWAYS,
        within=(repeats_at_most(_SECOND),),
    ),
    Fault(
        29,
        "open-transaction",
        "a foreign transaction open on approvals while a worker is killed",
        of_topics.open_transaction,
        3,
        seconds=120,
        # Whoever looks sees the outputs behind the transaction only when it is over.
        checks=[one for one in WITHOUT_ZOMBIES if one is not commits_stay_behind],
    ),
    Fault(
        30,
        "reset-forward",
        "the group's offsets set past undecided requests, and back",
        of_topics.reset_forward,
        2,
        seconds=90,
    ),
    Fault(
        31,
        "crowds",
        "8,000 refunds of one order, 8,000 versions of one refund, among good traffic",
        of_crowds.crowds,
        2,
        seconds=90,
        checks=UNDISTURBED,
        within=(gap_at_most(_SESSION_MS // 2), *_USUAL),
    ),
    Fault(
        32,
        "two-buyers",
        "orders go to another buyer, with a tombstone under the old one or without",
        of_routing.two_buyers,
        2,
        checks=UNDISTURBED,
        within=_USUAL,
    ),
    Fault(
        33,
        "ingest-restart",
        "ingest is killed and stopped between copies of a push, the platform silent",
        of_routing.ingest_restarted,
        2,
        seconds=90,
        checks=UNDISTURBED,
        within=_USUAL,
    ),
)
"""In the order of their numbers."""
