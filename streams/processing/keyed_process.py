"""A base for families that decide each key once, by rule rows, with timers.

Such a family defines how a record is read (:meth:`KeyedProcess.read_case`), which rules
judge it, what the state keeps of a decision (:meth:`KeyedProcess.keep`) and what a
timer writes (:meth:`KeyedProcess.timer_value`). What the state keeps is a function of
the decision record alone, so a restart that reads the outputs back gives the same
state.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Generic

import msgspec

from streams.processing.answers import Answers
from streams.processing.applied import Result
from streams.processing.keyed_records import (
    C,
    Case,
    NoLookups,
    ReadSlice,
    Restored,
    mark_of_key,
)
from streams.processing.keyed_state import KeyedPartition
from streams.processing.letters import bury
from streams.processing.news import NewsQueue, news_queue
from streams.processing.policies import Policies
from streams.processing.policies.policy import P
from streams.processing.policy_facts import PolicyFacts
from streams.processing.reasons import ReasonCatalog
from streams.processing.reconcile import DueOutput
from streams.processing.record_explainer import AnyDecision
from streams.processing.rules import Rule
from streams.processing.site import Site
from streams.processing.slice_result import Output, SliceResult
from streams.processing.timers import Timer
from streams.records.headers import SliceHeaders, event_source, event_types
from streams.records.json_values import Unreadable
from streams.records.notices import recover_notice
from streams.records.record import Record
from streams.records.unread import reason

_STEP: Final = 32
"""Records judged before the time is checked."""
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(AnyDecision)


class KeyedProcess(Generic[C, P]):
    """One family in one process (:class:`streams.processing.family.FamilyProcess`).

    Parameters
    ----------
    family
        Declares code, topics, policy, reasons and kinds. Decisions go to its first
        output topic, records of timers to its second.
    rules
        All of them run; when no rule returns a reason, the code is ``passed``.
    """

    rules: Sequence[Rule[C, P]] = ()
    passed: str
    """Reason code of a decision when every condition holds."""
    no_policy: str
    """Reason code of a decision when no policy was in force."""

    def __init__(self, family: Any, site: Site, policies: Policies[P]) -> None:  # noqa: ANN401 - a Family, which imports no process
        self._family = family
        self._site = site
        self._reasons: ReasonCatalog = family.reasons
        self.shared = PolicyFacts(family.policy, policies)
        self.news: NewsQueue = news_queue()
        self.lookups = NoLookups()
        self.appliers: Mapping[
            str, Callable[[KeyedPartition[Any], Record], Result]
        ] = {}
        outcomes = {row.outcome or row.disposition for row in self._reasons.values()}
        self._types = event_types((*sorted(outcomes), *family.kinds))
        self._source = event_source(site.source_name)
        self._decisions, self._others = [row.name for row in family.topics.outputs[:2]]

    # -- what a family adds ----------------------------------------------------

    def read_case(self, value: bytes | None) -> Case[C] | Unreadable:
        """Read the value of an input record."""
        raise NotImplementedError

    def keep(self, state: KeyedPartition[Any], decision: AnyDecision) -> None:
        """Put a decision into the state: rows, timers, event time."""
        raise NotImplementedError

    def timer_value(self, timer: Timer, state: KeyedPartition[Any]) -> bytes:
        """Return the value of a timer's record; it must hold the timer's id as ``notice_id``."""
        raise NotImplementedError

    # -- state and read back ---------------------------------------------------

    def open(self, partition: int) -> KeyedPartition[Any]:
        """Return the empty state of a partition."""
        return KeyedPartition(self._family.code, partition)

    def restore(self, topic: str, value: bytes) -> Restored | str | None:
        """Read an output record: a decision, the id of a timer's record, or None."""
        if topic != self._decisions:
            return recover_notice(value)
        try:
            return Restored(_DECODER.decode(value), value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def remember(self, state: KeyedPartition[Any], found: Restored) -> None:
        """Put a restored decision into the state; the first of a key counts."""
        key = found.decision_id.partition(":")[2]
        if not state.knows(key):
            state.remember(key, found.value)
            self.keep(state, found.decision)

    def mark(self, record: Record) -> int | None:
        """Return the mark of an input record; None = it becomes a dead letter."""
        case = self.read_case(record.value)
        return (
            None if isinstance(case, Unreadable) else mark_of_key(record.key, case.key)
        )

    def warm(self, state: KeyedPartition[Any], now_ms: int) -> Iterator[None]:
        """Do nothing: a restored partition needs no preparation."""
        del state, now_ms
        return iter(())

    # -- judge -----------------------------------------------------------------

    def read(
        self,
        records: Sequence[Record],
        answered: Answers,
        state: KeyedPartition[Any],  # noqa: ARG002 - nothing is looked up
    ) -> tuple[ReadSlice[C], None]:
        """Decode a slice; records that already have an answer are skipped."""
        cases: list[Case[C] | Unreadable | None] = []
        known = answered.marks
        for record in records:
            case = self.read_case(record.value)
            mark: int | None = None
            if isinstance(case, Unreadable):
                case = reason(record, case)
            elif known:
                mark = mark_of_key(record.key, case.key)
            has_answer = record.offset in known and answered.fit(record, mark)
            cases.append(None if has_answer else case)
        return ReadSlice(records, cases), None

    def prepare(self, state: KeyedPartition[Any]) -> bool:  # noqa: ARG002 - see below
        """Return False: there is nothing to do before judging."""
        return False

    def judge(
        self,
        piece: ReadSlice[C],
        state: KeyedPartition[Any],
        now_ms: int,
        enough: Callable[[], bool],
    ) -> SliceResult:
        """Judge the next records of a slice, at least one step of them."""
        turn = _Turn(
            state, self._headers(self._site.input_topic, state, now_ms), now_ms
        )
        while not piece.finished:
            step = slice(piece.done, piece.done + _STEP)
            records = piece.records[step]
            for record, case in zip(records, piece.cases[step], strict=True):
                if case is None:
                    turn.result.answered += 1
                elif isinstance(case, Unreadable):
                    at = state.partition, now_ms
                    bury(record, case, at, self._site, turn.result)
                else:
                    self._answer(record, case, turn)
            piece.done += len(records)
            if enough():
                break
        return turn.result

    def _answer(self, record: Record, case: Case[C], turn: "_Turn") -> None:
        """Decide a key, or write the bytes of its first decision again."""
        state, result = turn.state, turn.result
        value = state.first(case.key)
        if value is None:
            decision = self._decide(case, turn.now_ms)
            value = state.remember(case.key, _ENCODER.encode(decision))
            self.keep(state, decision)
            result.ages_ms.append(turn.now_ms - case.at_ms)
            counted = decision.disposition, decision.outcome, decision.reason_codes
            result.decided[counted] = result.decided.get(counted, 0) + 1
        else:
            decision = _DECODER.decode(value)
            result.repeated += 1
        kind = decision.outcome or decision.disposition
        block = turn.headers.build(
            kind, decision.decision_id, record.offset, record.headers
        )
        result.outputs.append(Output(self._decisions, (record.key, value, block)))

    def _decide(self, case: Case[C], now_ms: int) -> AnyDecision:
        """Run every rule under the policy in force when the record was made (R-08)."""
        policy = self.shared.policies.at(case.at_ms)
        codes: tuple[str, ...] = (self.no_policy,)
        if policy is not None:
            found = [
                one for rule in self.rules for one in rule.check(case.facts, policy)
            ]
            codes = self._reasons.in_order(found) or (self.passed,)
        leading = self._reasons[codes[0]]
        return AnyDecision(
            f"{self._family.code}:{case.key}",
            leading.disposition,
            leading.outcome,
            codes,
            None if policy is None else policy.name,
            None if policy is None else policy.policy_hash,
            now_ms,
            msgspec.to_builtins(case.facts) | {"at_ms": case.at_ms},
        )

    def _headers(
        self, source_topic: str, state: KeyedPartition[Any], at_ms: int
    ) -> SliceHeaders:
        return SliceHeaders(
            self._types, self._source, source_topic, state.partition, at_ms
        )

    def distrusts(self) -> str | None:
        """Return None: this family has no fast path."""
        return None

    def heard(self, distrusted: Iterable[str | None]) -> None:
        """Do nothing: this family has no fast path."""

    # -- reconcile -------------------------------------------------------------

    def reconcile(
        self,
        partition: int,  # noqa: ARG002 - the state knows it
        keys: Sequence[str],  # noqa: ARG002 - outputs are due by time only
        state: KeyedPartition[Any],
        now_ms: int,
    ) -> Iterator[DueOutput]:
        """Yield the records of timers whose due time event time has passed."""
        headers = self._headers(self._site.input_topic, state, now_ms)
        for timer in state.timers.due(state.now(now_ms)):
            block = headers.build(timer.kind, timer.identity, -1, ())
            record = timer.key.encode(), self.timer_value(timer, state), block
            yield DueOutput(timer.identity, timer.kind, self._others, record)

    # -- shown -----------------------------------------------------------------

    def watermarks(self, states: Sequence[KeyedPartition[Any]]) -> Mapping[str, None]:
        """Return nothing: no fact topic has watermarks."""
        del states
        return {}

    def breakers_open(self, now_ms: int) -> Mapping[str, int]:
        """Return nothing: there are no breakers."""
        del now_ms
        return {}

    def status(self) -> Mapping[str, object]:
        """Return nothing: the common part of the status is enough."""
        return {}


class _Turn:
    """What is passed along while records of a slice are judged."""

    __slots__ = ("headers", "now_ms", "result", "state")

    def __init__(
        self, state: KeyedPartition[Any], headers: SliceHeaders, now_ms: int
    ) -> None:
        self.state = state
        self.headers = headers
        self.now_ms = now_ms
        self.result = SliceResult([], {}, [], {})
