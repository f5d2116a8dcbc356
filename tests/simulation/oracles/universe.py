"""A cluster without network or loop, and the hands of senders, workers and brokers."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from random import Random
from typing import Any, Final

import msgspec
from aiokafka.protocol.group import MemberAssignment
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from faults.judge.view import Header, Rec
from simulation.oracles.end import Allowances
from simulation.oracles.finding import Finding
from simulation.oracles.names import Names
from simulation.oracles.oracles import Oracles
from streams.families.fast_refund.codec import decode_request
from streams.families.fast_refund.decide import decide
from streams.families.fast_refund.decision_codec import decode_decision, encode_decision
from streams.families.fast_refund.model import Facts, Request
from streams.families.fast_refund.seen import see
from streams.records.json_values import Unreadable
from streams.settings import load_policy
from testkit import samples
from testkit.simulated.groups.member import JoinRequest
from testkit.simulated.groups.written import Written, WrittenMember
from testkit.simulated.logs.batches import Batch, placed, read
from testkit.simulated.logs.partitions import Partition
from testkit.simulated.logs.topics import Topics

NAMES: Final = Names("t.", "g", 2)
DRAIN_MS: Final = 4_000
POLICY: Final = load_policy(None)
PRODUCE: Final = 0
JOIN_GROUP: Final = 11
LEAVE_GROUP: Final = 13
_ANY_SIZE: Final = 2**24


class Broker(msgspec.Struct):
    up: bool = True


class Groups:
    """What is in the coordinator's log."""

    def __init__(self) -> None:
        self.last: Written | None = None

    def written(self, group_id: str) -> Written | None:
        return self.last if group_id == "g" else None


def joining(client: str, member_id: str = "") -> JoinRequest:
    """Return the request of a client that joins a group."""
    return JoinRequest(
        member_id=member_id,
        client_id=client,
        client_host=client,
        protocol_type="consumer",
        protocols=(("range", b""),),
        session_timeout_ms=6_000,
        rebalance_timeout_ms=6_000,
        needs_id_first=False,
    )


def assignment(*partitions: int) -> bytes:
    """Return what the leader of a group sends to one that gets these partitions."""
    found = MemberAssignment(0, [(NAMES.input_topic, list(partitions))], b"")
    return bytes(found.encode())


class Universe:
    """What the oracles watch; ``findings`` are their signatures so far."""

    def __init__(self, names: Names = NAMES) -> None:
        self.random = Random(0)  # noqa: S311 - ids, no secrets
        self.nodes = {1: Broker(), 2: Broker()}
        self.clock_ms = samples.NOW
        self.groups = Groups()
        self.topics = Topics(self)
        cluster: Any = self
        self.oracles = Oracles(cluster, names, drain_ms=DRAIN_MS)
        self.observer = self.oracles
        for name in names.roles():
            self.topics.create(name, names.partitions)

    def now_ms(self) -> int:
        return self.clock_ms

    def pass_ms(self, span_ms: int) -> None:
        self.clock_ms += span_ms

    @property
    def signatures(self) -> set[str]:
        return {one.signature for one in self.oracles.findings}

    def ended(self, **allowances: bool) -> list[Finding]:
        return self.oracles.at_end(Allowances(**allowances))

    def log(self, topic: str, partition: int = 0) -> Partition:
        found = self.topics.partition(NAMES.prefix + topic, partition)
        assert found is not None
        return found

    # -- senders ----------------------------------------------------------------

    def ask(self, number: int, *, partition: int = 0, **fields: object) -> Rec:
        """Write the request on refund ``r-NUMBER``."""
        fields = {"refund_id": f"r-{number}"} | fields
        return self.put(Rec("requests", partition, 0, b"k", samples.request(**fields)))

    def put(self, rec: Rec, stamp_ms: int | None = None, **batch: int) -> Rec:
        """Append a record; it gets the offset that it has in the log."""
        where = self.log(rec.topic, rec.partition)
        stamp_ms = self.clock_ms if stamp_ms is None else stamp_ms
        result = where.append(batch_of([rec], stamp_ms, **batch))
        assert not result.refused, result
        return Rec(
            rec.topic,
            rec.partition,
            result.base_offset,
            rec.key,
            rec.value,
            rec.headers,
            stamp_ms,
        )

    def placed(self, key: bytes, value: bytes, offset: int) -> Batch:
        """Return a batch of one record as if it were at an offset."""
        rec = Rec("", 0, 0, key, value)
        return placed(read(batch_of([rec], self.clock_ms)), offset, 0)

    # -- workers ----------------------------------------------------------------

    def request(self, api_key: int, client: str) -> None:
        """Let a client ask a broker for something that appends nothing."""
        copy_context().run(self.oracles.requested, 1, api_key, 0, client)

    def write(self, rec: Rec, client: str = "w1") -> Rec:
        """Append an output of a worker."""
        return self.write_meanwhile(rec, lambda: None, client)

    def write_meanwhile(
        self, rec: Rec, meanwhile: Callable[[], None], client: str
    ) -> Rec:
        """Append an output of a worker; the broker holds the request for a while."""

        def answer() -> Rec:
            self.oracles.requested(1, PRODUCE, 7, client)
            meanwhile()
            return self.put(rec)

        return copy_context().run(answer)

    def commit(self, offset: int, partition: int = 0, metadata: str = "") -> None:
        self.oracles.committed("g", NAMES.input_topic, partition, offset, metadata)

    def assign(self, owners: Mapping[str, Sequence[int]]) -> None:
        """Let the group's leader assign partitions to clients, who all have joined."""
        members = {
            client: WrittenMember(joining(client), assignment(*found))
            for client, found in owners.items()
        }
        leader = next(iter(members), None)
        self.groups.last = Written(1, "consumer", "range", leader, members, 0)
        self.request(PRODUCE, "nobody")


def batch_of(
    records: Sequence[Rec],
    stamp_ms: int,
    *,
    producer_id: int = -1,
    transactional: int = 0,
    sequence: int = -1,
) -> bytes:
    epoch = -1 if producer_id < 0 else 0
    builder = DefaultRecordBatchBuilder(
        2, 0, transactional, producer_id, epoch, sequence, _ANY_SIZE
    )
    for at, rec in enumerate(records):
        builder.append(at, stamp_ms, rec.key, rec.value, list(rec.headers))
    return bytes(builder.build())


def source(rec: Rec) -> tuple[Header, ...]:
    return (
        ("source_topic", NAMES.input_topic.encode()),
        ("source_partition", b"%d" % rec.partition),
        ("source_offset", b"%d" % rec.offset),
    )


def request_of(rec: Rec) -> Request:
    asked = decode_request(rec.value)
    assert not isinstance(asked, Unreadable)
    return asked


def decided(rec: Rec, at_ms: int = samples.NOW) -> Rec:
    """What a worker that knows no facts writes."""
    asked = request_of(rec)
    seen = see(asked, Facts(), POLICY, at_ms)
    decision = decide(asked, seen, POLICY, at_ms)
    headers = (
        ("ce_id", decision.decision_id.encode()),
        ("ce_type", b"refund.manual_review.v1"),
        *source(rec),
    )
    value = encode_decision(decision)
    return Rec("reviews", rec.partition, 0, rec.key, value, headers)


def approved(review: Rec, payout_key: str) -> Rec:
    """The same decision as if it had been an approval."""
    decision = msgspec.structs.replace(
        decode_decision(review.value or b""),
        outcome="auto_approve",
        reason_codes=("FR_ALL_CONDITIONS_MET",),
        payout_key=payout_key,
    )
    headers = tuple(
        (name, b"refund.auto_approve.v1" if name == "ce_type" else value)
        for name, value in review.headers
    )
    value = encode_decision(decision)
    return Rec("approvals", review.partition, 0, review.key, value, headers)


def letter(rec: Rec, failed_at_ms: int = 1) -> Rec:
    said = {
        "topic": NAMES.input_topic,
        "partition": str(rec.partition),
        "offset": str(rec.offset),
        "stage": "decode",
        "error": "not_json",
        "message": "",
        "failed_at_ms": str(failed_at_ms),
        "app_version": "0",
    }
    ours = tuple((f"refund_dlq_{name}", text.encode()) for name, text in said.items())
    return Rec(
        "dead-letters", rec.partition, 0, rec.key, rec.value, (*rec.headers, *ours)
    )


def notice(notice_id: str, partition: int = 0) -> Rec:
    decision_id = notice_id.partition(":")[2]
    value = msgspec.json.encode(
        {
            "notice_id": notice_id,
            "kind": "ship_after_refund",
            "decision_id": decision_id,
        }
    )
    return Rec("notices", partition, 0, b"o", value)
