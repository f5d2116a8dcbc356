"""Defects of outputs that answer no request: notices and follow-ups."""

from typing import Any

import msgspec

from simulation.defects.planting import Planting, put
from streams.families.fast_refund import due_notices
from streams.families.fast_refund.family import FastRefundProcess
from streams.families.fast_refund.tables import PartitionTables


def notice_without_its_id() -> Planting:
    """The id of a notice has the moment in it, so every reconciliation makes another one."""
    right = vars(due_notices)["_notice"]

    def notice(*arguments: Any) -> due_notices.Due:  # noqa: ANN401 - passed on
        found = right(*arguments)
        old, now_ms = found.identity, arguments[2]
        new = f"{old}:{now_ms}"
        value = found.value.replace(old.encode(), new.encode())
        changed: due_notices.Due = msgspec.structs.replace(
            found, identity=new, value=value
        )
        return changed

    return put(due_notices, "_notice", notice)


def notice_forgotten_at_takeover() -> Planting:
    """A take-over does not read back which notices are written."""
    right = vars(FastRefundProcess)["restore"]

    def restore(self: FastRefundProcess, topic: str, value: bytes) -> Any:  # noqa: ANN401
        found = right(self, topic, value)
        return "" if isinstance(found, str) else found

    return put(FastRefundProcess, "restore", restore)


def notice_not_noted() -> Planting:
    """A notice is not noted when it is written: the next reconciliation writes it again."""

    def note(self: PartitionTables, identity: str) -> None:
        """Note nothing."""

    return put(PartitionTables, "note", note)
