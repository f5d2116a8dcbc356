"""A member of a group, and what it is told."""

import asyncio
from collections.abc import Collection
from typing import TypeAlias, TypeVar

import msgspec

from testkit.simulated.error_codes import ErrorCode

Protocols: TypeAlias = tuple[tuple[str, bytes], ...]
"""Name and metadata of each assignor that a member offers, the most wanted first."""

_Answer = TypeVar("_Answer")


class JoinRequest(msgspec.Struct, frozen=True, kw_only=True):
    """JoinGroup, whatever its version."""

    member_id: str
    """Empty = the member has no id yet."""
    instance_id: str | None = None
    client_id: str
    client_host: str
    protocol_type: str
    protocols: Protocols
    session_timeout_ms: int
    rebalance_timeout_ms: int
    needs_id_first: bool = True
    """From version 4 on a new member is given an id, and has to ask again with it."""


class MemberView(msgspec.Struct, frozen=True):
    """What the leader is told of a member."""

    member_id: str
    instance_id: str | None
    metadata: bytes


class JoinAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to JoinGroup."""

    error: ErrorCode = ErrorCode.NONE
    generation: int = -1
    protocol: str = ""
    leader: str = ""
    member_id: str = ""
    members: tuple[MemberView, ...] = ()


class SyncAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to SyncGroup."""

    error: ErrorCode = ErrorCode.NONE
    assignment: bytes = b""


class Member:
    """A member of a group, with the requests of it that wait for an answer."""

    __slots__ = (
        "assignment",
        "client_host",
        "client_id",
        "instance_id",
        "is_new",
        "joining",
        "member_id",
        "protocol_type",
        "protocols",
        "rebalance_timeout_ms",
        "session_timeout_ms",
        "syncing",
    )

    def __init__(self, member_id: str, request: JoinRequest) -> None:
        self.member_id = member_id
        self.instance_id = request.instance_id
        self.client_id = request.client_id
        self.client_host = request.client_host
        self.protocol_type = request.protocol_type
        self.protocols = request.protocols
        self.session_timeout_ms = request.session_timeout_ms
        self.rebalance_timeout_ms = request.rebalance_timeout_ms
        self.assignment = b""
        self.is_new = False
        """Its first JoinGroup has not been answered yet."""
        self.joining: asyncio.Future[JoinAnswer] | None = None
        self.syncing: asyncio.Future[SyncAnswer] | None = None

    def update(self, request: JoinRequest) -> None:
        """Take over what the member says when it joins again."""
        self.protocols = request.protocols
        self.session_timeout_ms = request.session_timeout_ms
        self.rebalance_timeout_ms = request.rebalance_timeout_ms

    def said(self) -> JoinRequest:
        """Return what the member has said of itself."""
        return JoinRequest(
            member_id=self.member_id,
            instance_id=self.instance_id,
            client_id=self.client_id,
            client_host=self.client_host,
            protocol_type=self.protocol_type,
            protocols=self.protocols,
            session_timeout_ms=self.session_timeout_ms,
            rebalance_timeout_ms=self.rebalance_timeout_ms,
        )

    def metadata(self, protocol: str) -> bytes:
        """Return what the member said for an assignor."""
        return dict(self.protocols)[protocol]

    def vote(self, candidates: Collection[str]) -> str:
        """Return the candidate that the member wants most."""
        return next(name for name, _ in self.protocols if name in candidates)

    def is_waiting(self) -> bool:
        """Tell whether a request of it waits, so that it need not send heartbeats.

        The first JoinGroup does not count: a client may have given it up.
        """
        waits = self.joining is not None or self.syncing is not None
        return waits and not self.is_new

    def answer_join(self, answer: JoinAnswer) -> None:
        """Answer the JoinGroup that waits, if one does."""
        waiting, self.joining = self.joining, None
        _resolve(waiting, answer)

    def answer_sync(self, answer: SyncAnswer) -> bool:
        """Answer the SyncGroup that waits; tell whether one did."""
        waiting, self.syncing = self.syncing, None
        _resolve(waiting, answer)
        return waiting is not None


def _resolve(waiting: "asyncio.Future[_Answer] | None", answer: _Answer) -> None:
    """Answer; no matter when the connection, and whoever waits on it, is gone."""
    if waiting is not None and not waiting.done():
        waiting.set_result(answer)
