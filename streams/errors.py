"""Every error this package raises, split by who must act.

::

    RefundError
    ├── UsageError               the operator: exit code 2, one line a problem
    │   ├── SettingsError        settings or command line
    │   ├── PolicyError          a policy file or policy record
    │   ├── TopicsError          topics missing or declared otherwise
    │   └── AccessError          a broker refuses login, certificate or a right
    └── WorkerError              us or the broker: exit code 1, the supervisor restarts
        ├── OutputLostError      the broker did not acknowledge an output
        ├── FactsUnreadableError facts or earlier outputs could not be read
        ├── SourceError          the input could not be read or its offsets not kept
        ├── StalledError         lag, yet no progress
        └── UnconfirmedError     what was published is not seen to have arrived

What a *sender* got wrong is no error here but a value: a dead letter that knows
its offset, or a decision with a reason code.
"""

from collections.abc import Iterable


class RefundError(Exception):
    """Root of the tree; never raised itself."""


class UsageError(RefundError):
    """Something the operator must put right before anything can run.

    Parameters
    ----------
    problems
        One line each, every problem found; each says what to do about it.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class SettingsError(UsageError):
    """Settings or command-line arguments that cannot be used."""


class PolicyError(UsageError):
    """A policy that is refused: unknown keys, wrong types, contradictions."""


class TopicsError(UsageError):
    """Topics that are missing or differ from what the processor needs."""


class AccessError(UsageError):
    """The brokers refuse our login, our certificate or a right that we need."""


class WorkerError(RefundError):
    """The process cannot go on; offsets of unfinished work are not committed."""


class OutputLostError(WorkerError):
    """An output record was not acknowledged by the broker."""


class FactsUnreadableError(WorkerError):
    """Fact topics or earlier outputs could not be read to their end."""


class SourceError(WorkerError):
    """The input consumer failed in a way that retrying does not mend."""


class StalledError(WorkerError):
    """There is lag, and nothing has moved for longer than allowed."""


class UnconfirmedError(WorkerError):
    """What a command published is not on the topic, or a worker does not show it."""
