"""Make dead letters of input records that cannot be judged."""

from streams.processing.site import Site
from streams.processing.slice_result import Output, SliceResult
from streams.processing.topics import DEAD_LETTERS
from streams.records.dead_letters import dead_letter
from streams.records.json_values import Unreadable
from streams.records.record import Record
from streams.records.unread import remains_of


def bury(
    record: Record,
    why: Unreadable,
    at: tuple[int, int],
    site: Site,
    result: SliceResult,
) -> None:
    """Make the dead letter of an input record, and count it.

    Parameters
    ----------
    at
        Partition number and current time (UTC ms).
    """
    partition, now_ms = at
    letter = dead_letter(
        remains_of(record, site.letter_max_bytes),
        (site.input_topic, partition, record.offset),
        ("decode", why.error, why.message),
        now_ms,
        site.app_version,
    )
    result.outputs.append(Output(DEAD_LETTERS.name, letter))
    result.dead[why.error] = result.dead.get(why.error, 0) + 1
    result.dead_at.setdefault(why.error, record.offset)
