"""Before anything starts: a broker that answers, and topics that are right."""

import logging

from aiokafka.errors import KafkaError

from streams.app.service import monotonic_ms, pause_before_retry
from streams.errors import TopicsError, WorkerError
from streams.kafka.topics import admin_client, check_settings, check_shapes, needed
from streams.settings import Settings

log = logging.getLogger(__name__)


async def check_topics(settings: Settings) -> None:
    """Wait for a broker, then refuse to start on topics that lose or misplace records.

    aiokafka waits for ever for a topic that does not exist, and a wrong partition
    count sends buyers to partitions nobody relates. Other differences from what is
    declared are logged.

    Raises
    ------
    TopicsError
        A topic is missing or has another shape; one line each.
    WorkerError
        No broker answered within ``load_timeout_ms``.
    """
    problems, remarks = await _look_patiently(settings)
    for remark in remarks:
        log.warning("%s", remark)
    if problems:
        raise TopicsError(problems)


async def _look_patiently(
    settings: Settings,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    began = monotonic_ms()
    while True:
        try:
            return await _look(settings)
        except (KafkaError, OSError) as problem:
            if monotonic_ms() - began > settings.worker.load_timeout_ms:
                raise WorkerError(f"no broker answers: {problem}") from problem
            log.warning("no broker answers yet: %s", problem)
            await pause_before_retry()


async def _look(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    specs = needed(settings)
    async with admin_client(settings.kafka) as admin:
        return await check_shapes(admin, specs), await check_settings(admin, specs)
