"""The interface between the machinery and the rule families.

The machinery reads, takes partitions over, writes, commits and reconciles; it knows no
rule. A family judges; it knows no broker, clock or event loop. They meet here: a
:class:`Family` declares what is read and written, a :class:`FamilyProcess` is one
family in one process, a :class:`PartitionState` holds what it knows of one partition.
Each method is called once per slice or once per fact record; inside ``judge`` a family
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
"""Topic name without prefix, and partition number."""


class PartitionState(Protocol):
    """What a family knows of one partition: facts, decisions and notices."""

    loading: bool
    """True until the machinery has read the partition's facts to their end."""

    def loaded(self) -> Iterator[Misrouted | None]:
        """End the load and return an iterator that checks one loaded row per step."""
        ...

    def marks(self, topic: str) -> Watermarks | None:
        """Return the watermarks of a fact topic; None = the topic has none."""
        ...

    def read_to_end(self, at_ms: int) -> None:
        """Record that the family's dated topic was read to its end at a moment, UTC ms."""
        ...

    def keys(self) -> Sequence[str]:
        """Return every key that may need an output, to be reconciled after a load."""
        ...

    def is_due(self, now_ms: int) -> bool:
        """Whether event time has passed a due time; ``reconcile`` then yields the outputs.

        Called after each slice. A family whose event time comes from fact topics
        returns ``PARTITION`` for a watermark that makes something due, and is
        reconciled then.

        Parameters
        ----------
        now_ms
            UTC ms; event time never passes it (:class:`~streams.processing.event_time.EventTime`).
        """
        ...

    def keys_of(self, group: str) -> Sequence[str]:
        """Return the keys of a group that may need an output."""
        ...

    def noted(self, identity: str) -> bool:
        """Whether an output with this id was written."""
        ...

    def note(self, identity: str) -> None:
        """Remember that an output with this id was written."""
        ...

    def rows(self) -> Mapping[str, int]:
        """Return the number of rows by table, for metrics and status."""
        ...


class SharedFacts(Protocol):
    """Facts that all partitions of a family share, policies included."""

    @property
    def news(self) -> NewsQueue:
        """Return the lines that are not logged yet."""
        ...

    def apply(self, topic: str, partition: int, record: Record) -> Result:
        """Apply a record of a shared fact topic."""
        ...

    def marks(self, topic: str, partition: int) -> Watermarks | None:
        """Return the watermarks of a topic partition; None = the topic has none."""
        ...

    def policies_cut(self) -> None:
        """Record that the head of the topic of policies was deleted."""
        ...

    def policies_named(
        self, named: Mapping[tuple[str, str | None], tuple[str, int]], now_ms: int
    ) -> None:
        """Compare these policies with those that decisions name, by name and hash.

        Parameters
        ----------
        named
            (name, hash) -> id and moment (UTC ms) of the last decision under that
            policy.
        """
        ...

    @property
    def book(self) -> PolicyBook[Any]:
        """Return the policy book: versions and pause."""
        ...

    @property
    def policies(self) -> Policies[Any]:
        """Return the policy versions in use."""
        ...

    @property
    def policy_wait_ms(self) -> int:
        """Return how long input waits for a first policy at start, ms."""
        ...

    def has_policy(self) -> bool:
        """Whether there is any policy, in force or not."""
        ...

    def rows(self) -> Mapping[str, int]:
        """Return the number of rows by table, for metrics and status."""
        ...


class RestoredDecision(Protocol):
    """A decision that was read back from an output topic, as the partition state needs it."""

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
        """Return when the decision was made, UTC ms."""
        ...

    @property
    def rank(self) -> int:
        """Return the rank of the decision: of two on one offset, the lower rank counts."""
        ...

    def mark(self, key: bytes | None) -> int:
        """Return the mark of the input record that the decision answers (:class:`Answers`)."""
        ...


class Lookups(Protocol[W_contra, S_contra]):
    """Finds facts that a slice names and the state lacks.

    Outlives slices and polls. One look-up serves a whole poll: all records of the poll
    were written before the look-up began.
    """

    def wanted(
        self, missing: W_contra, partitions: Sequence[int], at_ms: int
    ) -> Sequence[TopicPartition]:
        """Return the fact partitions that must be read further before the slice is judged."""
        ...

    def looked(
        self,
        missing: W_contra,
        topics: frozenset[str],
        states: Iterable[S_contra],
        at_ms: int,
    ) -> None:
        """Note what was found after these topics were read further.

        Parameters
        ----------
        topics
            May be empty: nothing was read for this slice, or it was read earlier in the
            poll.
        at_ms
            Monotonic ms, as in :meth:`wanted`.
        """
        ...


class FamilyProcess(Protocol[S, W]):
    """One family in one process: its shared facts, and how slices are judged."""

    @property
    def shared(self) -> SharedFacts:
        """Return the facts that all partitions share."""
        ...

    @property
    def news(self) -> NewsQueue:
        """Return the lines that are not logged yet, besides those of ``shared``."""
        ...

    @property
    def appliers(self) -> Mapping[str, Callable[[S, Record], Result]]:
        """Return the function that applies a record, for each fact topic (name without prefix)."""
        ...

    @property
    def lookups(self) -> Lookups[W, S]:
        """Return the look-up of missing facts."""
        ...

    def open(self, partition: int) -> S:
        """Return the empty state of a partition."""
        ...

    # -- read back -------------------------------------------------------------

    def restore(self, topic: str, value: bytes) -> RestoredDecision | str | None:
        """Read an output record: a decision, the id of another output, or None = not ours."""
        ...

    def remember(self, state: S, found: Any) -> None:  # noqa: ANN401 - its own
        """Put a decision that :meth:`restore` read into the state; the first of an id counts."""
        ...

    def mark(self, record: Record) -> int | None:
        """Return the mark of an input record; None = the record gets no decision."""
        ...

    def warm(self, state: S, now_ms: int) -> Iterator[None]:
        """Prepare a restored partition; the event loop runs between the steps."""
        ...

    # -- judge -----------------------------------------------------------------

    def read(
        self, records: Sequence[Record], answered: Answers, state: S
    ) -> tuple[Unjudged, W | None]:
        """Decode a slice; records that already have an answer are skipped.

        Returns
        -------
        tuple
            The slice for :meth:`judge`, and the facts that the state lacks; None = no
            fact.
        """
        ...

    def prepare(self, state: S) -> bool:
        """Do one part of the work due before judging; False = nothing is left."""
        ...

    def judge(
        self,
        piece: Any,  # noqa: ANN401 - its own
        state: S,
        now_ms: int,
        enough: Callable[[], bool],
    ) -> SliceResult:
        """Judge the next records of a slice, at least one step of them.

        Parameters
        ----------
        piece
            The slice from :meth:`read`; ``done`` then says how many records are judged.
        now_ms
            ``decided_at_ms`` of these decisions, UTC ms.
        enough
            Called after each step; True = the remaining records wait for the next call.
        """
        ...

    def distrusts(self) -> str | None:
        """Return the program version whose fast path was found wrong, to be committed, or None."""
        ...

    def heard(self, distrusted: Iterable[str | None]) -> None:
        """Apply the values of :meth:`distrusts` that earlier workers committed."""
        ...

    # -- reconcile -------------------------------------------------------------

    def reconcile(
        self, partition: int, keys: Sequence[str], state: S, now_ms: int
    ) -> Iterator[DueOutput]:
        """Yield the outputs that these keys and the partition need and that are not noted yet."""
        ...

    # -- shown -----------------------------------------------------------------

    def watermarks(self, states: Sequence[S]) -> Mapping[str, int | None]:
        """Return the oldest watermark of each topic (name without prefix), UTC ms."""
        ...

    def breakers_open(self, now_ms: int) -> Mapping[str, int]:
        """Return the number of open breakers by scope."""
        ...

    def status(self) -> Mapping[str, object]:
        """Return what ``/status`` shows for this family only."""
        ...


class Family(Protocol):
    """One rule family: what it reads and writes, and how it judges."""

    @property
    def code(self) -> str:
        """Return the code in decision ids, policy keys, metric labels and group names."""
        ...

    @property
    def topics(self) -> FamilyTopics:
        """Return the registry rows of the topics that the family reads and writes."""
        ...

    @property
    def kinds(self) -> Sequence[str]:
        """Return the closed list of kinds of outputs that answer no input record (notices)."""
        ...

    @property
    def policy(self) -> PolicyType[Any]:
        """Return the policy type: its keys, and the checks for contradictions and plausibility."""
        ...

    @property
    def reasons(self) -> ReasonCatalog:
        """Return the closed list of its reason codes."""
        ...

    @property
    def explainer(self) -> Explainer[Any, Any]:
        """Return the explainer of the family's decisions."""
        ...

    def process(self, site: Site, policies: Policies[Any]) -> FamilyProcess[Any, Any]:
        """Return the family for one process.

        Parameters
        ----------
        policies
            In force until the topic of policies replaces them.
        """
        ...
