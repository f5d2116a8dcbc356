"""Every setting: meaning, unit, default and the reason for it.

The text under a field is the text of ``docs/settings.md``. Fields that end in
``_file`` name a file that holds the secret, for schedulers that mount secrets.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

import msgspec

from streams.settings.secret import Secret

Span = Annotated[int, msgspec.Meta(ge=1, le=86_400_000)]
"""A time span in ms: at least 1, at most a day."""
Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Role = Literal["decide", "watch", "ingest"]
PartitionCount = Annotated[int, msgspec.Meta(ge=1, le=1_024)]

ROLES: Final = ("decide", "watch", "ingest")
FIRST_FAMILY: Final = "FR"
"""Its group is ``kafka.group_id`` itself: its offsets were committed there before there
were other families."""


class Kafka(msgspec.Struct, frozen=True, kw_only=True):
    """The brokers and how clients talk to them.

    In the file these keys may also be written as Kafka spells them
    (``"security.protocol" = "SASL_SSL"``).
    """

    bootstrap_servers: Text = "127.0.0.1:9092"
    """``HOST:PORT`` of one or more brokers, joined by commas; the rest is learned from
    them."""

    client_id: Text = "refund"
    """Name in the brokers' logs and quotas."""

    group_id: Text = "refund-decide"
    """Consumer group that shares the partitions; its committed offsets say where to go
    on."""

    group_instance_id: str | None = None
    """Fixed name of this worker (static membership): a restart within the session
    time-out moves no partition. Not set = an ordinary member."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = (
        "PLAINTEXT"
    )
    """Encryption and login; PLAINTEXT is for brokers on a trusted network only."""

    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """How to log in; needed by the SASL_ protocols, refused without them."""

    sasl_username: str | None = None
    """User of the SASL login."""

    sasl_password: Secret | None = None
    """Password of the SASL login; prefer ``sasl_password_file``."""

    sasl_password_file: str | None = None
    """File that holds the password; a line end at its end is left out."""

    ssl_ca_location: str | None = None
    """PEM file of the authorities that sign the brokers. Not set = those of the
    system."""

    ssl_certificate_location: str | None = None
    """PEM file of this client's certificate chain, for mutual TLS."""

    ssl_key_location: str | None = None
    """PEM file of the key to that certificate. Not set = it is in the certificate's
    file."""

    ssl_key_password: Secret | None = None
    """Password of the key; prefer ``ssl_key_password_file``."""

    ssl_key_password_file: str | None = None
    """File that holds the password of the key."""

    ssl_endpoint_identification_algorithm: Literal["https", ""] = "https"
    """``https`` = the broker's certificate must name its host; empty = not checked."""

    session_timeout_ms: Annotated[int, msgspec.Meta(ge=1_000, le=1_800_000)] = 10_000
    """ms without a heartbeat after which the broker gives our partitions to others.
    Short enough to take over soon, long enough for a pause; brokers refuse less than
    their ``group.min.session.timeout.ms`` (6000 by default)."""

    heartbeat_interval_ms: Span = 500
    """ms between heartbeats; less than half the session time-out, so that one may be
    lost. The answer to one tells a worker that the group changes, so partitions that
    are given to it wait up to so long."""

    request_timeout_ms: Span = 30_000
    """ms after which an unanswered request has failed; an output unacknowledged that
    long ends the worker."""

    metadata_max_age_ms: Span = 60_000
    """ms after which leaders and partition counts are read again: bounds how long a
    change goes unseen."""

    fetch_max_wait_ms: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 50
    """ms a broker may hold a fetch for want of data. Larger values stall partitions
    that were being consumed when the fetch left; smaller ones cost idle CPU."""

    fetch_gather_ms: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 4
    """ms that fetches of requests lie apart at most while there is much to read: a
    fifth of one for each record that came. Fewer, larger slices cost less and leave
    the broker alone; 0 = the next fetch leaves at once. One record never waits."""

    max_poll_records: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 4_000
    """Records of one partition judged at a stretch: the upper bound of a slice. More
    delays the first of them, fewer cost more CPU each."""

    max_partition_fetch_bytes: Annotated[
        int, msgspec.Meta(ge=1_024, le=104_857_600)
    ] = 1_048_576
    """Bytes a fetch brings of one partition; bounds memory."""

    compression_type: Literal["gzip", "snappy", "lz4", "zstd"] | None = "zstd"
    """Compression of outputs that gather under load; ``none`` = none. A decision then
    takes a twentieth of its size. What leaves an idle worker is not compressed."""

    linger_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    """ms an output waits for company. 0: batches form by themselves while one is on its
    way."""

    max_request_bytes: Annotated[int, msgspec.Meta(ge=65_536, le=104_857_600)] = (
        4_194_304
    )
    """Largest record we send. As large as ``max.message.bytes`` of the dead letters, so
    that any input can be put there."""

    untested_client: Literal["refuse", "allow"] = "refuse"
    """What to do with a version of aiokafka, the client library, that this release was not
    tested with: ``refuse`` = nothing starts, exit code 2; ``allow`` = it runs, with a
    warning. We reach into the client, and another version may lose records or read them
    twice without any error: allow it for a trial, not where money moves."""


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """Names and shape of the topics."""

    prefix: Annotated[
        str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]*$", max_length=200)
    ] = "refund."
    """Put before every topic of ours, so that several can share a cluster."""

    partitions: PartitionCount = 8
    """Partitions of every topic but ``policies``: the largest number of workers at work.
    Not to be changed later, because buyers would move. A family may have fewer
    (``families.CODE.partitions``)."""

    replication_factor: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    """Copies of each topic. 1 suits one broker; production wants 3."""

    min_insync_replicas: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    """Copies that must have an output before it counts; production wants 2."""

    events: Annotated[
        str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+$", max_length=249)
    ] = "platform.kuaishou.events"
    """Topic with the platform's decrypted pushes; not ours, so without the prefix."""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """The processor itself."""

    roles: Annotated[tuple[Role, ...], msgspec.Meta(min_length=1)] = (
        "decide",
        "watch",
    )
    """What this worker does: ``decide`` requests, ``watch`` for goods shipped after an
    approval (beside ``decide`` only), ``ingest`` platform events. The old name
    ``worker.agents`` still works in this release."""

    families: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)] = ("fast_refund",)
    """Rule families that this installation runs: names of shipped ones (``fast_refund``),
    or import paths of modules that hold a ``FAMILY``. All workers and commands of one
    installation get the same list."""

    commit_interval_ms: Span = 200
    """ms between commits of offsets. A crash makes the next worker skip what was
    decided since; shorter means less to skip and more requests."""

    stall_after_ms: Span = 30_000
    """ms with lag and no progress after which the worker ends, so that its supervisor
    starts it afresh. For events the time is added that the platform may take for a poll."""

    record_max_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=104_857_600)] = 65_536
    """Bytes of key, value and headers of an input record together; a larger one becomes a
    dead letter, cut where its topic has no room for it. A hundred times an ordinary request."""

    drain_timeout_ms: Span = 5_000
    """ms that slices on their way may take when partitions leave, and the whole of a
    shutdown; what is not acknowledged then is decided by the next worker."""

    load_timeout_ms: Span = 300_000
    """ms that loading facts and earlier outputs may take before the worker gives up; a
    million facts take about ten seconds."""


class FamilySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule family has of its own.

    A table a family, named by its code: ``[families.FR]`` is the fast refund. In the
    environment: ``REFUND_FAMILIES__FR__PARTITIONS``.
    """

    partitions: PartitionCount | None = None
    """Partitions of the family's topics, at most ``topics.partitions``: its dead letters
    go to the partition number of the record. Not to be changed later. Not set =
    ``topics.partitions``."""

    group: Text | None = None
    """Consumer group that shares the partitions of the family's input. Not set =
    ``kafka.group_id`` for FR, and for others ``kafka.group_id``, a hyphen and the code in
    lower case."""


class Web(msgspec.Struct, frozen=True, kw_only=True):
    """Probes, metrics and status over HTTP; there is nothing to change over it."""

    host: Text = "127.0.0.1"
    """Address to listen on. The pages have no login: open them to the scraper only."""

    port: Port | None = 6_066
    """TCP port; 0 = any free one, ``off`` = no pages."""


class PolicySource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the policy comes from."""

    file: str | None = None
    """Policy file that holds until ``refund.policies`` says otherwise. Not set = the
    shipped one; ``none`` = only that topic: input waits for it 30 seconds, then goes to
    people."""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """What is logged, always to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level written. Buyer ids, and what libraries tell of themselves, appear
    at ``debug`` only. SIGUSR1 changes between this level and ``debug``."""

    format: Literal["text", "json"] = "text"
    """``text`` for people, ``json`` = one object a line for collectors."""


class Kuaishou(msgspec.Struct, frozen=True, kw_only=True):
    """The open platform, asked when an event does not say enough."""

    base_url: (
        Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]+(/.*)?$")] | None
    ) = None
    """Root of the open platform's API. Not set = it is not asked, and what only it
    knows stays unknown."""

    app_key: str | None = None
    """The application's key."""

    app_secret: Secret | None = None
    """Signs requests; prefer ``app_secret_file``."""

    app_secret_file: str | None = None
    """File that holds the application's secret."""

    access_token: Secret | None = None
    """Says which shop allows it; prefer ``access_token_file``."""

    access_token_file: str | None = None
    """File that holds the access token."""

    categories_file: str | None = None
    """TOML file with a table ``[paths]``: leaf category id = names from the root. The
    platform gives leaf ids only; an unknown leaf sends its orders to a person."""

    timeout_ms: Span = 800
    """ms one attempt may take: a buyer waits behind it."""

    concurrency: Annotated[int, msgspec.Meta(ge=1, le=1_024)] = 32
    """Requests on their way at a time; the platform limits the rate."""

    attempts: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    """Times a request is tried before its fact is unknown."""

    watermark_interval_ms: Span = 2_000
    """ms between watermarks that say how far events are written; well below the least
    age limit of the policy."""


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """The commands beside the worker."""

    redaction_key: Secret | None = None
    """Key of the hash that takes the place of buyer ids in a capture, at least 16
    characters; prefer ``redaction_key_file``. The same key gives the same ids, so that
    captures can be joined."""

    redaction_key_file: str | None = None
    """File that holds the redaction key; a line end at its end is left out."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All sections."""

    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    worker: Worker = Worker()
    families: Mapping[str, FamilySettings] = {}
    """By code; a family without an entry has the defaults."""
    web: Web = Web()
    policy: PolicySource = PolicySource()
    log: Log = Log()
    kuaishou: Kuaishou = Kuaishou()
    tools: Tools = Tools()

    def partitions_of(self, code: str) -> int:
        """Return how many partitions the input of a family has."""
        given = self.families.get(code, FamilySettings()).partitions
        return self.topics.partitions if given is None else given

    def group_of(self, code: str) -> str:
        """Return the consumer group that reads the input of a family."""
        given = self.families.get(code, FamilySettings()).group
        if given is not None:
            return given
        group = self.kafka.group_id
        return group if code == FIRST_FAMILY else f"{group}-{code.lower()}"

    def ingest_group(self) -> str:
        """Return the consumer group that reads platform events."""
        return f"{self.kafka.group_id}-ingest"
