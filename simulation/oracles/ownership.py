"""Who owns an input partition, and which late writers nobody can keep from writing.

A writer without the partition is **stale**. The product promises nothing of a worker that
was suspended, cut off or killed with a request under way. It does promise that a worker
which gives its partitions up has waited for its outputs. So the write of such a worker is
stale only if it waited as long as it must; any other is its own fault, and is judged like
the write of an owner.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

import msgspec
from aiokafka.protocol.group import MemberAssignment

from testkit.simulated.groups.written import Written

_JOIN_GROUP: Final = 11
_LEAVE_GROUP: Final = 13


class _Request(msgspec.Struct, frozen=True):
    client: str
    number: int
    """Requests are counted: a millisecond holds many."""
    at_ms: int


_REQUEST: Final[ContextVar[_Request | None]] = ContextVar("request", default=None)
"""What the running task answers. A broker answers each request in the task that has told
of it, or in one that this task began."""


class _Client(msgspec.Struct):
    gave_up: _Request | None = None
    """Its last JoinGroup or LeaveGroup: by then it has given up what it had."""
    idle_ms: int = 0
    """How long it had not written by then."""
    wrote_ms: int = 0


class _Held(msgspec.Struct, frozen=True):
    """A partition in the hands of a client."""

    client: str
    since: int
    """Number of the first request that was answered since then."""


class _Lost(msgspec.Struct, frozen=True):
    """How a client lost a partition."""

    gave_up: _Request | None
    """With which request it gave it up; None = it was not asked."""
    idle_ms: int


class Ownership:
    """Partitions of the input topic, and the clients that own them.

    Parameters
    ----------
    group
        Returns the group as it is in its coordinator's log.
    topic
        The input topic.
    drain_ms
        How long a worker waits for its outputs, of which it keeps a quarter, at most, for
        leaving the group.
    """

    def __init__(
        self, group: Callable[[], Written | None], topic: str, drain_ms: int
    ) -> None:
        self._group = group
        self._topic = topic
        self._waits_ms = drain_ms * 3 // 4
        self._written: Written | None = None
        self._count = 0
        self._held: dict[int, _Held] = {}
        self._lost: dict[tuple[str, int], _Lost] = {}
        self._clients: dict[str, _Client] = {}

    def requested(self, api_key: int, client: str, now_ms: int) -> None:
        """Note a request before it is answered."""
        self._refresh()
        self._count += 1
        request = _Request(client, self._count, now_ms)
        _REQUEST.set(request)
        if api_key in (_JOIN_GROUP, _LEAVE_GROUP):
            known = self._clients.setdefault(client, _Client())
            known.gave_up = request
            known.idle_ms = now_ms - known.wrote_ms

    def owner(self, partition: int) -> str | None:
        """Return the client that owns a partition; None = nobody does."""
        held = self._held.get(partition)
        return None if held is None else held.client

    def writes_stale(self, partition: int, now_ms: int) -> bool:
        """Whether the request that is answered now is a stale writer's; it wrote something."""
        request = _REQUEST.get()
        if request is None:
            return False
        self._refresh()
        self._clients.setdefault(request.client, _Client()).wrote_ms = now_ms
        held = self._held.get(partition)
        owns = held is not None and held.client == request.client
        if owns and held is not None and request.number >= held.since:
            return False
        lost = self._lost.get((request.client, partition))
        return lost is not None and self._may_write(lost, request)

    def _may_write(self, lost: _Lost, request: _Request) -> bool:
        if lost.gave_up is None:
            return True
        if request.number < lost.gave_up.number:
            return lost.gave_up.at_ms - request.at_ms >= self._waits_ms
        # Sent again after it had waited: nothing of it had come through all the time.
        return lost.idle_ms >= self._waits_ms

    def _refresh(self) -> None:
        written = self._group()
        if written is self._written:
            return
        self._written = written
        now: dict[int, str] = {}
        for member in written.members.values() if written is not None else ():
            for partition in self._assigned(member.assignment):
                now[partition] = member.request.client_id
        for partition, held in list(self._held.items()):
            client = self._clients.setdefault(held.client, _Client())
            gave_up = client.gave_up
            if gave_up is not None and gave_up.number < held.since:
                gave_up = None
            if gave_up is not None or now.get(partition) != held.client:
                self._lost[held.client, partition] = _Lost(gave_up, client.idle_ms)
                del self._held[partition]
        for partition, owner in now.items():
            self._held.setdefault(partition, _Held(owner, self._count + 1))

    def _assigned(self, assignment: bytes) -> list[int]:
        if not assignment:
            return []
        return [
            number
            for topic, partitions in MemberAssignment.decode(assignment).assignment
            if topic == self._topic
            for number in partitions
        ]
