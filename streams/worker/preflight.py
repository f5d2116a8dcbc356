"""Check before the start: login, rights and the topics' configuration."""

import logging

import msgspec

from streams.errors import AccessError, TopicsError, WorkerError
from streams.kafka.errors import FOREIGN, translated
from streams.kafka.rights import missing, rights
from streams.kafka.room import Room, look
from streams.kafka.topic_admin import admin_client, check_settings, check_shapes, needed
from streams.platforms.registry import groups, installed
from streams.settings import Settings
from streams.settings.topics import topic_name, written_by
from streams.worker.supervision import monotonic_ms, pause_before_retry

log = logging.getLogger(__name__)


async def check_topics(settings: Settings) -> Room:
    """Wait for a broker; refuse to start without rights or on topics that lose records.

    aiokafka waits for ever for a topic that does not exist, and a wrong partition count
    sends the records of one buyer to unrelated partitions. A fact that the broker has
    deleted, by age or size, no longer forbids an approval. Other differences from the
    declared configuration are logged.

    Returns
    -------
    Room
        The largest record that each topic accepts.

    Raises
    ------
    AccessError
        Login or certificate is refused, or a right is missing; one line each.
    TopicsError
        A topic is missing, has another shape, or loses facts; one line each.
    WorkerError
        No broker answered within ``load_timeout_ms``, or an output topic rejects
        records of the usual size: once that is corrected, a new start is enough.
    """
    found = await _look_patiently(settings)
    for remark in found.remarks:
        log.warning("%s", remark)
    if found.refused:
        raise AccessError((*found.refused, *found.problems))
    if found.problems:
        raise TopicsError(found.problems)
    small = "; ".join(found.room.problems())
    if small:
        raise WorkerError(small)
    return found.room


class _Found(msgspec.Struct, frozen=True):
    """What the check of the cluster found, one line each."""

    refused: tuple[str, ...]
    """Missing rights."""
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    room: Room = msgspec.field(default_factory=Room)
    """Size limits of topics; read when nothing else is wrong."""


async def _look_patiently(settings: Settings) -> _Found:
    began = monotonic_ms()
    while True:
        try:
            return await _look(settings)
        except FOREIGN as problem:
            if monotonic_ms() - began > settings.worker.load_timeout_ms:
                raise translated(problem, "no broker answers", WorkerError) from problem
            log.warning("no broker answers yet: %s", problem)
            await pause_before_retry()


async def _look(settings: Settings) -> _Found:
    kafka, rows = settings.kafka, installed(settings)
    name = kafka.sasl_username
    user = "this client" if name is None else f"user {name}"
    async with admin_client(kafka) as admin:
        hidden, barred = await missing(
            admin, rights(rows, settings), groups(settings), user
        )
        refused = (*barred, *hidden.values())
        specs = [spec for spec in needed(rows, settings) if spec.name not in hidden]
        found = await check_settings(admin, specs)
        problems = await check_shapes(admin, specs) + found.refused
        if refused or problems:
            return _Found(refused, problems, found.remarks)
        written = written_by(rows, settings.worker.roles)
        room = await look(admin, [topic_name(row, settings.topics) for row in written])
        return _Found((), (), found.remarks, room)
