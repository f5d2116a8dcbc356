"""Settings of a topic: Kafka's defaults, and those that its logs read."""

from collections.abc import Mapping
from typing import Final

import msgspec

DEFAULTS: Final[Mapping[str, str]] = {
    "cleanup.policy": "delete",
    "compression.gzip.level": "-1",
    "compression.lz4.level": "9",
    "compression.type": "producer",
    "compression.zstd.level": "3",
    "delete.retention.ms": "86400000",
    "file.delete.delay.ms": "60000",
    "flush.messages": "9223372036854775807",
    "flush.ms": "9223372036854775807",
    "follower.replication.throttled.replicas": "",
    "index.interval.bytes": "4096",
    "leader.replication.throttled.replicas": "",
    "local.retention.bytes": "-2",
    "local.retention.ms": "-2",
    "max.compaction.lag.ms": "9223372036854775807",
    "max.message.bytes": "1048588",
    "message.timestamp.after.max.ms": "3600000",
    "message.timestamp.before.max.ms": "9223372036854775807",
    "message.timestamp.type": "CreateTime",
    "min.cleanable.dirty.ratio": "0.5",
    "min.compaction.lag.ms": "0",
    "min.insync.replicas": "1",
    "preallocate": "false",
    "remote.log.copy.disable": "false",
    "remote.log.delete.on.disable": "false",
    "remote.storage.enable": "false",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
    "segment.bytes": "1073741824",
    "segment.index.bytes": "10485760",
    "segment.jitter.ms": "0",
    "segment.ms": "604800000",
    "unclean.leader.election.enable": "false",
}
"""What a broker with no settings of its own gives a topic."""

_WHOLE: Final[Mapping[str, tuple[str, int]]] = {
    "delete.retention.ms": ("LONG", 0),
    "file.delete.delay.ms": ("LONG", 0),
    "flush.messages": ("LONG", 1),
    "flush.ms": ("LONG", 0),
    "index.interval.bytes": ("INT", 0),
    "max.compaction.lag.ms": ("LONG", 1),
    "max.message.bytes": ("INT", 0),
    "message.timestamp.after.max.ms": ("LONG", 0),
    "message.timestamp.before.max.ms": ("LONG", 0),
    "min.compaction.lag.ms": ("LONG", 0),
    "min.insync.replicas": ("INT", 1),
    "retention.bytes": ("LONG", -(2**63)),
    "retention.ms": ("LONG", -1),
    "segment.bytes": ("INT", 1_048_576),
    "segment.index.bytes": ("INT", 4),
    "segment.jitter.ms": ("LONG", 0),
    "segment.ms": ("LONG", 1),
}
"""Settings that are whole numbers: their type, and the smallest allowed one."""

_ONE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "cleanup.policy": ("compact", "delete"),
    "compression.type": ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"),
    "message.timestamp.type": ("CreateTime", "LogAppendTime"),
}


def setting_problem(name: str, value: str | None) -> str | None:
    """Return why a topic may not have this setting, in Kafka's words."""
    if name not in DEFAULTS:
        return f"Unknown topic config name: {name}"
    if value is None:
        return f"Null value not supported for topic configs: {name}"
    why: str | None = None
    if name == "min.cleanable.dirty.ratio":
        return _ratio_problem(name, value)
    if name in _WHOLE:
        why = _number_problem(value, *_WHOLE[name])
    elif name in _ONE_OF:
        why = _choice_problem(name, value)
    elif DEFAULTS[name] in ("true", "false") and value not in ("true", "false"):
        why = "Expected value to be either true or false"
    return why and f"Invalid value {value} for configuration {name}: {why}"


def _ratio_problem(name: str, value: str) -> str | None:
    begin = f"Invalid value {value} for configuration {name}:"
    if not value.removeprefix("-").replace(".", "", 1).isdecimal():
        return f"{begin} Not a number of type DOUBLE"
    begin = f"Invalid value {float(value)} for configuration {name}:"
    if float(value) > 1:
        return f"{begin} Value must be no more than 1"
    return f"{begin} Value must be at least 0" if float(value) < 0 else None


def _number_problem(value: str, kind: str, least: int) -> str | None:
    if not value.strip().removeprefix("-").isdecimal():
        return f"Not a number of type {kind}"
    return None if int(value) >= least else f"Value must be at least {least}"


def _choice_problem(name: str, value: str) -> str | None:
    allowed = _ONE_OF[name]
    several = name == "cleanup.policy"
    chosen = [one.strip() for one in value.split(",")] if several else [value]
    if all(one in allowed for one in chosen) or (several and not value):
        return None
    return f"String must be one of: {', '.join(allowed)}"


class LogSettings(msgspec.Struct, frozen=True, gc=False):
    """The settings that a partition's log reads, as numbers."""

    compacts: bool
    deletes: bool
    append_time: bool
    """Whether the broker sets the timestamps."""
    message_bytes_max: int
    after_max_ms: int
    """How far a timestamp may be ahead of the broker's clock."""
    before_max_ms: int
    retention_ms: int
    """-1 = for ever."""
    retention_bytes: int
    """-1 = without limit."""
    segment_bytes: int
    segment_ms: int
    tombstones_ms: int
    """How long tombstones and markers are kept after they were cleaned."""
    compaction_lag_ms: int
    in_sync_min: int


def log_settings(chosen: Mapping[str, str]) -> LogSettings:
    """Read what was chosen for a topic, in place of the defaults."""
    all_of = {**DEFAULTS, **chosen}

    def number(name: str) -> int:
        return int(all_of[name])

    policies = [one.strip() for one in all_of["cleanup.policy"].split(",")]
    return LogSettings(
        "compact" in policies,
        "delete" in policies,
        all_of["message.timestamp.type"] == "LogAppendTime",
        number("max.message.bytes"),
        number("message.timestamp.after.max.ms"),
        number("message.timestamp.before.max.ms"),
        number("retention.ms"),
        number("retention.bytes"),
        number("segment.bytes"),
        number("segment.ms"),
        number("delete.retention.ms"),
        number("min.compaction.lag.ms"),
        number("min.insync.replicas"),
    )
