"""A universe in which nothing can happen any more ends, and says that it is stuck."""

from simulation import universe
from simulation.drawing import plan_of
from simulation.plan import Plan
from testkit.simulated import loop

_REQUESTS = "refund.requests/0"
_MOST_S = 200.0


def _stuck_at_the_first_request() -> universe.Tell:
    """Return what lets worker 1 stand still from the first request on, until SIGTERM."""

    def tell(who: str, what: str) -> None:
        if what == "SIGTERM":
            loop.current().resume("worker-1")
        elif who == _REQUESTS and what.startswith("gets"):
            loop.current().suspend("worker-1")

    return tell


def _plan() -> Plan:
    """Return a calm universe with one worker."""
    plans = (plan_of(seed, "calm") for seed in range(1, 100))
    return next(
        plan
        for plan in plans
        if plan.workers.count == 1 and plan.cluster.partitions == 1
    )


def test_a_worker_that_stands_still_is_told_as_stuck_before_ten_minutes() -> None:
    verdict = universe.run(_plan(), _stuck_at_the_first_request())
    assert {one.rule for one in verdict.findings} == {"nobody_is_stuck"}
    assert verdict.virtual_s < _MOST_S


def test_the_same_universe_without_that_ends_well() -> None:
    assert universe.run(_plan()).findings == ()
