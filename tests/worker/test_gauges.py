"""What a worker shows of its lag."""

import pytest

from streams.worker.gauges import SourceGauges
from testkit.samples import NOW, NUMBER
from tests.families.fast_refund.stage import INPUT, Stage, ready

pytestmark = pytest.mark.asyncio

HOUR_MS = 3_600_000


def shown(stage: Stage) -> tuple[int, int]:
    return SourceGauges(stage.source, lambda: stage.now_ms).lag()[NUMBER]


async def test_a_backlog_that_is_worked_off_is_as_old_as_its_oldest_record() -> None:
    async with ready() as stage:
        for number in range(3):
            stage.ask(refund_id=f"r-{number}")
        stage.now_ms = NOW + HOUR_MS
        polled = await stage.consumer.getmany(timeout_ms=1, max_records=2)
        await stage.source._hand_out(polled)  # type: ignore[arg-type]  # noqa: SLF001 - one poll of run()
        assert shown(stage) == (3, HOUR_MS)
        claim = stage.source.offsets.track_slice(INPUT, 2)
        claim.release()
        stage.slices.clear()
        await stage.read()
        assert shown(stage) == (3, HOUR_MS)  # moved a moment ago, and old still
        stage.source.offsets.track_slice(INPUT, 3).release()
        assert shown(stage) == (3, 0)  # decided, and not committed yet
        await stage.source.commits.commit()
        assert shown(stage) == (0, 0)


async def test_of_records_that_nobody_fetched_the_age_is_how_long_nothing_moved() -> (
    None
):
    async with ready() as stage:
        stage.ask()
        stage.ask()
        await stage.consumer.getmany(timeout_ms=1, max_records=1)
        stage.now_ms += HOUR_MS
        assert shown(stage) == (2, HOUR_MS)
