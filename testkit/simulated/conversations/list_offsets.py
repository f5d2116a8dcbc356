"""ListOffsets: the ends of a log, and the record at a point in time."""

from dataclasses import replace
from typing import Final

from testkit.simulated.conversations.batches import Batch
from testkit.simulated.conversations.logs import EARLIEST, LATEST, READ_COMMITTED, Log
from testkit.simulated.conversations.talk import Conversation, Talk

_T_MS: Final = 1_700_000_000_000


async def _log(talk: Talk) -> Log:
    return Log(await talk.peer(), await talk.topic())


async def ends_of_a_log(talk: Talk) -> None:
    """First and next offset; of an empty log, then with records, then without the first."""
    log = await _log(talk)
    for what in ("empty", "one batch", "two batches"):
        talk.say(what, await log.offset(EARLIEST), await log.offset(LATEST))
        await log.append(Batch([b"a", b"b", b"c"]))
    talk.say("delete", await log.delete_before(4))
    talk.say("afterwards", await log.offset(EARLIEST), await log.offset(LATEST))
    stable = await log.offset(LATEST, READ_COMMITTED)
    talk.say("read_committed", stable)


async def first_record_at_or_after_a_time(talk: Talk) -> None:
    """Record by record, also inside a batch."""
    log = await _log(talk)
    stamps = [_T_MS, _T_MS + 10, _T_MS + 20]
    await log.append(Batch([b"a", b"b", b"c"], timestamps_ms=stamps))
    await log.append(Batch([b"d", b"e"], timestamps_ms=[_T_MS + 30, _T_MS + 40]))
    for ahead in (-5, 0, 1, 10, 15, 20, 25, 30, 35, 40, 41):
        found = await log.offset(_T_MS + ahead)
        since = found[1] if found[1] < 0 else found[1] - _T_MS
        talk.say(f"at {ahead}", found[0], since, found[2])


async def times_that_go_back(talk: Talk) -> None:
    """The first in the log counts, not the earliest."""
    log = await _log(talk)
    for ahead in (100, 50, 200, 70):
        await log.append(Batch([b"a"], timestamps_ms=[_T_MS + ahead]))
    back = [_T_MS + 300, _T_MS + 250]
    await log.append(Batch([b"b", b"c"], timestamps_ms=back))
    for ahead in (0, 60, 100, 101, 201, 260, 301):
        found = await log.offset(_T_MS + ahead)
        since = found[1] if found[1] < 0 else found[1] - _T_MS
        talk.say(f"at {ahead}", found[0], since, found[2])


async def time_of_deleted_records(talk: Talk) -> None:
    """Records before the start of the log are not found."""
    log = await _log(talk)
    for ahead in (0, 10, 20):
        await log.append(Batch([b"a"], timestamps_ms=[_T_MS + ahead]))
    await log.delete_before(2)
    for ahead in (0, 10, 20, 21):
        found = await log.offset(_T_MS + ahead)
        since = found[1] if found[1] < 0 else found[1] - _T_MS
        talk.say(f"at {ahead}", found[0], since, found[2])


async def ends_of_what_does_not_exist(talk: Talk) -> None:
    """A partition and a topic."""
    log = await _log(talk)
    talk.say("partition 2", await replace(log, number=2).offset(LATEST))
    missing = replace(log, topic=talk.name("missing"))
    talk.say("topic", await missing.offset(EARLIEST))
    talk.say("topic at a time", await missing.offset(_T_MS))


CONVERSATIONS: Final[tuple[Conversation, ...]] = (
    ends_of_a_log,
    first_record_at_or_after_a_time,
    times_that_go_back,
    time_of_deleted_records,
    ends_of_what_does_not_exist,
)
