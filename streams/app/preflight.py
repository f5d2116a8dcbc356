"""Before anything starts: a broker that answers, and topics that are right."""

import logging
from typing import TypeAlias

from aiokafka.errors import KafkaError

from streams.app.names import written
from streams.app.service import monotonic_ms, pause_before_retry
from streams.errors import TopicsError, WorkerError
from streams.kafka.room import Room, look
from streams.kafka.topics import admin_client, check_settings, check_shapes, needed
from streams.settings import Settings

log = logging.getLogger(__name__)


async def check_topics(settings: Settings) -> Room:
    """Wait for a broker, then refuse to start on topics that lose or misplace records.

    aiokafka waits for ever for a topic that does not exist, and a wrong partition
    count sends buyers to partitions nobody relates. Facts that a broker deletes, by age or
    by size, forbid nothing any more. Other differences from what is declared are logged.

    Returns
    -------
    Room
        How large a record each topic takes.

    Raises
    ------
    TopicsError
        A topic is missing, has another shape, or loses facts; one line each.
    WorkerError
        No broker answered within ``load_timeout_ms``, or an output topic takes no record
        of the usual size: mended there, a start is all that it needs.
    """
    problems, remarks, room = await _look_patiently(settings)
    for remark in remarks:
        log.warning("%s", remark)
    if problems:
        raise TopicsError(problems)
    small = "; ".join(room.problems())
    if small:
        raise WorkerError(small)
    return room


_Looked: TypeAlias = tuple[tuple[str, ...], tuple[str, ...], Room]
"""Problems, remarks, and how much topics take."""


async def _look_patiently(settings: Settings) -> _Looked:
    began = monotonic_ms()
    while True:
        try:
            return await _look(settings)
        except (KafkaError, OSError) as problem:
            if monotonic_ms() - began > settings.worker.load_timeout_ms:
                raise WorkerError(f"no broker answers: {problem}") from problem
            log.warning("no broker answers yet: %s", problem)
            await pause_before_retry()


async def _look(settings: Settings) -> _Looked:
    specs = needed(settings)
    async with admin_client(settings.kafka) as admin:
        found = await check_settings(admin, specs)
        problems = await check_shapes(admin, specs) + found.refused
        if problems:
            return problems, found.remarks, Room()
        return problems, found.remarks, await look(admin, written(settings))
