"""The seam between machinery and rule families.

The machinery reads, takes over, commits, writes and reconciles; it knows no rule. A
family judges; it knows no broker, no clock and no event loop. They meet here: a
:class:`Family` says what there is to read and write, a :class:`FamilyProcess` is one
family in one process, a :class:`PartitionState` what it remembers of one partition.
Everything is called once a slice or once a record of facts; within ``judge`` a family
uses its own types.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from streams.processing.answers import Answers
from streams.processing.applied import Misrouted, Result
from streams.processing.explain import Explainer
from streams.processing.news import NewsQueue
from streams.processing.policies import Policies, PolicyBook, PolicyType
from streams.processing.reasons import ReasonCatalog
from streams.processing.reconcile import DueOutput
from streams.processing.site import Site
from streams.processing.slice_result import SliceResult, Unjudged
from streams.processing.topics import FamilyTopics
from streams.processing.watermarks import Watermarks
from streams.records.record import Record

S = TypeVar("S", bound="PartitionState")
W = TypeVar("W")
S_contra = TypeVar("S_contra", bound="PartitionState", contravariant=True)
W_contra = TypeVar("W_contra", contravariant=True)

TopicPartition = tuple[str, int]
"""Name of a topic without prefix, and a partition number."""


class PartitionState(Protocol):
    """What a family knows of one partition: its facts, its decisions, its notices."""

    loading: bool
    """Set by the machinery until the facts of the partition were read to their end."""

    def loaded(self) -> Iterator[Misrouted | None]:
        """End the load; what is returned looks at one loaded row after the other."""
        ...

    def marks(self, topic: str) -> Watermarks | None:
        """Return the watermarks of a fact topic; None = it has none."""
        ...

    def read_to_end(self, at_ms: int) -> None:
        """Note that the family's dated topic held nothing newer at a moment, UTC ms."""
        ...

    def keys(self) -> Sequence[str]:
        """Return every key that may call for an output, to be reconciled after a load."""
        ...

    def is_due(self, now_ms: int) -> bool:
        """Whether event time has passed a due time; ``reconcile`` yields what it calls for.

        Asked after each slice. A family that is dated by fact topics says ``PARTITION``
        of a watermark that makes something due, and is asked to reconcile then.

        Parameters
        ----------
        now_ms
            UTC ms; event time never passes it (:class:`~streams.processing.event_time.EventTime`).
        """
        ...

    def keys_of(self, group: str) -> Sequence[str]:
        """Return the keys of a group that may call for an output."""
        ...

    def noted(self, identity: str) -> bool:
        """Whether an output with this id was written."""
        ...

    def note(self, identity: str) -> None:
        """Remember that an output with this id was written."""
        ...

    def rows(self) -> Mapping[str, int]:
        """Return how many rows there are by table, for metrics and status."""
        ...


class SharedFacts(Protocol):
    """Facts that every partition of a family reads, policies among them."""

    @property
    def news(self) -> NewsQueue:
        """Return what nobody has logged yet."""
        ...

    def apply(self, topic: str, partition: int, record: Record) -> Result:
        """Take a record of a shared fact topic."""
        ...

    def marks(self, topic: str, partition: int) -> Watermarks | None:
        """Return the watermarks of a partition of a topic; None = it has none."""
        ...

    def policies_cut(self) -> None:
        """Note that records were deleted from the beginning of the policies."""
        ...

    def policies_named(
        self, named: Mapping[tuple[str, str | None], tuple[str, int]], now_ms: int
    ) -> None:
        """Compare with the policies, by name and hash, that decisions were made under.

        Parameters
        ----------
        named
            With the id and the moment (UTC ms) of the last such decision.
        """
        ...

    @property
    def book(self) -> PolicyBook[Any]:
        """Return the versions of the policy, and the pause."""
        ...

    @property
    def policies(self) -> Policies[Any]:
        """Return the policies that judge."""
        ...

    @property
    def policy_wait_ms(self) -> int:
        """Return how long input waits at a start for a first policy, ms."""
        ...

    def has_policy(self) -> bool:
        """Whether there is any policy, in force or not."""
        ...

    def rows(self) -> Mapping[str, int]:
        """Return how many rows there are by table, for metrics and status."""
        ...


class RestoredDecision(Protocol):
    """What the memory of a partition needs of a decision that was read back."""

    @property
    def decision_id(self) -> str:
        """Return the id of the decision."""
        ...

    @property
    def policy(self) -> tuple[str, str | None] | None:
        """Return name and hash of the policy that judged; None = none was in force."""
        ...

    @property
    def decided_at_ms(self) -> int:
        """Return when it was made, UTC ms."""
        ...

    @property
    def rank(self) -> int:
        """Return which of two decisions on one offset counts: the lower one."""
        ...

    def mark(self, key: bytes | None) -> int:
        """Return the mark of the record that it answers (:class:`Answers`)."""
        ...


class Lookups(Protocol[W_contra, S_contra]):
    """What a family does about facts that a slice names and the state lacks.

    Outlives slices and polls. One look serves a whole poll: all its records were
    written before it began.
    """

    def wanted(
        self, missing: W_contra, partitions: Sequence[int], at_ms: int
    ) -> Sequence[TopicPartition]:
        """Return the fact partitions to be read on before the slice is judged."""
        ...

    def looked(
        self,
        missing: W_contra,
        topics: frozenset[str],
        states: Iterable[S_contra],
        at_ms: int,
    ) -> None:
        """Take note of what was found, once these topics were read on.

        Parameters
        ----------
        topics
            May be empty: the slice was looked for nowhere, or earlier in its poll.
        at_ms
            Monotonic ms, as in :meth:`wanted`.
        """
        ...


class FamilyProcess(Protocol[S, W]):
    """One family in one process: what its partitions share, and how slices are judged."""

    @property
    def shared(self) -> SharedFacts:
        """Return the facts that all partitions share."""
        ...

    @property
    def news(self) -> NewsQueue:
        """Return what nobody has logged yet, besides that of ``shared``."""
        ...

    @property
    def appliers(self) -> Mapping[str, Callable[[S, Record], Result]]:
        """Return what takes a record of each fact topic, by name without prefix."""
        ...

    @property
    def lookups(self) -> Lookups[W, S]:
        """Return what is done about facts that are missing."""
        ...

    def open(self, partition: int) -> S:
        """Return the empty state of a partition."""
        ...

    # -- read back -------------------------------------------------------------

    def restore(self, topic: str, value: bytes) -> RestoredDecision | str | None:
        """Read an output: a decision, the id of another output, or None = not ours."""
        ...

    def remember(self, state: S, found: Any) -> None:  # noqa: ANN401 - its own
        """Put what :meth:`restore` read into the state; the first of an id counts."""
        ...

    def mark(self, record: Record) -> int | None:
        """Return the mark of an input record; None = no decision is made on it."""
        ...

    def warm(self, state: S, now_ms: int) -> Iterator[None]:
        """Get a restored partition ready; the event loop has a turn after each step."""
        ...

    # -- judge -----------------------------------------------------------------

    def read(
        self, records: Sequence[Record], answered: Answers, state: S
    ) -> tuple[Unjudged, W | None]:
        """Read a slice; records that have an answer already are left out.

        Returns
        -------
        tuple
            What :meth:`judge` judges, and what the state lacks for it; None = nothing.
        """
        ...

    def prepare(self, state: S) -> bool:
        """Do a part of what must be done before judging; False = all is done."""
        ...

    def judge(
        self,
        piece: Any,  # noqa: ANN401 - its own
        state: S,
        now_ms: int,
        enough: Callable[[], bool],
    ) -> SliceResult:
        """Judge the next records of a slice, at least some of them.

        Parameters
        ----------
        piece
            What :meth:`read` made of it; its ``done`` says afterwards how far it is.
        now_ms
            The moment of these decisions, UTC ms.
        enough
            Asked after some records: whether the others have to wait.
        """
        ...

    def distrusts(self) -> str | None:
        """Return the version whose fast path was found wrong, to be committed; or None."""
        ...

    def heard(self, distrusted: Iterable[str | None]) -> None:
        """Take in what :meth:`distrusts` of earlier workers committed."""
        ...

    # -- reconcile -------------------------------------------------------------

    def reconcile(
        self, partition: int, keys: Sequence[str], state: S, now_ms: int
    ) -> Iterator[DueOutput]:
        """Yield what these keys, and the partition itself, call for and is not noted."""
        ...

    # -- shown -----------------------------------------------------------------

    def watermarks(self, states: Sequence[S]) -> Mapping[str, int | None]:
        """Return the oldest watermark by topic, without prefix, UTC ms."""
        ...

    def breakers_open(self, now_ms: int) -> Mapping[str, int]:
        """Return open breakers by scope; empty without any."""
        ...

    def status(self) -> Mapping[str, object]:
        """Return what ``/status`` shows of the family besides what all show."""
        ...


class Family(Protocol):
    """One rule family: what it reads and writes, and how it judges."""

    @property
    def code(self) -> str:
        """Return the code in decision ids, policy keys, metric labels and group names."""
        ...

    @property
    def topics(self) -> FamilyTopics:
        """Return the rows of the registry that it reads and writes."""
        ...

    @property
    def kinds(self) -> Sequence[str]:
        """Return the closed list of kinds of outputs that answer no input record."""
        ...

    @property
    def policy(self) -> PolicyType[Any]:
        """Return the keys of its policy, and what contradicts or is implausible."""
        ...

    @property
    def reasons(self) -> ReasonCatalog:
        """Return the closed list of its reason codes."""
        ...

    @property
    def explainer(self) -> Explainer[Any, Any]:
        """Return how its decisions are put into words."""
        ...

    def process(self, site: Site, policies: Policies[Any]) -> FamilyProcess[Any, Any]:
        """Return the family for one process.

        Parameters
        ----------
        policies
            In force before the topic of policies says otherwise.
        """
        ...
