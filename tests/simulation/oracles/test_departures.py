"""How a worker may end, and what it may not leave behind."""

import pytest

from simulation.departure import Departure
from simulation.oracles import departures
from streams.errors import SourceError, UsageError


def end(
    code: int = 0,
    *,
    asked: bool = True,
    took_s: float = 0.1,
    failure: BaseException | None = None,
) -> Departure:
    return Departure(
        worker="worker-1.2", code=code, asked=asked, took_s=took_s, failure=failure
    )


REASON = SourceError("the input cannot be read")


@pytest.mark.parametrize(
    "departure",
    [
        end(),
        end(1, asked=False, failure=REASON),
    ],
)
def test_documented_ends_are_accepted(departure: Departure) -> None:
    assert departures.exit_code(departure, replaced=False) == []


@pytest.mark.parametrize(
    ("departure", "rule"),
    [
        (end(1, failure=REASON), "a_stop_is_clean"),
        (end(2, failure=UsageError("no")), "a_stop_is_clean"),
        (end(0, asked=False), "nobody_ends_unasked"),
        (end(2, asked=False, failure=UsageError("no")), "the_code_is_documented"),
        (end(7, asked=False, failure=REASON), "the_code_is_documented"),
        (end(1, asked=False, failure=KeyError("x")), "a_failure_has_a_reason"),
    ],
)
def test_every_other_end_is_a_finding(departure: Departure, rule: str) -> None:
    (found,) = departures.exit_code(departure, replaced=False)
    assert (found.kind, found.rule, found.place) == ("exit_code", rule, "worker-1.2")


def test_where_a_log_was_replaced_code_2_is_right_even_after_sigterm() -> None:
    refused = end(2, failure=UsageError("another log"))
    assert departures.exit_code(refused, replaced=True) == []


def test_an_end_may_take_its_drain_time_and_a_grace() -> None:
    most_s = 5 + departures.GRACE_S
    assert departures.in_time(end(took_s=most_s), 5) == []
    (found,) = departures.in_time(end(took_s=most_s + 0.1), 5)
    assert found.rule == "a_stop_ends_in_time"


def test_nothing_may_be_left() -> None:
    assert departures.all_closed(end(), []) == []
    assert departures.all_ended(end(), []) == []
    (open_one,) = departures.all_closed(end(), ["worker-1 -> broker-1"])
    (running,) = departures.all_ended(end(), ["Source._take_over#7"])
    assert open_one.rule == "all_clients_are_closed"
    assert running.rule == "no_task_is_left"
    assert "worker-1.2 ended" in open_one.text
    assert "_take_over" in running.text
