from array import array

from bench.latency import Answers, Probe, figures

RATE, SECONDS = 1_000, 4
PROBE = Probe(RATE, SECONDS, warm_up_s=1, first=0, patience_s=1.0)
GAP_NS = 1_000_000
START_NS = 5_000_000_000
MS = 1_000_000


def answers(took_ns: list[int], late_ns: int = 0) -> Answers:
    seen = array(
        "q", [START_NS + number * GAP_NS + took for number, took in enumerate(took_ns)]
    )
    late = array("q", [late_ns] * len(took_ns))
    return Answers(START_NS, late, seen, repeats=0, approved=len(took_ns))


def test_quantiles_are_of_what_comes_after_the_warm_up() -> None:
    took = [900 * MS] * RATE + [2 * MS] * (RATE * SECONDS - 40) + [7 * MS] * 40
    found = figures(PROBE, answers(took), 10)
    assert (found.p50_ms, found.p99_ms, found.max_ms) == (2.0, 2.0, 7.0)
    assert found.kept


def test_an_engine_that_falls_behind_has_no_latency_only_a_queue() -> None:
    slow = [number * MS for number in range(PROBE.count)]  # half the rate
    found = figures(PROBE, answers(slow), 10)
    assert not found.kept
    assert found.p50_ms is None


def test_an_engine_whose_outputs_did_not_all_come_did_not_keep_the_rate() -> None:
    given = answers([MS] * PROBE.count)
    given.seen[-1] = 0
    assert given.missing == 1
    assert not figures(PROBE, given, 10).kept


def test_a_late_generator_refuses_the_run_and_blames_no_engine() -> None:
    found = figures(PROBE, answers([MS] * PROBE.count, late_ns=11 * MS), 10)
    assert found.refused
    assert found.kept
    assert found.p99_ms is None
    assert found.lateness_ms == 11.0


def test_a_generator_as_late_as_allowed_is_in_time() -> None:
    found = figures(PROBE, answers([MS] * PROBE.count, late_ns=10 * MS), 10)
    assert not found.refused
    assert found.p99_ms == 1.0
