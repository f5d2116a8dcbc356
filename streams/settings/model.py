"""Every setting: meaning, unit, default and the reason for it.

The text under a field is printed in ``docs/settings.md``. Fields that end in
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
"""Its group is ``kafka.group_id`` itself: its offsets were committed there before other
families existed."""


class Kafka(msgspec.Struct, frozen=True, kw_only=True):
    """The brokers, and the clients that connect to them.

    In the file these keys may also be spelled as in Kafka
    (``"security.protocol" = "SASL_SSL"``).
    """

    bootstrap_servers: Text = "127.0.0.1:9092"
    """``HOST:PORT`` of one or more brokers, separated by commas; clients learn the other
    brokers from them."""

    client_id: Text = "refund"
    """Client name in the logs and quotas of the brokers."""

    group_id: Text = "refund-decide"
    """Consumer group whose members share the partitions; reading continues at its
    committed offsets."""

    group_instance_id: str | None = None
    """Fixed name of this worker (static membership): a restart within the session
    time-out moves no partition. Not set = an ordinary member."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = (
        "PLAINTEXT"
    )
    """Encryption and login. Use PLAINTEXT on a trusted network only."""

    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """Login mechanism; required by the SASL_ protocols, refused with the others."""

    sasl_username: str | None = None
    """User name of the SASL login."""

    sasl_password: Secret | None = None
    """Password of the SASL login; prefer ``sasl_password_file``."""

    sasl_password_file: str | None = None
    """File that holds the password; a trailing line end is ignored."""

    ssl_ca_location: str | None = None
    """PEM file of the authorities that sign the brokers' certificates. Not set = those of
    the system."""

    ssl_certificate_location: str | None = None
    """PEM file of this client's certificate chain, for mutual TLS."""

    ssl_key_location: str | None = None
    """PEM file of the private key of that certificate. Not set = the key is in the
    certificate's file."""

    ssl_key_password: Secret | None = None
    """Password of the key; prefer ``ssl_key_password_file``."""

    ssl_key_password_file: str | None = None
    """File that holds the password of the key."""

    ssl_endpoint_identification_algorithm: Literal["https", ""] = "https"
    """``https`` = the broker's certificate must name its host; empty = no check."""

    session_timeout_ms: Annotated[int, msgspec.Meta(ge=1_000, le=1_800_000)] = 10_000
    """ms without a heartbeat after which the broker assigns our partitions to other
    members. Shorter means faster take-over; longer tolerates longer pauses of a process.
    Brokers refuse less than their ``group.min.session.timeout.ms`` (6000 by default)."""

    heartbeat_interval_ms: Span = 500
    """ms between heartbeats; less than half the session time-out, so that one may be
    lost. A worker learns of a rebalance from the answer to a heartbeat, so a rebalance may
    wait this long for it."""

    request_timeout_ms: Span = 30_000
    """ms after which an unanswered request counts as failed. An output that is not
    acknowledged within this time ends the worker."""

    metadata_max_age_ms: Span = 60_000
    """ms after which clients read leaders and partition counts again: bounds how long a
    change goes unseen."""

    fetch_max_wait_ms: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 50
    """ms a broker may hold a fetch that has no data. Larger values delay partitions
    that were being consumed when the fetch was sent; smaller ones cost idle CPU."""

    fetch_gather_ms: Annotated[int, msgspec.Meta(ge=0, le=1_000)] = 4
    """Longest pause between fetches of requests under load, ms. The pause is a fifth of a
    ms for each record of the last fetch; a single record never waits. Fewer, larger slices
    cost less CPU here and at the broker. 0 = no pause."""

    max_poll_records: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 4_000
    """Largest slice: records of one partition that are judged together. Larger slices
    delay their first record; smaller ones cost more CPU per record."""

    max_partition_fetch_bytes: Annotated[
        int, msgspec.Meta(ge=1_024, le=104_857_600)
    ] = 1_048_576
    """Most bytes of one partition in one fetch; bounds memory."""

    compression_type: Literal["gzip", "snappy", "lz4", "zstd"] | None = "zstd"
    """Compression of output batches under load; ``none`` = none. It shrinks a decision to
    a twentieth. An idle worker does not compress."""

    linger_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    """ms an output waits for others to share its batch. 0 is enough: outputs collect while
    the batch before is in flight."""

    max_request_bytes: Annotated[int, msgspec.Meta(ge=65_536, le=104_857_600)] = (
        4_194_304
    )
    """Most bytes of a record that we send. Equal to ``max.message.bytes`` of the dead
    letters, so that any input fits there."""

    untested_client: Literal["refuse", "allow"] = "refuse"
    """Treatment of a version of aiokafka, the client library, that this release was not
    tested with: ``refuse`` = nothing starts, exit code 2; ``allow`` = it runs, with a
    warning. This package uses private parts of the client, and another version may lose
    records or read them twice without any error. Allow it for a trial, not where money
    moves."""


class Topics(msgspec.Struct, frozen=True, kw_only=True):
    """Names and shape of the topics."""

    prefix: Annotated[
        str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]*$", max_length=200)
    ] = "refund."
    """Prefix of all our topic names, so that several installations can share a cluster."""

    partitions: PartitionCount = 8
    """Partitions of every topic but ``policies``, and so the maximum number of active
    workers. Do not change it later: buyers would move to other partitions. A family may
    have fewer (``families.CODE.partitions``)."""

    replication_factor: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    """Replicas of each topic. 1 suits a single broker; use 3 in production."""

    min_insync_replicas: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1
    """Replicas that must hold an output before it is acknowledged; use 2 in production."""

    events: Annotated[
        str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]+$", max_length=249)
    ] = "platform.kuaishou.events"
    """Topic of the platform's decrypted pushes. It is not ours, so the prefix does not
    apply."""


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """The worker process."""

    roles: Annotated[tuple[Role, ...], msgspec.Meta(min_length=1)] = (
        "decide",
        "watch",
    )
    """Roles of this worker: ``decide`` judges requests, ``watch`` finds goods shipped
    after an approval (only together with ``decide``), ``ingest`` reads platform events.
    The old name ``worker.agents`` still works in this release."""

    families: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)] = ("fast_refund",)
    """Rule families of this installation: names of shipped ones (``fast_refund``),
    or import paths of modules that hold a ``FAMILY``. Give all workers and commands of one
    installation the same list."""

    commit_interval_ms: Span = 200
    """ms between commits of offsets. After a crash the next worker skips the requests
    decided since the last commit. A shorter interval leaves fewer to skip and sends more
    commits."""

    stall_after_ms: Span = 30_000
    """ms with lag and without progress after which the worker exits, so that its
    supervisor restarts it. For events, the time that the platform may take for a poll is
    added."""

    record_max_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=104_857_600)] = 65_536
    """Most bytes of an input record: key, value and headers together. A larger record
    becomes a dead letter, cut to the limit of its topic. The default is a hundred times an
    ordinary request."""

    drain_timeout_ms: Span = 5_000
    """ms that slices in flight may take when partitions are revoked, and that a whole
    shutdown may take. The next worker decides the requests that are not acknowledged by
    then."""

    load_timeout_ms: Span = 300_000
    """ms that loading facts and earlier outputs may take before the worker exits. A
    million facts take about ten seconds."""


class FamilySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one rule family.

    Each family has a table named by its code: ``[families.FR]`` is the fast refund. In the
    environment: ``REFUND_FAMILIES__FR__PARTITIONS``.
    """

    partitions: PartitionCount | None = None
    """Partitions of the family's topics. At most ``topics.partitions``, because a dead
    letter goes to the partition number of its record. Do not change it later. Not set =
    ``topics.partitions``."""

    group: Text | None = None
    """Consumer group that reads the family's input. Not set = ``kafka.group_id`` for FR;
    for other families ``kafka.group_id``, a hyphen and the code in lower case."""


class Web(msgspec.Struct, frozen=True, kw_only=True):
    """Probes, metrics and status over HTTP, read only."""

    host: Text = "127.0.0.1"
    """Address to listen on. The pages have no login: allow access from the scraper only."""

    port: Port | None = 6_066
    """TCP port; 0 = any free port, ``off`` = no pages."""


class PolicySource(msgspec.Struct, frozen=True, kw_only=True):
    """Where the policy comes from."""

    file: str | None = None
    """Policy file that is in force until ``refund.policies`` holds a version. Not set =
    the shipped file; ``none`` = no file: requests wait 30 seconds for a version on the
    topic, then go to a person."""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """Log lines, always to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged. Buyer ids, and messages of libraries, are logged
    at ``debug`` only. SIGUSR1 switches between this level and ``debug``."""

    format: Literal["text", "json"] = "text"
    """``text`` = lines for people; ``json`` = one object per line, for collectors."""


class Kuaishou(msgspec.Struct, frozen=True, kw_only=True):
    """The open platform, queried for facts that an event lacks."""

    base_url: (
        Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]+(/.*)?$")] | None
    ) = None
    """Root of the open platform's API. Not set = the platform is not queried, and facts
    that only it has stay unknown."""

    app_key: str | None = None
    """Key of the application."""

    app_secret: Secret | None = None
    """Secret of the application, which signs requests; prefer ``app_secret_file``."""

    app_secret_file: str | None = None
    """File that holds the application's secret."""

    access_token: Secret | None = None
    """Access token, by which a shop grants access; prefer ``access_token_file``."""

    access_token_file: str | None = None
    """File that holds the access token."""

    categories_file: str | None = None
    """TOML file with a table ``[paths]``: leaf category id = names from the root. The
    platform gives leaf ids only; orders with an unknown leaf go to a person."""

    timeout_ms: Span = 800
    """ms one attempt may take; the buyer waits for it."""

    concurrency: Annotated[int, msgspec.Meta(ge=1, le=1_024)] = 32
    """Most requests in flight at a time; the platform limits the rate."""

    attempts: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    """Attempts for a request before its fact counts as unknown."""

    watermark_interval_ms: Span = 2_000
    """ms between the watermarks that ``ingest`` writes for its events; keep it well below
    the smallest age limit of the policy."""


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """The commands other than the worker."""

    redaction_key: Secret | None = None
    """Key of the hash that replaces buyer ids in a capture, at least 16
    characters; prefer ``redaction_key_file``. The same key gives the same ids, so that
    captures can be joined."""

    redaction_key_file: str | None = None
    """File that holds the redaction key; a trailing line end is ignored."""


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
