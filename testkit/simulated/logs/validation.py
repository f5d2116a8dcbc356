"""What a broker refuses in a client's batch, in the order in which Kafka 4.3 looks."""

from typing import Final, NamedTuple

from streams.records.record_format import FORMAT
from testkit.simulated.error_codes import ErrorCode
from testkit.simulated.logs.batches import Batch, checksum_holds, decoded
from testkit.simulated.logs.settings import LogSettings


class Problem(NamedTuple):
    """Why a batch is refused."""

    error: ErrorCode
    in_log: bool = True
    """Whether the answer says where the log starts: Kafka leaves that out of errors
    that it finds before it looks at the records."""


_TOO_LARGE: Final = Problem(ErrorCode.MESSAGE_TOO_LARGE, in_log=False)
_CORRUPT: Final = Problem(ErrorCode.CORRUPT_MESSAGE, in_log=False)
_OTHER_FORMAT: Final = Problem(ErrorCode.INVALID_RECORD, in_log=False)
_INVALID: Final = Problem(ErrorCode.INVALID_RECORD)
_TIMESTAMP: Final = Problem(ErrorCode.INVALID_TIMESTAMP)


def problem_of(batch: Batch, settings: LogSettings, now_ms: int) -> Problem | None:
    """Return why a client's batch is refused; None = it may be appended."""
    if batch.version != FORMAT:
        return _OTHER_FORMAT
    if batch.base_offset:
        return _INVALID
    if len(batch.data) > settings.message_bytes_max:
        return _TOO_LARGE
    if not checksum_holds(batch):
        return _CORRUPT
    if not _is_whole(batch) or _lacks_keys(batch, settings):
        return _INVALID
    return None if _timely(batch, settings, now_ms) else _TIMESTAMP


def _is_whole(batch: Batch) -> bool:
    """Whether offsets, count and sequence of a client's batch agree."""
    return (
        not batch.control
        and batch.count > 0
        and batch.last_delta + 1 == batch.count
        and (batch.producer_id < 0 or batch.first_sequence >= 0)
    )


def _lacks_keys(batch: Batch, settings: LogSettings) -> bool:
    return settings.compacts and any(record.key is None for record in decoded(batch))


def _timely(batch: Batch, settings: LogSettings, now_ms: int) -> bool:
    return settings.append_time or (
        batch.latest_ms - now_ms <= settings.after_max_ms
        and now_ms - batch.first_ms <= settings.before_max_ms
    )
