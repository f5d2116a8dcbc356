"""The metadata response of version 10, with topic ids (KIP-516): aiokafka has none."""

from io import BytesIO
from typing import Final

from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)
from typing_extensions import override


class _Uuid(AbstractType):  # type: ignore[misc]  # aiokafka is untyped here
    @classmethod
    @override
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    @override
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_TEXT: Final = CompactString("utf-8")
WITH_IDS: Final = Schema(
    ("throttle_time_ms", Int32),
    (
        "brokers",
        CompactArray(
            ("node_id", Int32),
            ("host", _TEXT),
            ("port", Int32),
            ("rack", _TEXT),
            ("tags", TaggedFields),
        ),
    ),
    ("cluster_id", _TEXT),
    ("controller_id", Int32),
    (
        "topics",
        CompactArray(
            ("error_code", Int16),
            ("topic", _TEXT),
            ("topic_id", _Uuid),
            ("is_internal", Boolean),
            (
                "partitions",
                CompactArray(
                    ("error_code", Int16),
                    ("partition", Int32),
                    ("leader", Int32),
                    ("leader_epoch", Int32),
                    ("replicas", CompactArray(Int32)),
                    ("isr", CompactArray(Int32)),
                    ("offline_replicas", CompactArray(Int32)),
                    ("tags", TaggedFields),
                ),
            ),
            ("authorized_operations", Int32),
            ("tags", TaggedFields),
        ),
    ),
    ("authorized_operations", Int32),
    ("tags", TaggedFields),
)
