"""What is committed beside an offset."""

from aiokafka import TopicPartition

from streams.kafka.commit_marks import CommitMarks, fingerprint, read_mark
from testkit.fakes import FakeLog

P0 = TopicPartition("refund.requests", 0)


def test_a_record_that_is_not_read_is_no_mark_of_the_log() -> None:
    """How much of it is known depends on settings; with others it must not look changed."""
    log = FakeLog()
    log.write(P0, b"good", b"k")
    log.write_unread(P0, b"k", b"v")
    good, unread = log.records[P0]
    marks = CommitMarks(lambda _topic: "id")
    marks.begin(P0, None)
    marks.delivered(P0, good)
    marks.delivered(P0, unread)
    mark = read_mark(marks.text(P0, 2), 2)
    assert mark is not None
    assert (mark.to, mark.last) == (2, fingerprint(good))
