"""The table of foreign errors: which error of ours each becomes, and the operator's advice.

Foreign errors are those of aiokafka, and those of network and TLS that it passes on.
Where one enters and waiting does not help, it is raised again as one of ours
(:mod:`streams.errors`), with the advice of its row: by :func:`translated`, or inside
``with translating(...)``. A test checks that every class of aiokafka has a row, and
that nothing else in the package translates.

A command raises the class in the row: errors that the operator must correct end with
exit code 2. A step of a running worker names its own class and ends with exit code 1: a
right may be refused briefly while brokers restart, and a permanent fault is reported by
the next start, with code 2.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar

import msgspec
from aiokafka import errors as client

from streams.errors import (
    AccessError,
    RefundError,
    SettingsError,
    SourceError,
    TopicsError,
    UsageError,
)

E = TypeVar("E", bound=RefundError)

CLIENT: Final = (
    client.KafkaError,
    client.ConsumerStoppedError,
    client.IllegalOperation,
    TimeoutError,
)
"""Errors that a client raises, for ``except`` where files are written too."""
FOREIGN: Final = (*CLIENT, OSError)
"""Everything that a client raises; ``ssl.SSLError`` is an ``OSError``."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row: some errors and what they become."""

    errors: tuple[type[BaseException], ...]
    ours: type[RefundError]
    """The class that a command raises."""
    advice: str
    """The advice; a template with the words of :data:`UNNAMED`."""
    setting: str = ""
    """Settings that may be the cause."""
    tls_reasons: tuple[str, ...] = ()
    """Only TLS errors with one of these reasons (suffixes of OpenSSL's names)."""


UNNAMED: Final[Mapping[str, str]] = {
    "where": "a broker",
    "login": "our login",
    "mechanism": "our mechanism",
    "protocol": "ours",
    "reason": "",
}
"""Default words for the placeholders of the advice."""

OUR_CERTIFICATE: Final = "kafka.ssl_certificate_location"

_UNREACHABLE: Final = Row(
    errors=(
        OSError,
        client.KafkaConnectionError,
        client.KafkaUnavailableError,
        client.NoBrokersAvailable,
        client.NodeNotReadyError,
        client.MetadataEmptyBrokerList,
        client.BrokerNotAvailableError,
        client.ListenerNotFound,
        ssl.SSLError,  # for example a broken connection
    ),
    ours=SourceError,
    advice=(
        "check kafka.bootstrap_servers, kafka.security_protocol, the network, and "
        "that the brokers run"
    ),
)
_LATE: Final = Row(
    errors=(
        TimeoutError,
        client.KafkaTimeoutError,
        client.RequestTimedOutError,
    ),
    ours=SourceError,
    advice=(
        "the brokers did not answer in time: make sure that they run and are not "
        "overloaded; the limit is kafka.request_timeout_ms"
    ),
)
ROWS: Final = (
    _UNREACHABLE,
    _LATE,
    Row(
        errors=(
            client.LeaderNotAvailableError,
            client.NotLeaderForPartitionError,
            client.ReplicaNotAvailableError,
            client.NotEnoughReplicasError,
            client.NotEnoughReplicasAfterAppendError,
            client.NotControllerError,
            client.ReassignmentInProgress,
            client.StaleControllerEpochError,
            client.StaleLeaderEpochCodeError,
            client.StaleMetadata,
        ),
        ours=SourceError,
        advice=(
            "partitions lack a leader or in-sync replicas: make sure that all brokers "
            "of the cluster run"
        ),
    ),
    Row(
        errors=(
            client.GroupLoadInProgressError,
            client.GroupCoordinatorNotAvailableError,
            client.NotCoordinatorForGroupError,
        ),
        ours=SourceError,
        advice=(
            "the broker that keeps the offsets of the group is starting or unreachable: "
            "make sure that all brokers run and that __consumer_offsets has leaders"
        ),
    ),
    Row(
        errors=(
            client.UnknownError,
            client.KafkaStorageError,
            client.LogDirNotFound,
            client.OperationNotAttempted,
        ),
        ours=SourceError,
        advice="the broker failed: see its log",
    ),
    Row(
        errors=(client.CorruptRecordException,),
        ours=SourceError,
        advice=(
            "a batch does not match its checksum: the network or the disk of the broker "
            "has changed it; if this happens again, the partition needs an intact replica"
        ),
    ),
    # -- the operator: permanent refusals --------------------------------------
    Row(
        errors=(client.SaslAuthenticationFailed, client.AuthenticationFailedError),
        ours=AccessError,
        setting="kafka.sasl_username and kafka.sasl_password",
        advice="{where} refuses {login}; check user name and password",
    ),
    Row(
        errors=(
            client.UnsupportedSaslMechanismError,
            client.AuthenticationMethodNotSupported,
        ),
        ours=AccessError,
        setting="kafka.sasl_mechanism",
        advice=(
            "{where} does not support {mechanism}; choose one of its "
            "sasl.enabled.mechanisms"
        ),
    ),
    Row(
        errors=(client.IllegalSaslStateError, client.SecurityDisabled),
        ours=AccessError,
        setting="kafka.security_protocol",
        advice=(
            "{where} expects no login, but {protocol} sends one; choose the protocol of "
            "that listener"
        ),
    ),
    Row(
        errors=(ssl.SSLError,),
        tls_reasons=("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"),
        ours=AccessError,
        setting="kafka.security_protocol",
        advice="{where} does not encrypt; choose the protocol of that listener",
    ),
    Row(
        errors=(ssl.SSLCertVerificationError,),
        ours=AccessError,
        setting="kafka.ssl_ca_location",
        advice=(
            "the certificate of {where} is refused{reason}; renew it there, or correct the "
            "file of authorities"
        ),
    ),
    Row(
        errors=(ssl.SSLError,),
        tls_reasons=("CERTIFICATE_EXPIRED",),
        ours=AccessError,
        setting=OUR_CERTIFICATE,
        advice="{where} refuses our certificate: it has expired; renew it",
    ),
    Row(
        errors=(ssl.SSLError,),
        tls_reasons=("CERTIFICATE_REVOKED",),
        ours=AccessError,
        setting=OUR_CERTIFICATE,
        advice="{where} refuses our certificate: it was revoked; renew it",
    ),
    Row(
        errors=(ssl.SSLError,),
        tls_reasons=("CERTIFICATE_REQUIRED",),
        ours=AccessError,
        setting=OUR_CERTIFICATE,
        advice="{where} requires a client certificate and none is set; set it",
    ),
    Row(
        errors=(ssl.SSLError,),
        tls_reasons=("UNKNOWN_CA",),
        ours=AccessError,
        setting=OUR_CERTIFICATE,
        advice=(
            "{where} refuses our certificate: the broker does not know who signed it; add "
            "that authority there"
        ),
    ),
    Row(
        errors=(ssl.SSLError,),
        tls_reasons=("CERTIFICATE_UNKNOWN", "BAD_CERTIFICATE"),
        ours=AccessError,
        setting=OUR_CERTIFICATE,
        advice="{where} refuses our certificate; the broker's log says why",
    ),
    Row(
        errors=(
            client.TopicAuthorizationFailedError,
            client.GroupAuthorizationFailedError,
            client.ClusterAuthorizationFailedError,
            client.TransactionalIdAuthorizationFailed,
            client.DelegationTokenAuthDisabled,
            client.DelegationTokenAuthorizationFailed,
            client.DelegationTokenExpired,
            client.DelegationTokenNotFound,
            client.DelegationTokenOwnerMismatch,
            client.DelegationTokenRequestNotAllowed,
        ),
        ours=AccessError,
        advice=(
            "our user lacks a right: docs/operations.md lists the rights needed, and "
            "`refund worker` names the missing ones at start"
        ),
    ),
    Row(
        errors=(
            client.UnknownTopicOrPartitionError,
            client.InvalidTopicError,
        ),
        ours=TopicsError,
        advice="a topic or partition is missing; `refund topics check` says which",
    ),
    Row(
        errors=(
            client.TopicAlreadyExistsError,
            client.InvalidPartitionsError,
            client.InvalidReplicationFactorError,
            client.InvalidReplicationAssignmentError,
            client.InvalidConfigurationError,
            client.PolicyViolationError,
            client.QuotaViolationError,
        ),
        ours=TopicsError,
        advice=(
            "the cluster does not allow that; correct [topics] or ask its administrator"
        ),
    ),
    Row(
        errors=(
            client.MessageSizeTooLargeError,
            client.RecordListTooLargeError,
            client.RecordTooLargeError,
        ),
        ours=TopicsError,
        advice=(
            "a record is larger than its topic allows; `refund topics check` compares "
            "max.message.bytes"
        ),
    ),
    Row(
        errors=(
            client.OffsetMetadataTooLargeError,
            client.InvalidCommitOffsetSizeError,
        ),
        ours=SettingsError,
        advice="set offset.metadata.max.bytes of the brokers to 4096, the default",
    ),
    Row(
        errors=(client.InvalidSessionTimeoutError,),
        ours=SettingsError,
        setting="kafka.session_timeout_ms",
        advice=(
            "outside group.min.session.timeout.ms and group.max.session.timeout.ms of the "
            "brokers"
        ),
    ),
    Row(
        errors=(client.InvalidGroupIdError, client.InconsistentGroupProtocolError),
        ours=SettingsError,
        setting="kafka.group_id",
        advice=(
            "the group belongs to another program, or its name is not allowed; choose "
            "another"
        ),
    ),
    Row(
        errors=(
            client.IncompatibleBrokerVersion,
            client.UnrecognizedBrokerVersion,
            client.UnsupportedVersionError,
            client.UnsupportedForMessageFormatError,
        ),
        ours=SettingsError,
        advice="the brokers are too old for this request; it needs Kafka 2.8 or later",
    ),
    # -- a new start is enough -------------------------------------------------
    Row(
        errors=(client.OffsetOutOfRangeError, client.NoOffsetForPartitionError),
        ours=SourceError,
        advice="records were deleted before they were read, or the topic was recreated",
    ),
    Row(
        errors=(
            client.CommitFailedError,
            client.IllegalGenerationError,
            client.MemberIdRequired,
            client.RebalanceInProgressError,
            client.UnknownMemberIdError,
        ),
        ours=SourceError,
        advice="the group has assigned our partitions to other members, which continue there",
    ),
    Row(
        errors=(client.GroupIdNotFound, client.NonEmptyGroup),
        ours=SourceError,
        advice="the group has no members, or has some; see who is in it",
    ),
    Row(
        errors=(
            client.ConcurrentTransactions,
            client.DuplicateSequenceNumber,
            client.InvalidProducerEpoch,
            client.InvalidProducerIdMapping,
            client.InvalidTransactionTimeout,
            client.InvalidTxnState,
            client.OutOfOrderSequenceNumber,
            client.ProducerFenced,
            client.TransactionCoordinatorFenced,
            client.UnknownProducerId,
        ),
        ours=SourceError,
        advice="the brokers no longer know this producer; a restart creates a new one",
    ),
    Row(
        errors=(
            client.Cancelled,
            client.ConsumerStoppedError,
            client.ProducerClosed,
        ),
        ours=SourceError,
        advice="the client was closed meanwhile; see the log lines before this one",
    ),
    # -- us --------------------------------------------------------------------
    Row(
        errors=(
            client.KafkaError,
            client.BrokerResponseError,
            client.CorrelationIdError,
            client.FetchSessionIdNotFound,
            client.IllegalArgumentError,
            client.IllegalOperation,
            client.IllegalStateError,
            client.InvalidFetchRequestError,
            client.InvalidFetchSessionEpoch,
            client.InvalidPrincipalType,
            client.InvalidRequestError,
            client.InvalidRequiredAcksError,
            client.InvalidTimestampError,
            client.KafkaConfigurationError,
            client.KafkaProtocolError,
            client.NoError,
            client.TooManyInFlightRequests,
            client.UnsupportedCodecError,
        ),
        ours=SourceError,
        advice="this is a defect: please report it, with the log",
    ),
)

_BY_CLASS: Final = {
    error: row for row in ROWS if not row.tls_reasons for error in row.errors
}


def row_of(problem: BaseException) -> Row | None:
    """Return the row of an error: that of its class or nearest base class.

    None = not a foreign error.
    """
    reason = str(problem.reason or "") if isinstance(problem, ssl.SSLError) else ""
    for row in ROWS:
        if any(reason.endswith(one) for one in row.tls_reasons):
            return row
    for one in type(problem).__mro__:
        if one in _BY_CLASS:
            return _BY_CLASS[one]
    return None


def unreachable(problem: BaseException) -> bool:
    """Whether an error means that no broker answers, or not in time."""
    return row_of(problem) in (_UNREACHABLE, _LATE)


def advice(row: Row, words: Mapping[str, str] = UNNAMED) -> str:
    """Return the advice, starting with the settings that may be the cause."""
    text = row.advice.format_map(words)
    return f"{row.setting}: {text}" if row.setting else text


def translated(problem: BaseException, what: str, ours: type[E]) -> E:
    """Return a foreign error as one of ours, for a step of a worker; raise it from the original.

    Parameters
    ----------
    what
        What failed; the beginning of the line.
    """
    row = row_of(problem)
    text = f"{what}: {_said(problem)}"
    if row is not None:
        text = f"{text}; {advice(row)}"
    return ours([text]) if issubclass(ours, UsageError) else ours(text)


def translated_for_command(problem: BaseException, what: str) -> RefundError:
    """Return a foreign error as the class of its row; raise it from the original."""
    row = row_of(problem)
    return translated(problem, what, SourceError if row is None else row.ours)


@contextmanager
def translating(what: str, ours: type[RefundError]) -> Iterator[None]:
    """Translate errors that a client raises in the block, as :func:`translated`.

    Raises
    ------
    RefundError
        ``ours``.
    """
    try:
        yield
    except FOREIGN as problem:
        raise translated(problem, what, ours) from problem


def _said(problem: BaseException) -> str:
    """Return class and text of an error on one line, without repeating the class."""
    name = type(problem).__name__
    text = " ".join(str(problem).split())
    return text if name in text else f"{name}: {text}" if text else name
