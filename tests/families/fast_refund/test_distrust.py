"""What was found of the fast path survives the worker that found it."""

import pytest

from streams.kafka.commit_marks import CommitMarks, read_mark
from tests.families.fast_refund.stage import INPUT, Stage, ready
from tests.families.fast_refund.world import SITE, World


def found_wrong(stage: Stage) -> bool:
    return stage.process.judging.fast_path.doubtful


async def decided_and_committed(stage: Stage) -> None:
    stage.ask()
    await stage.decide()
    await stage.sink.flush()
    await stage.source.commits.commit()


@pytest.mark.parametrize("wrong", [True, False])
@pytest.mark.asyncio
async def test_a_worker_of_the_same_version_does_not_switch_the_fast_path_on_again(
    *, wrong: bool
) -> None:
    async with ready() as first:
        first.process.judging.fast_path.doubtful = wrong
        await decided_and_committed(first)
    async with ready(first.log) as second:
        assert found_wrong(second) is wrong
        news = second.process.judging.fast_path.news
        assert any("another version runs" in one.text for one in news) is wrong
        await decided_and_committed(second)  # and passes it on
    async with ready(first.log) as third:
        assert found_wrong(third) is wrong


@pytest.mark.parametrize(
    ("distrusted", "wrong"),
    [(SITE.app_version, True), ("1.2.4", False), (None, False)],
)
def test_another_version_uses_its_fast_path(
    distrusted: str | None, *, wrong: bool
) -> None:
    fast_path = World().judge.fast_path
    fast_path.heard([None, distrusted])
    assert fast_path.doubtful is wrong


def test_what_an_older_version_found_is_kept_for_whoever_goes_back_to_it() -> None:
    marks = CommitMarks(lambda _topic: "id")
    marks.begin(INPUT, None, "1.0.0")

    def committed() -> str | None:
        mark = read_mark(marks.text(INPUT, 2), 2)
        assert mark is not None
        return mark.distrusts

    assert committed() == "1.0.0"
    marks.distrusts = lambda: "1.1.0"
    assert committed() == "1.1.0"
