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
    findings = oracles.at_end()           # all, those of the judge included

Each worker needs a ``kafka.client_id`` of its own, and another one after each start: by
it the oracles know a writer that has lost its partitions.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from faults.judge.view import Place, Rec
from simulation.oracles import logs, written
from simulation.oracles.answers import Answers, place_text
from simulation.oracles.asked import Asked
from simulation.oracles.commits import Commits, names_other_topic
from simulation.oracles.end import Allowances, Ending, judged
from simulation.oracles.finding import Finding, Kind, Problem
from simulation.oracles.names import Names
from simulation.oracles.ownership import Ownership
from simulation.oracles.progress import Lag, Progress
from simulation.oracles.written import Written
from testkit.simulated.observer import NoObserver

if TYPE_CHECKING:
    from testkit.simulated.cluster import Cluster

_NO_ALLOWANCES: Final = Allowances()


class Oracles(NoObserver):
    """Watches a cluster, and says what must not be.

    Parameters
    ----------
    cluster
        With its topics and groups.
    drain_ms
        How long a worker waits for its outputs, at least, before it gives partitions up.
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
        self._asked = Asked()
        self._answers = Answers(self._asked)
        self._commits = Commits(self._asked, self._answers, self._replicated)
        self._ownership = Ownership(
            cluster.groups.by_id, names.group, names.input_topic, drain_ms
        )
        self._progress = Progress(self._asked, self._commits)
        self.tell = tell
        self._outputs: dict[tuple[str, int], list[Written]] = {}
        """Topic, without the prefix, and partition -> what is in the log."""
        self._facts: list[Rec] = []
        self._orphans: set[Rec] = set()
        """Outputs that answer a record which is gone."""
        self._sent: dict[Place, int] = {}
        self._elected: dict[tuple[str, int], int] = {}
        """Topic and partition -> high watermark when it got the leader it has."""

    # -- what the world says ----------------------------------------------------

    def acknowledged(self, place: Place, at_ms: int) -> None:
        """Note a request that the broker acknowledged to its sender."""
        self._sent[place] = at_ms

    def offset_will_be_moved(self, partition: int, offset: int) -> None:
        """Expect an operator to set a committed offset."""
        self._commits.will_be_moved(partition, offset)

    def faults_ended(self) -> None:
        """Note that from now on every request must be answered within ten minutes."""
        self._progress.owed_since_ms = self._cluster.now_ms()

    def add(self, kind: Kind, rule: str, place: str, text: str) -> None:
        """Add a finding of somebody else's."""
        self._find([Problem(kind, rule, place, text)])

    # -- what the world asks ----------------------------------------------------

    @property
    def repeats(self) -> int:
        """Records of writers without the partition, which readers drop."""
        return self._answers.repeats

    def lagging(self, now_ms: int) -> list[Lag]:
        """Return requests without an answer, and partitions with a commit that is behind."""
        self._look_at_retention()
        return self._progress.lagging(now_ms)

    def overdue(self, now_ms: int) -> list[Lag]:
        """Return what has lagged for ten minutes, though no fault was in its way."""
        return [one for one in self.lagging(now_ms) if one.overdue]

    def at_end(self, allowances: Allowances = _NO_ALLOWANCES) -> list[Finding]:
        """Return all findings, after the judge has looked at the logs as they are now."""
        now_ms = self._cluster.now_ms()
        lagging = self.lagging(now_ms)
        if allowances.progress:
            self._find(self._stuck(one) for one in lagging)
        ending = Ending(
            cluster=self._cluster,
            names=self.names,
            asked=self._asked,
            answers=self._answers,
            outputs=self._outputs,
            facts=self._facts,
            orphans=self._orphans,
            sent=self._sent,
            committed=self._commits.offsets,
        )
        known = list(self.findings)
        self._find(judged(ending, allowances, known))
        return self.findings

    def _replicated(self, topic: str, partition: int) -> int:
        found = self._cluster.topics.partition(self.names.prefix + topic, partition)
        return 0 if found is None else found.log.high_watermark

    def _stuck(self, lag: Lag) -> Problem:
        owner = self._ownership.owner(lag.place[0])
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
        self._ownership.requested(api_key, client, self._cluster.now_ms())

    @override
    def appended(self, topic: str, partition: int, base_offset: int, end: int) -> None:
        role, short = self._roles.get(topic, (None, ""))
        if role is None:
            return
        found = self._cluster.topics.partition(topic, partition)
        assert found is not None, "nobody appends to a topic that is not there"
        where = (short, partition)
        stored = logs.appended(found.log, where, base_offset, end)
        if role == "input":
            self._ask(stored)
        elif role == "fact":
            self._facts += stored.records
        elif stored.transaction is None:  # what is transactional is never ours
            stale = self._ownership.writes_stale(partition, self._cluster.now_ms())
            lane = self._outputs.setdefault(where, [])
            for rec in stored.records:
                self._write(rec, lane, role, stale=stale)

    def _ask(self, stored: logs.Stored) -> None:
        now_ms = self._cluster.now_ms()
        for rec in stored.records:
            self._asked.add(rec, now_ms, stored.transaction)
        if stored.unread:
            first = stored.records[0]
            for offset in range(first.offset + 1, stored.next_offset):
                place = (first.partition, offset)
                self._asked.add(
                    Rec(first.topic, *place, None, None, first.headers), now_ms
                )
                self._asked.excuse(place, logs.UNREAD)

    def _write(self, rec: Rec, lane: list[Written], role: str, *, stale: bool) -> None:
        try:
            one = self._read(rec, role, stale=stale)
        except ValueError as problem:
            text = f"{rec} cannot be read: {problem}"
            self._find([Problem("unfit", "answers_fit", str(rec), text)])
            return
        lane.append(one)
        answers = self._answers
        self._find(answers.notify(one) if role == "notice" else answers.write(one))

    def _read(self, rec: Rec, role: str, *, stale: bool) -> Written:
        if role == "notice":
            return written.notice(rec, stale=stale)
        read = written.letter if role == "letter" else written.decision
        return read(rec, self.names.input_topic, stale=stale)

    @override
    def marked(self, topic: str, partition: int, offset: int, *, commit: bool) -> None:
        if topic != self.names.input_topic:
            return
        found = self._cluster.topics.partition(topic, partition)
        assert found is not None, "nobody appends to a topic that is not there"
        producer = logs.producer_at(found.log, offset)
        now_ms = self._cluster.now_ms()
        self._asked.ended(partition, producer, now_ms, commit=commit)

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
        self._find(self._commits.commit(partition, offset, found.log.end_offset))

    # -- logs that lose records -------------------------------------------------

    @override
    def led(self, topic: str, partition: int, node: int | None, epoch: int) -> None:
        found = self._cluster.topics.partition(topic, partition)
        if found is not None:
            self._elected[topic, partition] = found.log.high_watermark

    @override
    def truncated(self, topic: str, partition: int, end: int) -> None:
        role, short = self._roles.get(topic, (None, ""))
        # Without an election no broker cuts a log: somebody has broken it.
        replicated = self._elected.pop((topic, partition), end + 1)
        lost = end < replicated
        if role == "input":
            self._cut_input(partition, end, lost=lost)
        elif role is not None:
            self._cut_output((short, partition), end, lost=lost)

    def _cut_input(self, partition: int, end: int, *, lost: bool) -> None:
        gone = self._asked.cut(partition, end, "the log lost its end")
        for place in gone:
            self._orphans.update(self._answers.orphaned(place))
            if lost:
                self._sent.pop(place, None)
        if gone:
            self._commits.cut(partition, end, gone[-1][1] + 1)

    def _cut_output(self, where: tuple[str, int], end: int, *, lost: bool) -> None:
        now_ms = self._cluster.now_ms()
        lane = self._outputs.get(where, [])
        while lane and lane[-1].rec.offset >= end:
            one = lane.pop()
            unanswered = self._answers.take_back(one)
            if not unanswered or one.answers is None:
                continue
            if lost:
                self._asked.excuse(one.answers, "the log of its answer lost its end")
            else:
                self._asked.unanswered(one.answers, now_ms)

    @override
    def deleted(self, topic: str) -> None:
        role, short = self._roles.get(topic, (None, ""))
        if role == "input":
            for number in range(self.names.partitions):
                self._cut_input(number, 0, lost=True)
        elif role in ("decision", "letter", "notice"):
            for where in list(self._outputs):
                if where[0] == short:
                    self._cut_output(where, 0, lost=True)

    def _look_at_retention(self) -> None:
        for number in range(self.names.partitions):
            found = self._cluster.topics.partition(self.names.input_topic, number)
            if found is not None and found.log.start_offset:
                self._asked.retention(number, found.log.start_offset)
