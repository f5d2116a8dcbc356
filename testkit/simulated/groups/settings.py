"""What a group coordinator is configured with."""

from typing import Final

import msgspec

NEW_MEMBER_JOIN_TIMEOUT_MS: Final = 5 * 60 * 1000
"""How long a JoinGroup of a member that has no id yet may wait; fixed in Kafka."""


class GroupSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Broker properties; the defaults are Kafka 4.3's but where the text says otherwise."""

    initial_rebalance_delay_ms: int = 0
    """``group.initial.rebalance.delay.ms``; 0 as in the test broker, Kafka's default is 3000."""
    min_session_timeout_ms: int = 6_000
    max_session_timeout_ms: int = 1_800_000
    max_size: int = 2_147_483_647
    offset_metadata_max_bytes: int = 4_096
    offsets_retention_ms: int = 7 * 24 * 3_600_000
    offsets_check_interval_ms: int = 600_000
    load_ms: int = 40
    """How long a coordinator that has taken over a group reads its log."""
