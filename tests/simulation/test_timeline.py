import io

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from simulation.timeline import (
    Event,
    Timeline,
    folded,
    json_lines,
    moment,
    plain,
    show,
    table,
)


def event(at_us: int, who: str, what: str) -> Event:
    return Event(at_us=at_us, who=who, what=what)


RUN = [
    event(0, "worker-1", "starts"),
    event(1_000, "refund-decide", "generation 1: worker-1"),
    event(500_000, "refund.requests/0", "gets 0"),
    event(501_000, "refund.orders/0", "gets 3-9"),
    event(502_000, "refund.approvals/0", "gets 0"),
    event(503_000, "refund-decide", "commits r/0 1"),
    event(600_000, "refund.requests/0", "gets 1"),
    event(650_000, "refund-decide", "commits r/0 2"),
    event(1_234_567, "action", "worker 1 is killed, back 1 s later"),
    event(2_000_000, "refund.requests/0", "gets 2"),
    event(2_300_000, "finding", "doubled: requests/0@1"),
]


def test_a_timeline_says_when_who_and_what() -> None:
    assert list(plain(RUN)) == [
        "    0.000000  worker-1            starts",
        "    0.001000  refund-decide       generation 1: worker-1",
        "    0.500000  refund.requests/0   gets 0 … gets 1 (2 times until 0.600000)",
        "    0.502000  refund.approvals/0  gets 0",
        "    0.503000  refund-decide       commits r/0 1 … commits r/0 2 (2 times until 0.650000)",
        "    1.234567  action              worker 1 is killed, back 1 s later",
        "    2.000000  refund.requests/0   gets 2",
        "    2.300000  finding             doubled: requests/0@1",
        "left out: facts and watermarks, written 1 times",
    ]


def test_an_empty_run_has_an_empty_timeline() -> None:
    assert list(plain([])) == []
    assert list(json_lines([])) == []


def test_commits_of_two_partitions_are_two_lines() -> None:
    commits = [event(at, "g", f"commits requests/{at % 2} {at}") for at in range(6)]
    assert [line.times for line in folded(commits)] == [3, 3]


def test_equal_events_are_not_told_as_a_range() -> None:
    (line,) = plain([event(1, "g", "commits r/0 5"), event(2, "g", "commits r/0 5")])
    assert line.endswith("commits r/0 5 (2 times until 0.000002)")


def test_what_does_not_happen_all_the_time_is_never_folded() -> None:
    starts = [event(at, "worker-1", "starts") for at in range(3)]
    assert [line.times for line in folded(starts)] == [1, 1, 1]


def test_foreign_text_cannot_forge_a_line() -> None:
    (line,) = plain([event(1, "worker-1", "ends: a\n    9.000000  action  nothing")])
    assert "a\\n    9" in line


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9_000_000),
            st.sampled_from(("requests/0", "approvals/1", "worker-1", "orders/0")),
            st.sampled_from(("gets 1", "gets 2-3", "commits r/0 4", "starts")),
        )
    )
)
def test_every_event_is_in_exactly_one_line_and_order_is_kept(
    drawn: list[tuple[int, str, str]],
) -> None:
    events = [event(*one) for one in sorted(drawn, key=lambda one: one[0])]
    lines = folded(events)
    assert sum(line.times for line in lines) == len(events)
    firsts = [line.first.at_us for line in lines]
    assert firsts == sorted(firsts)
    for line in lines:
        between = [
            one
            for one in events
            if line.first.at_us < one.at_us < line.last.at_us and not one.is_often
        ]
        assert not between


def test_a_moment_is_shown_to_the_microsecond() -> None:
    assert [moment(at) for at in (0, 1, 1_500_000)] == [
        "0.000000",
        "0.000001",
        "1.500000",
    ]


def test_json_has_every_event_as_it_was() -> None:
    lines = list(json_lines(RUN))
    assert [msgspec.json.decode(line, type=Event) for line in lines] == RUN


def test_a_file_gets_lines_and_a_terminal_gets_a_table() -> None:
    file = io.StringIO()
    show(RUN, file)
    assert file.getvalue().splitlines() == list(plain(RUN))
    found = table(RUN)
    assert found.row_count == len(list(plain(RUN)))
    assert [column.header for column in found.columns] == ["s", "who", "what"]


def test_markup_in_what_happens_is_text() -> None:
    found = table([event(0, "worker-1", "ends: [red]no[/red] [/]")])
    (cell,) = found.columns[2].cells
    assert str(cell) == "ends: [red]no[/red] [/]"


def test_a_timeline_collects_what_it_is_told_at_its_moment() -> None:
    now = iter((5, 70))
    timeline = Timeline(lambda: next(now))
    timeline.tell("action", "a broker is down")
    timeline.tell("fault", "an answer is lost")
    assert timeline.events == [
        event(5, "action", "a broker is down"),
        event(70, "fault", "an answer is lost"),
    ]
