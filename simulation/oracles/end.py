"""The judge of the fault campaign, on the logs of a simulated cluster."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

from faults.judge import checks
from faults.judge.checks import ALWAYS, UNDISTURBED, WITHOUT_ZOMBIES, Check
from faults.judge.money import facts_were_loaded
from faults.judge.view import (
    Heard,
    OffsetSample,
    Place,
    Rec,
    View,
    answered_place,
    digest_of,
)
from simulation.oracles import logs
from simulation.oracles.asked import ABORTED
from simulation.oracles.book import Book
from simulation.oracles.finding import Finding, Kind, Problem
from simulation.oracles.names import Names
from streams.families.fast_refund.policy import Policy
from streams.settings import load_policy

if TYPE_CHECKING:
    from testkit.simulated.cluster import Cluster

KINDS: Final[Mapping[str, Kind]] = {
    "acknowledged_is_there": "lost",
    "every_offset_is_answered": "lost",
    "answers_fit": "unfit",
    "first_decisions_hold": "doubled",
    "decisions_follow_from_their_facts": "unjust",
    "commits_stay_behind": "commit_ahead",
    "approvals_are_just": "unjust",
    "facts_were_loaded": "unjust",
    "reader_agrees": "log_changed",
    "nobody_is_stuck": "stuck",
    "every_offset_is_answered_once": "doubled",
    "one_content_a_decision": "contradictory",
    "refunds_keep_order": "disordered",
    "order_is_kept": "disordered",
    "notices_are_written_once": "notice_doubled",
    "codes_hold": "unjust",
}
"""Name of a check -> kind of what it finds."""
_PLACE: Final = re.compile(r"[a-z-]+/\d+@\d+")


class Allowances(msgspec.Struct, frozen=True, kw_only=True):
    """What the faults of a universe excuse."""

    progress: bool = True
    """Whether all must be answered in the end; not if workers rightly ask for a person."""
    calm: bool = False
    """Whether no worker crashed or was cut off: then no answer stands behind a later one."""
    wrong_clock: bool = False
    """Whether the clock of a worker was wrong: it dates its decisions wrongly."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the traffic of a universe."""

    policies: Mapping[str, Policy] = {}
    """By name: all that were published, beside the shipped one."""
    codes: Mapping[tuple[str, bool], frozenset[str]] = {}
    """Reason codes by decision id and whether it answers a withdrawal, of decisions that
    no fault can change."""

    def codes_hold(self, view: View) -> Iterator[str]:
        """Yield decisions that have other reasons than their scenario says."""
        for identity, rec in view.first.items():
            wanted = self.codes.get(identity)
            if (
                wanted is not None
                and (found := frozenset(rec.fields["reason_codes"])) != wanted
            ):
                yield f"{rec}: {sorted(found)}, the scenario says {sorted(wanted)}"


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """A universe when it ends."""

    cluster: "Cluster"
    names: Names
    book: Book
    committed: Mapping[int, int]
    known: Known


def judged(
    ending: Ending, allowances: Allowances, known: Sequence[Finding]
) -> Iterator[Problem]:
    """Yield what the judge finds and nobody has found before."""
    view = view_of(ending)
    seen = {
        (one.kind, place)
        for one in known
        for place in (one.place, *_PLACE.findall(one.text))
    }
    for check in (*checks_for(ending, allowances), ending.known.codes_hold):
        for problem in _asked_of(check, view):
            if (problem.kind, problem.place) not in seen:
                yield problem


def checks_for(ending: Ending, allowances: Allowances) -> list[Check]:
    """Return the judge's checks that hold under the faults of a universe."""
    found: Sequence[Check] = UNDISTURBED if allowances.calm else WITHOUT_ZOMBIES
    if ending.book.answers.repeats:
        found = ALWAYS
    if allowances.wrong_clock:
        found = [one for one in found if one is not facts_were_loaded]
    return list(found)


def _asked_of(check: Check, view: View) -> Iterator[Problem]:
    name = check.__name__
    try:
        for line in check(view):
            place, _, _ = line.partition(": ")
            yield Problem(_kind(name, line), name, place, line)
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        text = f"{name} could not be done: {type(problem).__name__}: {problem}"
        yield Problem("unjudged", name, name, text)


def _kind(name: str, line: str) -> Kind:
    if name == checks.first_decisions_hold.__name__ and "another outcome" in line:
        return "contradictory"
    if name == checks.every_offset_is_answered.__name__ and "never asked" in line:
        return "unasked"
    return KINDS[name]


def view_of(ending: Ending) -> View:
    """Return what the judge sees: logs as they are, and as they were heard."""
    names = ending.names
    inputs, left_out = _inputs(ending)
    some_left_out = bool(left_out or ending.book.orphans)
    outputs = [
        rec
        for rec in _outputs(ending)
        if not some_left_out
        or (
            rec not in ending.book.orphans
            and answered_place(rec, names.input_topic) not in left_out
        )
    ]
    heard = [
        Heard(
            rec.topic,
            rec.partition,
            rec.offset,
            digest_of(rec.key, rec.value, rec.headers),
            rec.timestamp_ms,
            one.answers,
        )
        for lane in ending.book.outputs.values()
        for one in lane
        if (rec := one.rec) not in ending.book.orphans and one.answers not in left_out
    ]
    return View(
        names.input_topic,
        inputs,
        outputs,
        samples=[_sample(ending)],
        policies={**_shipped(), **ending.known.policies},
        unread=_unread(ending, inputs),
        facts=ending.book.facts,
        sent=_sent(ending, inputs),
        heard=heard,
        partitions=names.partitions,
    )


def _inputs(ending: Ending) -> tuple[list[Rec], set[Place]]:
    """Return the requests to judge, and the places whose answers are judged no further."""
    found: list[Rec] = []
    left_out: set[Place] = set()
    waiting = ending.book.asked.waiting
    for rec, excuse in ending.book.asked.records():
        place = (rec.partition, rec.offset)
        answered = bool(ending.book.answers.at.get(place))
        if excuse == logs.UNREAD:
            left_out.add(place)
        elif excuse is not None:
            if answered and excuse != ABORTED:
                found.append(rec)
        elif place not in waiting or rec.offset < ending.committed.get(place[0], 0):
            found.append(rec)
    return found, left_out


def _sent(ending: Ending, inputs: Sequence[Rec]) -> Mapping[Place, int]:
    """Return what was acknowledged, without requests that are there and not to be judged."""
    judged_ones = {(rec.partition, rec.offset) for rec in inputs}
    known = {(rec.partition, rec.offset) for rec, _ in ending.book.asked.records()}
    passed = known - judged_ones
    return {at: ms for at, ms in ending.book.sent.items() if at not in passed}


def _outputs(ending: Ending) -> Iterator[Rec]:
    topics = ending.cluster.topics
    for full, (role, short) in ending.names.roles().items():
        topic = topics.by_name.get(full)
        if role in ("input", "fact") or topic is None:
            continue
        for partition in topic.partitions:
            where = (short, partition.number)
            start = partition.log.start_offset
            for one in ending.book.outputs.get(where, ()):
                if one.rec.offset >= start:
                    break
                yield one.rec  # retention has deleted it since
            for stored in logs.everything(partition.log, where):
                if stored.transaction is None:
                    yield from (rec for rec in stored.records if rec.offset >= start)


def _sample(ending: Ending) -> OffsetSample:
    topics, names = ending.cluster.topics, ending.names
    ends = {
        (short, partition.number): partition.log.high_watermark
        for full, (role, short) in names.roles().items()
        if role not in ("input", "fact") and full in topics.by_name
        for partition in topics.by_name[full].partitions
    }
    return OffsetSample(ending.committed, ends, ending.cluster.now_ms())


def _unread(ending: Ending, inputs: Sequence[Rec]) -> dict[int, int]:
    """Count offsets at the end of each input partition that hold no request to judge."""
    last = {rec.partition: rec.offset for rec in inputs}
    found: dict[int, int] = {}
    for number in range(ending.names.partitions):
        partition = ending.cluster.topics.partition(ending.names.input_topic, number)
        if partition is not None:
            found[number] = partition.log.end_offset - 1 - last.get(number, -1)
    return found


@cache  # it reads a file, and there are a hundred thousand universes
def _shipped() -> Mapping[str, Policy]:
    policy = load_policy(None)
    return {policy.name: policy}
