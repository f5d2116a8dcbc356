"""What a partition's log answers."""

from typing import Final

import msgspec

from testkit.simulated.error_codes import ErrorCode

UNKNOWN: Final = -1
"""An offset or a time that there is none of."""


class AppendResult(msgspec.Struct, frozen=True, gc=False):
    """What became of an append; the fields are those of a produce response."""

    error: ErrorCode
    base_offset: int = UNKNOWN
    append_ms: int = UNKNOWN
    """When the broker appended it; -1 = the timestamps are the client's."""
    log_start_offset: int = UNKNOWN
    next_offset: int = UNKNOWN
    """What the high watermark must reach for an acknowledgement by all."""
    repeated: bool = False
    """Whether it was in the log already."""

    @property
    def refused(self) -> bool:
        """Whether it is not in the log."""
        return self.error != ErrorCode.NONE


class Found(msgspec.Struct, frozen=True, gc=False):
    """A record that was looked for by its timestamp."""

    offset: int
    timestamp_ms: int
