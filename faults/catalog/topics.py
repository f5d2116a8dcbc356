"""Faults of topics: another log than before, under the same name."""

from typing import Final

from faults.actions import offsets, topics
from faults.catalog.bounds import SECOND
from faults.judge.checks import ALWAYS, WITHOUT_ZOMBIES, commits_stay_behind
from faults.measurements import repeats_at_most
from faults.run import Fault

TOPICS: Final = (
    Fault(
        26,
        "requests-anew",
        "requests made anew, under live workers or stopped ones",
        topics.requests_anew,
        4,
        seconds=90,
    ),
    Fault(
        27,
        "outcomes-anew",
        "outcomes made anew under workers, orders vetoed after that",
        topics.outcomes_anew,
        3,
        seconds=90,
        checks=ALWAYS,
        within=(repeats_at_most(SECOND),),
    ),
    Fault(
        28,
        "facts-parted",
        "orders or catalogue get partitions, facts go to the new ones",
        topics.facts_parted,
        4,
        seconds=120,
        checks=ALWAYS,
        within=(repeats_at_most(SECOND),),
    ),
    Fault(
        29,
        "open-transaction",
        "a foreign transaction open on approvals while a worker is killed",
        offsets.open_transaction,
        3,
        seconds=120,
        # Whoever looks sees the outputs behind the transaction only when it is over.
        checks=[one for one in WITHOUT_ZOMBIES if one is not commits_stay_behind],
    ),
    Fault(
        30,
        "reset-forward",
        "the group's offsets set past undecided requests, and back",
        offsets.reset_forward,
        2,
        seconds=90,
    ),
)
