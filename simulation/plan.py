"""The plan of a universe: all there is to know to run it again, to the byte.

It is drawn from a seed (:func:`simulation.drawing.plan_of`), or was once and has been
shrunk. It is kept as JSON: a plan says each story and fault by itself, so it stays the
same when the drawing changes.
"""

from typing import Final, Literal, get_args

import msgspec

from simulation.actions import Action
from simulation.payments import SecondFamily
from simulation.request_faults import RequestFault
from simulation.stories import TrafficPlan
from streams.settings.model import Settings

Profile = Literal[
    "calm",
    "workers",
    "network",
    "brokers",
    "groups",
    "topics",
    "logs",
    "away",
    "everything",
]
PROFILES: Final[tuple[Profile, ...]] = get_args(Profile)
Expected = Literal["progress", "code 2"]


class Network(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a message takes, one way, µs; drawn for each in between, both inclusive."""

    low_us: int = 100
    high_us: int = 500


class ClusterPlan(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The brokers, numbered from 1, and the topics on them."""

    brokers: int = 1
    partitions: int = 1
    """Of every topic but ``policies``."""
    replicas: int = 1
    min_insync: int = 1
    min_session_ms: int = 6_000
    """``group.min.session.timeout.ms``: brokers refuse a shorter session."""


class KafkaKnobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the section ``kafka``, under their own names."""

    session_timeout_ms: int = 6_000
    heartbeat_interval_ms: int = 500
    request_timeout_ms: int = 30_000
    metadata_max_age_ms: int = 60_000
    fetch_max_wait_ms: int = 50
    fetch_gather_ms: int = 4
    max_poll_records: int = 4_000
    linger_ms: int = 0


class WorkerKnobs(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """Settings of the section ``worker``, under their own names."""

    commit_interval_ms: int = 200
    drain_timeout_ms: int = 5_000


class WorkersPlan(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The workers, numbered from 1."""

    count: int = 1
    """That start when the universe begins; actions may add some."""
    static_members: bool = False
    """Each has a ``kafka.group_instance_id`` of its own."""
    restart_ms: int = 1_000
    """ms until the supervisor starts a worker again that ended by itself, but with 2."""
    kafka: KafkaKnobs = KafkaKnobs()
    worker: WorkerKnobs = WorkerKnobs()

    def settings(self, base: Settings) -> Settings:
        """Return settings with those of this plan in place of the base's."""
        replace, fields = msgspec.structs.replace, msgspec.structs.asdict
        return replace(
            base,
            kafka=replace(base.kafka, **fields(self.kafka)),
            worker=replace(base.worker, **fields(self.worker)),
        )


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A universe."""

    seed: int
    """Of all that is drawn while it runs, such as latencies."""
    profile: Profile = "calm"
    duration_ms: int
    """Virtual ms within which all traffic is written and all faults are over."""
    expected: Expected = "progress"
    """``progress``: all is answered in the end. ``code 2``: a log was replaced, so workers
    end with code 2; until then nothing wrong is written."""
    cluster: ClusterPlan = ClusterPlan()
    network: Network = Network()
    workers: WorkersPlan = WorkersPlan()
    traffic: TrafficPlan
    actions: tuple[Action, ...] = ()
    """In the order of their moments."""
    faults: tuple[RequestFault, ...] = ()
    second_family: SecondFamily | None = None
    """Runs beside the fast refund in the same workers; None = the fast refund runs alone."""

    def told(self) -> list[str]:
        """Return the plan as lines for a person."""
        cluster, workers = self.cluster, self.workers
        kind = "static" if workers.static_members else "dynamic"
        head = (
            f"seed {self.seed}, {self.profile}, {self.duration_ms} ms: "
            f"{cluster.brokers} brokers, {cluster.partitions} partitions, "
            f"{workers.count} workers ({kind}), {len(self.traffic.stories)} stories, "
            f"{len(self.actions)} actions, {len(self.faults)} faults of requests"
        )
        timed = [(one.at_us, one.told()) for one in self.actions]
        timed += [(one.from_us, one.told()) for one in self.faults]
        timed += [(one.at_us, one.told()) for one in self.traffic.extras]
        timed += [(one.asks_us, one.told()) for one in self.traffic.stories]
        if self.second_family is not None:
            payments = self.second_family.payments
            head += f", a second family with {len(payments)} payments"
            timed += [(one.at_us, one.told()) for one in payments]
        timed.sort(key=lambda one: one[0])
        return [head, *(f"{at_us / 1e6:10.6f} s  {text}" for at_us, text in timed)]


_DECODER: Final = msgspec.json.Decoder(Plan)


def encode(plan: Plan) -> bytes:
    """Return a plan as JSON for people: indented, a field a line."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n"


def decode(text: bytes) -> Plan:
    """Return the plan that :func:`encode` wrote.

    Raises
    ------
    msgspec.ValidationError
        It is no plan.
    """
    return _DECODER.decode(text)
