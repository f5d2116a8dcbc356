"""All oracles of one universe, behind one observer.

How a world uses it::

    oracles = Oracles(cluster, names_of(settings), drain_ms=..., tell=...)
    cluster.observer = Everybody(oracles, TraceHash(loop.time), ...)
    ...                                   # the world runs; findings fill at once
    oracles.acknowledged(place, at_ms)    # the broker took a request from its sender
    oracles.offset_will_be_moved(0, 17)   # before an operator moves an offset
    oracles.faults_ended()                # from now on progress is owed
    oracles.lagging(now_ms)               # what has no answer or no commit yet
    oracles.add("crash", "no_error_escapes", "worker-1.2", text)
    findings = oracles.at_end(allowances, known)  # all, those of the judge included

Each worker needs a ``kafka.client_id`` of its own, and another one after each start: by
it the oracles know a writer that has lost its partitions.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from faults.judge.view import Place, Rec
from simulation.oracles import logs, written
from simulation.oracles.answers import place_text
from simulation.oracles.book import Book
from simulation.oracles.commits import Commits, names_other_topic
from simulation.oracles.end import Allowances, Ending, Known, judged
from simulation.oracles.finding import Finding, Kind, Problem
from simulation.oracles.names import Names
from simulation.oracles.ownership import Ownership
from simulation.oracles.progress import Lag, Progress
from simulation.oracles.written import Written
from testkit.simulated.logs.partition_log import PartitionLog
from testkit.simulated.observer import NoObserver

if TYPE_CHECKING:
    from testkit.simulated.cluster import Cluster

_ALLOW_NOTHING: Final = Allowances()
_KNOW_NOTHING: Final = Known()


class Oracles(NoObserver):
    """Watches a cluster, and says what must not be.

    Parameters
    ----------
    cluster
        With its topics and groups.
    drain_ms
        ``worker.drain_timeout_ms``.
    tell
        What the workers say of a partition, such as their status: one line.
    """

    def __init__(
        self,
        cluster: "Cluster",
        names: Names,
        *,
        drain_ms: int,
        tell: Callable[[int], str] = lambda _: "",
    ) -> None:
        self.findings: list[Finding] = []
        """What was found so far, in the order in which it was."""
        self.names = names
        self._cluster = cluster
        self._roles = names.roles()
        self._book = Book()
        self._commits = Commits(self._book.asked, self._book.answers, self._replicated)
        self._ownership = Ownership(
            lambda: cluster.groups.written(names.group), names.input_topic, drain_ms
        )
        self._progress = Progress(self._book.asked, self._commits)
        self.tell = tell
        self._elected: tuple[str, int, int] | None = None
        """Topic, partition and high watermark of an election that has just been."""

    # -- what the world says ----------------------------------------------------

    def acknowledged(self, place: Place, at_ms: int) -> None:
        """Note a request that the broker acknowledged to its sender."""
        self._book.sent[place] = at_ms

    def offset_will_be_moved(self, partition: int, offset: int) -> None:
        """Expect an operator to set a committed offset."""
        self._commits.will_be_moved(partition, offset)

    def faults_ended(self) -> None:
        """Note that from now on every request must be answered within ten minutes."""
        self._progress.owed_since_ms = self._cluster.now_ms()

    def add(self, kind: Kind, rule: str, place: str, text: str) -> None:
        """Add a finding of somebody else's."""
        self._find([Problem(kind, rule, place, text)])

    def find(self, problems: Iterable[Problem]) -> None:
        """Add findings of somebody else's."""
        self._find(problems)

    # -- what the world asks ----------------------------------------------------

    @property
    def repeats(self) -> int:
        """Records of writers without the partition, which readers drop."""
        return self._book.answers.repeats

    def owner(self, partition: int) -> str | None:
        """Return the client to which the group has assigned a partition; None = nobody."""
        return self._ownership.owner(partition)

    def lagging(self, now_ms: int) -> list[Lag]:
        """Return requests without an answer, and partitions with a commit that is behind."""
        self._look_at_retention()
        return self._progress.lagging(now_ms)

    def overdue(self, now_ms: int) -> list[Lag]:
        """Return what has lagged for ten minutes, though no fault was in its way."""
        return [one for one in self.lagging(now_ms) if one.overdue]

    def at_end(
        self, allowances: Allowances = _ALLOW_NOTHING, known: Known = _KNOW_NOTHING
    ) -> list[Finding]:
        """Return all findings, after the judge has looked at the logs as they are now."""
        lagging = self.lagging(self._cluster.now_ms())
        if allowances.progress:
            self._find(self._stuck(one) for one in lagging)
        ending = Ending(
            cluster=self._cluster,
            names=self.names,
            book=self._book,
            committed=self._commits.offsets,
            known=known,
        )
        self._find(judged(ending, allowances, list(self.findings)))
        return self.findings

    def _replicated(self, topic: str, partition: int) -> int:
        found = self._cluster.topics.partition(self.names.prefix + topic, partition)
        return 0 if found is None else found.log.high_watermark

    def _stuck(self, lag: Lag) -> Problem:
        owner = self.owner(lag.place[0])
        told = f"{place_text(lag.place)}: {lag}; owned by {owner or 'nobody'}"
        status = self.tell(lag.place[0])
        return Problem(
            "stuck",
            "nobody_is_stuck",
            place_text(lag.place),
            f"{told}; {status}" if status else told,
        )

    def _find(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.findings.append(problem.found(self._cluster.now_ms()))

    # -- what the cluster says --------------------------------------------------

    @override
    def requested(self, node: int, api_key: int, version: int, client: str) -> None:
        self._elected = None
        self._ownership.requested(api_key, client, self._cluster.now_ms())

    @override
    def appended(self, topic: str, partition: int, base_offset: int, end: int) -> None:
        self._elected = None
        role, short = self._roles.get(topic, (None, ""))
        if role is None:
            return
        log, now_ms = self._log(topic, partition), self._cluster.now_ms()
        stored = logs.appended(log, (short, partition), base_offset, end)
        if role == "input":
            self._book.ask(stored, now_ms)
        elif role == "fact":
            self._book.facts += stored.records
        elif stored.transaction is None:  # what is transactional is never ours
            stale = self._ownership.writes_stale(partition, now_ms)
            for rec in stored.records:
                self._write(rec, role, stale=stale)

    def _log(self, topic: str, partition: int) -> PartitionLog:
        found = self._cluster.topics.partition(topic, partition)
        assert found is not None, "nobody appends to a topic that is not there"
        log: PartitionLog = found.log
        return log

    def _write(self, rec: Rec, role: str, *, stale: bool) -> None:
        try:
            one = self._read(rec, role, stale=stale)
        except ValueError as problem:
            text = f"{rec} cannot be read: {problem}"
            self._find([Problem("unfit", "answers_fit", str(rec), text)])
        else:
            self._find(self._book.write(one))

    def _read(self, rec: Rec, role: str, *, stale: bool) -> Written:
        if role == "notice":
            return written.notice(rec, stale=stale)
        read = written.letter if role == "letter" else written.decision
        return read(rec, self.names.input_topic, stale=stale)

    @override
    def marked(self, topic: str, partition: int, offset: int, *, commit: bool) -> None:
        if topic == self.names.input_topic:
            producer = logs.producer_at(self._log(topic, partition), offset)
            now_ms = self._cluster.now_ms()
            self._book.asked.ended(partition, producer, now_ms, commit=commit)

    @override
    def committed(
        self, group: str, topic: str, partition: int, offset: int, metadata: str
    ) -> None:
        if (group, topic) != (self.names.group, self.names.input_topic):
            return
        known = self._cluster.topics.by_name.get(topic)
        found = self._cluster.topics.partition(topic, partition)
        if known is None or found is None:
            return
        if names_other_topic(metadata, str(known.topic_id)):
            return  # of the topic that had this name before
        self._book.asked.retention(partition, found.log.start_offset)
        self._find(self._commits.commit(partition, offset, found.log.end_offset))

    # -- logs that lose records -------------------------------------------------

    @override
    def led(self, topic: str, partition: int, node: int | None, epoch: int) -> None:
        found = self._cluster.topics.partition(topic, partition)
        if found is not None:
            self._elected = (topic, partition, found.log.high_watermark)

    @override
    def truncated(self, topic: str, partition: int, end: int) -> None:
        # Without an election no broker cuts a log: somebody has broken it.
        elected, self._elected = self._elected, None
        clean = elected is not None and elected[:2] == (topic, partition)
        lost = elected is None or not clean or end < elected[2]
        self._cut(topic, partition, end, lost=lost)

    @override
    def deleted(self, topic: str) -> None:
        for number in range(self.names.partitions):
            self._cut(topic, number, 0, lost=True)

    def _cut(self, topic: str, partition: int, end: int, *, lost: bool) -> None:
        role, short = self._roles.get(topic, (None, ""))
        if role == "input":
            ended = self._book.cut_input(partition, end, lost=lost)
            if ended is not None:
                self._commits.cut(partition, end, ended)
        elif role in ("decision", "letter", "notice"):
            now_ms = self._cluster.now_ms()
            self._book.cut_output((short, partition), end, now_ms, lost=lost)

    def _look_at_retention(self) -> None:
        for number in range(self.names.partitions):
            found = self._cluster.topics.partition(self.names.input_topic, number)
            if found is not None:
                self._book.asked.retention(number, found.log.start_offset)
